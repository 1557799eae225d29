"""Stage 1b: the text of masked-language-model pretraining as `work/corpus.npz`: token ids, line by line, with a source.

Service text is read several times, general text in part: see `SOURCES`. Texts of dev are not in it; the outside sets
were cleaned of them at their origin, and the customer utterances of `dev.jsonl` are not read.
"""

import argparse
import csv
import json
import lzma
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data import read_jsonl
from training.prepare import normalise
from training.settings import LICENSED, OUTSIDE, OWN, REPO, UNK_ID, WORK
from training.vocabulary import load_vocab, write_tokenizer

LINE_TOKENS = 64  # longer lines are cut into pieces of this many
MIN_TOKENS = 4
MIN_COUNT = 12  # rarer characters of the corpus become UNK, unless a labelled text holds them
CHAT_BORDERS = (111_148, 599_406, 1_900_000)  # service dialogue | queries, reviews, finance | talk | web pages


@dataclass(frozen=True)
class Source:
    """Where lines come from and how often each is read; below 1 a random part is."""

    name: str
    passes: float
    lines: Callable[[], Iterator[str]]


def _json_field(path: Path, *keys: str) -> Iterator[str]:
    for record in read_jsonl(path):
        yield from (record[key] for key in keys if record.get(key))


def _dialogues() -> Iterator[str]:
    for record in read_jsonl(OUTSIDE / "unlabelled" / "dialogues.jsonl"):
        yield from (turn["text"] for turn in record["turns"])


def _plain(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from file


def _xz(name: str, low: int = 0, high: int | None = None) -> Iterator[str]:
    with lzma.open(OUTSIDE / "pretraining" / name, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number >= low and (high is None or number < high):
                yield line


def _english() -> Iterator[str]:
    outside = OUTSIDE / "outside"
    with next((outside / "bitext_2023q3_older").glob("*.csv")).open(encoding="utf-8") as file:
        yield from (row["instruction"] for row in csv.DictReader(file))
    with (outside / "banking77" / "banking_data" / "train.csv").open(encoding="utf-8") as file:
        yield from (row["text"] for row in csv.DictReader(file))
    data = json.loads((outside / "clinc150" / "data" / "data_full.json").read_text(encoding="utf-8"))
    yield from (text for text, _ in data["train"])


def sources() -> list[Source]:
    """All sources; passes were set once by judgement, service text first, within what two cores read in an hour."""
    unlabelled, utterances = OUTSIDE / "unlabelled", OUTSIDE / "utterances"
    first, second, third = CHAT_BORDERS
    return [
        Source("own utterances", 4, lambda: (t for p in sorted(OWN.glob("*.jsonl")) for t in _json_field(p, "text"))),
        Source("customer utterances", 4, lambda: _json_field(utterances / "train.jsonl", "text")),
        Source("unlabelled utterances", 4, lambda: _plain(unlabelled / "customer_utterances.txt")),
        Source("service turns", 3, lambda: _plain(unlabelled / "service_text.txt")),
        Source("whole dialogues", 3, _dialogues),
        Source("service questions", 2, lambda: _json_field(OUTSIDE / "kb" / "service_qa.jsonl", "q", "a")),
        Source("jd123", 3, lambda: _json_field(OUTSIDE / "jd123" / "train.jsonl", "text")),
        Source("service dialogue", 3, lambda: _xz("chat.txt.xz", 0, first)),
        Source("queries, reviews, finance", 0.9, lambda: _xz("chat.txt.xz", first, second)),
        Source("talk", 0.08, lambda: _xz("chat.txt.xz", second, third)),
        Source("web pages and questions", 0.3, lambda: _xz("chat.txt.xz", third)),
        Source("prose", 0.05, lambda: _xz("prose.txt.xz")),
        Source("English questions", 0.5, _english),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    parser.add_argument("--tokenizer", type=Path, help="keep this vocabulary: that of the encoder that pretraining goes on from")
    parser.add_argument("--licensed", action="store_true", help="only sources with a licence, and own texts")
    args = parser.parse_args()

    WORK.mkdir(exist_ok=True)
    kept: list[tuple[Source, list[str]]] = []
    for source in sources():
        if args.licensed and source.name not in LICENSED:
            continue
        lines = [line for line in normalise(list(source.lines()), args.normalizer) if len(line) >= MIN_TOKENS]
        kept.append((source, lines))
        print(f"{source.name}: {len(lines)} lines, {sum(map(len, lines)) / 1e6:.2f} M characters", flush=True)
    if args.tokenizer:
        shutil.copyfile(args.tokenizer, WORK / "tokenizer.json")
    else:
        write_tokenizer((line for _, lines in kept for line in lines), WORK / "tokenizer.json", MIN_COUNT)

    vocab = load_vocab(WORK / "tokenizer.json")
    print(f"vocabulary: {len(vocab)}")
    ids, ends, of_source = [], [0], []
    for number, (_, lines) in enumerate(kept):
        for line in lines:
            for at in range(0, len(line), LINE_TOKENS):
                piece = [vocab.get(char, UNK_ID) for char in line[at : at + LINE_TOKENS]]
                if len(piece) >= MIN_TOKENS:
                    ids.append(np.array(piece, dtype=np.uint16))
                    ends.append(ends[-1] + len(piece))
                    of_source.append(number)
    np.savez(
        WORK / "corpus.npz",
        ids=np.concatenate(ids),
        ends=np.array(ends, dtype=np.int64),
        source=np.array(of_source, dtype=np.uint8),
        passes=np.array([source.passes for source, _ in kept]),
    )
    print(f"{len(of_source)} pieces, {ends[-1] / 1e6:.1f} M tokens")


if __name__ == "__main__":
    main()
