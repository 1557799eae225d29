"""Trains a bundle on your own labels, any label set, in one command:

    python -m training.retrain --data mine.csv --out ../my-bundle [--test held-out.csv] [--body encoder] [--normalizer fenzhen]

`--data` is CSV or TSV with a header, or JSON lines; columns `text` and `label` (`--label intent` names another). The result
is a folder that `fenzhen model inspect`, `fenzhen eval intent --model` and the running service take. A tenth of the texts,
whole groups of near-identical ones, is kept back to choose the epoch and to fit the temperature; `--test` is measured once
at the end.

`--body cnn` (default) starts from scratch: minutes on one core. `--body encoder` starts from the published encoder
`models/encoder`, for few rows of Chinese; it takes about ten times as long.
"""

import argparse
import csv
import json
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from training import export
from training.calibrate import fit_temperature, toml
from training.data import Row, near_duplicates, read_jsonl
from training.metrics import accuracy, calibration_error, macro_f1, softmax, with_interval
from training.model import MultiTask, OneTask
from training.prepare import normalise, one
from training.settings import ENCODER, OOS, REPO, Recipe
from training.train import build, examples_of, predict, train
from training.vocabulary import load_vocab, write_tokenizer

TASK = "intent"
RECIPES = {
    "cnn": Recipe("cnn", (TASK,), epochs=15, learning_rate=1e-3, noise=0.2, smoothing=0.1),
    "encoder": Recipe("encoder", (TASK,), epochs=8, learning_rate=3e-4, dropout=0.2, noise=0.2, smoothing=0.05),
}
MIN_ROWS, MIN_PER_LABEL = 20, 2
HELD_BACK = 0.1


class DataError(Exception):
    """Something about the rows that the person who gave them should mend."""


def read_table(path: Path, label: str) -> list[tuple[str, str]]:
    """The texts and labels of a file; every fault with its line."""
    if path.suffix == ".jsonl":
        records = read_jsonl(path)
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    faults = []
    for number, record in enumerate(records, 1):
        missing = [key for key in ("text", label) if not str(record.get(key) or "").strip()]
        if missing:
            faults.append(f"row {number}: {' and '.join(missing)} missing or empty")
    if faults:
        more = f"\n  and {len(faults) - 10} more" if len(faults) > 10 else ""
        raise DataError(f"{path} has {len(faults)} bad rows:\n  " + "\n  ".join(faults[:10]) + more)
    return [(" ".join(record["text"].split()), record[label].strip()) for record in records]


def check(rows: list[tuple[str, str]]) -> None:
    counts = Counter(label for _, label in rows)
    thin = [label for label, count in counts.items() if count < MIN_PER_LABEL]
    if len(rows) < MIN_ROWS or len(counts) < 2:
        raise DataError(f"{len(rows)} rows of {len(counts)} labels: at least {MIN_ROWS} rows and two labels are needed")
    if thin:
        raise DataError(f"labels with fewer than {MIN_PER_LABEL} rows: {', '.join(sorted(thin)[:20])}")


def hold_back(rows: list[Row], rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Training and held-back rows; training texts near a held-back one go over to it, unless a label would be left bare."""
    order = rng.sample(range(len(rows)), len(rows))
    taken = set(order[: max(1, round(HELD_BACK * len(rows)))])
    near = near_duplicates([row.text for row in rows], [rows[at].text for at in sorted(taken)])
    taken |= {int(at) for at in np.flatnonzero(near)}
    seen = {row.label(TASK) for at, row in enumerate(rows) if at not in taken}
    taken = {at for at in taken if rows[at].label(TASK) in seen}
    return [row for at, row in enumerate(rows) if at not in taken], [rows[at] for at in sorted(taken)]


def start(body: str, texts: list[str], labels: list[str], out: Path, seed: int) -> tuple[MultiTask, dict[str, int]]:
    """The network before training and its vocabulary; writes tokenizer.json."""
    torch.manual_seed(seed)
    if body == "encoder":
        shutil.copyfile(ENCODER / "tokenizer.json", out / "tokenizer.json")
    else:
        write_tokenizer(texts, out / "tokenizer.json")
    vocab = load_vocab(out / "tokenizer.json")
    model = build(RECIPES[body], len(vocab), {TASK: labels})
    if body == "encoder":
        weights = torch.load(ENCODER / "encoder.pt", weights_only=True)["state"]
        model.body.encoder.load_state_dict({key: value.float() for key, value in weights.items()})  # type: ignore[union-attr]
    return model, vocab


def retrain(rows: list[tuple[str, str]], test: list[tuple[str, str]], args: argparse.Namespace) -> dict:
    check(rows)
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    texts = normalise([text for text, _ in rows], args.normalizer)
    everything = [Row(text, "mine", {TASK: one(label)}, [TASK], [TASK]) for text, (_, label) in zip(texts, rows) if text]
    labels = sorted({label for _, label in rows})
    learnt, kept = hold_back(everything, random.Random(args.seed))
    model, vocab = start(args.body, [row.text for row in learnt], labels, out, args.seed)
    recipe = RECIPES[args.body]
    examples = examples_of(learnt, {TASK: labels}, recipe)
    trained = train(model, examples, recipe, args.seed, vocab, args.name, kept, {TASK: labels})

    whole = OneTask([trained], TASK).eval()
    export.export_onnx(whole, out / "model.onnx")
    config = json.dumps(export.config_of(labels, len(vocab), type(trained.body).__name__), ensure_ascii=False, indent=2)
    (out / "config.json").write_text(config + "\n", encoding="utf-8")
    export.check(export.Bundle(out), whole, vocab, [row.text for row in kept][:50], int8=False)
    truth = np.array([labels.index(row.label(TASK)) for row in kept])
    logits = predict(trained, [row.text for row in kept], vocab, TASK)
    temperature = fit_temperature(logits, truth)
    settings = toml(args.name, TASK, out, temperature, None)
    if OOS in labels:
        settings = settings.replace("\n\n[sha256]", f'\noos_label = "{OOS}"\n\n[sha256]')
    (out / "fenzhen.toml").write_text(settings, encoding="utf-8")

    figures = {"rows": len(learnt), "labels": len(labels), "temperature": temperature}
    figures["held_back"] = with_interval(accuracy, truth, softmax(logits, temperature))
    if test:
        known = [(text, label) for text, label in test if label in labels]
        scores = predict(trained, normalise([text for text, _ in known], args.normalizer), vocab, TASK)
        truth = np.array([labels.index(label) for _, label in known])
        for name, measure in (("test", accuracy), ("test_macro_f1", macro_f1), ("test_ece", calibration_error)):
            figures[name] = with_interval(measure, truth, softmax(scores, temperature))
        figures["test_rows_of_unknown_labels"] = len(test) - len(known)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--label", default="label", help="name of the label column")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="own-intent")
    parser.add_argument("--body", choices=sorted(RECIPES), default="cnn")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    args = parser.parse_args()

    torch.set_num_threads(1)
    try:
        test = read_table(args.test, args.label) if args.test else []
        figures = retrain(read_table(args.data, args.label), test, args)
    except (DataError, OSError) as error:
        sys.exit(f"retrain: {error}")
    print(json.dumps(figures, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
