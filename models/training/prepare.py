"""Stage 1: reads the labelled texts, normalises them as the runtime does, and writes work/{train,dev,evaluation}.jsonl.

Training rows too near to a dev or eval-data text are dropped, so that those stay unseen.
"""

import argparse
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from training.data import Row, near_duplicates, read_jsonl, write_rows
from training.settings import EVAL_DATA, OUTSIDE, OWN, REPO, SENTIMENT_ONLY, WORK
from training.vocabulary import write_tokenizer

N_REVIEWS = 4000  # short shop reviews, half of each class: sentiment only
REVIEW_CHARS = range(6, 41)
MIN_LEAK_CHARS = 6


def normalise(texts: list[str], binary: Path) -> list[str]:
    """Runs `fenzhen text normalize`, the only implementation of the rules, over all texts at once."""
    lines = "".join(" ".join(text.split()) + "\n" for text in texts)
    done = subprocess.run([binary, "text", "normalize"], input=lines, capture_output=True, text=True, check=True)
    result = done.stdout.split("\n")[:-1]
    if len(result) != len(texts):
        raise ValueError(f"the normaliser answered {len(texts)} lines with {len(result)}")
    return result


def normalise_rows(rows: list[Row], binary: Path) -> list[Row]:
    texts = normalise([row.text for row in rows], binary)
    return [replace(row, text=text) for row, text in zip(rows, texts) if text]


def outside_rows(name: str) -> list[Row]:
    keys = ("text", "intent", "sentiment", "clear", "agreed", "sentiment_agreed")
    records = read_jsonl(OUTSIDE / "utterances" / name)
    return [Row(origin="outside", **{key: record[key] for key in keys}) for record in records]


def own_rows() -> list[Row]:
    rows = []
    for path in sorted(OWN.glob("*.jsonl")):
        for record in read_jsonl(path):
            intent = None if path.name in SENTIMENT_ONLY else record["intent"]
            rows.append(Row(record["text"], intent, record["sentiment"], "own"))
    return list({row.text: row for row in rows}.values())


def review_rows() -> list[Row]:
    """Short reviews of each class, evenly spaced because the file is grouped by category."""
    records = read_jsonl(OUTSIDE / "sentiment" / "shopping_train.jsonl")
    rows: list[Row] = []
    for sentiment in ("negative", "positive"):
        texts = [r["text"] for r in records if r["sentiment"] == sentiment and len(r["text"]) in REVIEW_CHARS]
        step = max(1, len(texts) // (N_REVIEWS // 2))
        rows += [Row(text, None, sentiment, "review") for text in texts[::step][: N_REVIEWS // 2]]
    return rows


def evaluation_rows() -> list[Row]:
    """The project's own evaluation set: measured at the end, never trained or tuned on."""
    path = EVAL_DATA / "intent.jsonl"
    records = read_jsonl(path) if path.exists() else []
    return [Row(r["text"], r["intent"], r["sentiment"], "eval", clear=r["clear"]) for r in records]


def evaluation_texts(value: object) -> Iterator[str]:
    """All that customers say in the evaluation sets: messages, queries and the steps of conversations.

    Very short ones are left out: everybody says 你好, and a model must have seen it.
    """
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from evaluation_texts(part)
    if isinstance(value, dict):
        said = (value.get(key) for key in ("text", "query", "say"))
        yield from (text for text in said if isinstance(text, str) and len(text) >= MIN_LEAK_CHARS)


def drop_leaks(rows: list[Row], unseen: list[str]) -> list[Row]:
    leaks = near_duplicates([row.text for row in rows], unseen)
    kept = [row for row, leak in zip(rows, leaks) if not leak]
    print(f"dropped {len(rows) - len(kept)} of {len(rows)} {rows[0].origin if rows else ''} rows near unseen texts")
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    binary = parser.parse_args().normalizer
    if not binary.exists():
        parser.error(f"{binary} is missing: build it with cargo build --release, or name another with --normalizer")

    WORK.mkdir(parents=True, exist_ok=True)
    dev = normalise_rows(outside_rows("dev.jsonl"), binary)
    evaluation = normalise_rows(evaluation_rows(), binary)
    sets = [read_jsonl(path) for path in sorted(EVAL_DATA.glob("*.jsonl"))]
    unseen = [row.text for row in dev] + normalise(list(evaluation_texts(sets)), binary)
    sources = (outside_rows("train.jsonl"), own_rows(), review_rows())
    train = [row for rows in sources for row in drop_leaks(normalise_rows(rows, binary), unseen)]
    write_rows(WORK / "dev.jsonl", dev)
    write_rows(WORK / "evaluation.jsonl", evaluation)
    write_rows(WORK / "train.jsonl", train)
    size = write_tokenizer([row.text for row in train], WORK / "tokenizer.json")
    print(f"train {dict(Counter(row.origin for row in train))}, dev {len(dev)}, vocabulary {size}")


if __name__ == "__main__":
    main()
