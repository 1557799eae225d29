"""Measures networks, and means of networks, on all sets: the lines of the ablation table.

    python -m training.measure cnn-11 cnn-23 "cnn-11 encoder-11"      # a quoted group is averaged

Prints one line a group: accuracy on dev's clear and agreed rows with 95 % intervals, macro-F1, accuracy on the surest
80 % of the clear rows, and accuracy on the project's own sets; `--json FILE` appends the figures to a file.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from training.data import Row, read_rows
from training.metrics import accuracy, accuracy_of_surest, macro_f1, with_interval
from training.settings import WORK
from training.train import load, predict
from training.vocabulary import load_vocab


def figures(scores: dict[str, np.ndarray], rows: dict[str, list[Row]], labels: list[str], task: str) -> dict:
    result = {}
    for name, part in rows.items():
        truth = np.array([labels.index(row.label(task)) for row in part])
        certain, agreed = (np.array([task in keep for keep in keeps]) for keeps in ([r.certain for r in part], [r.agreed for r in part]))
        if name != "dev":
            result[name] = with_interval(accuracy, truth, scores[name])
            continue
        for kind, mask in (("clear", certain), ("agreed", agreed)):
            if mask.any():
                result[kind] = with_interval(accuracy, truth[mask], scores[name][mask])
        result["macro_f1"] = with_interval(macro_f1, truth[agreed], scores[name][agreed])
        if certain.any():
            result["surest_80"] = with_interval(accuracy_of_surest(0.8), truth[certain], scores[name][certain])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+")
    parser.add_argument("--task", default="intent")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    torch.set_num_threads(1)
    vocab = load_vocab(WORK / "tokenizer.json")
    rows: dict[str, list[Row]] = {"dev": [row for row in read_rows(WORK / "dev.jsonl") if args.task in row.targets]}
    for row in read_rows(WORK / "evaluation.jsonl"):
        if args.task in row.targets:
            rows.setdefault(row.origin, []).append(row)
    cache: dict[str, dict[str, np.ndarray]] = {}
    for group in args.groups:
        labels: list[str] = []
        for name in group.split():
            model, all_labels = load(WORK / f"{name}.pt", len(vocab))
            labels = all_labels[args.task]
            if name not in cache:
                cache[name] = {
                    key: predict(model, [row.text for row in part], vocab, args.task) for key, part in rows.items()
                }
        mean = {key: np.mean([cache[name][key] for name in group.split()], axis=0) for key in rows}
        found = figures(mean, rows, labels, args.task)
        line = " ".join(f"{key} {f['value']:.4f}" for key, f in found.items())
        print(f"{group}: {line} (clear {found['clear']['low']:.3f}-{found['clear']['high']:.3f})" if "clear" in found else f"{group}: {line}", flush=True)
        if args.json:
            with args.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"group": group, "task": args.task} | found, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
