"""Between stages 2 and 3, by hand: shows on dev what offsets of the logits would do (`Recipe.label_bias`).

The intent task tries offsets of `oos`, the sentiment task pairs for negative and positive. It writes nothing: put the
choice into `settings.RECIPES`, from where `export` folds it into the output layers.
"""

import argparse
from itertools import product

import numpy as np
import torch

from training.data import read_rows
from training.metrics import accuracy, macro_f1, precision, recall
from training.model import TextCnn
from training.settings import OOS, RECIPES, TASKS, WORK
from training.train import predict
from training.vocabulary import load_vocab

MIN_OOS_RECALL = 0.65  # on agreed rows
N_SHOWN = 12


def mean_log_probabilities(task: str, texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """What the exported graph would give without offsets, and the labels of its columns."""
    recipe, vocab = RECIPES[task], load_vocab(WORK / "tokenizer.json")
    members = []
    for seed in recipe.seeds:
        checkpoint = torch.load(WORK / f"{task}-{seed}.pt", weights_only=True)
        model = TextCnn(len(vocab), len(checkpoint["labels"]), recipe)
        model.load_state_dict(checkpoint["state"])
        members.append(predict(model, texts, vocab))
    return np.mean(members, axis=0), checkpoint["labels"]


def show(rows: list[tuple[float, ...]], names: tuple[str, ...]) -> None:
    print(" ".join(f"{name:>10}" for name in names))
    for row in rows:
        print(" ".join(f"{value:>10.3f}" for value in row))


def intent(logits: np.ndarray, labels: list[str], truth: np.ndarray, agreed: np.ndarray, clear: np.ndarray) -> None:
    oos = labels.index(OOS)
    rows = []
    for offset in np.arange(-1.6, 0.41, 0.1):
        shifted = logits + offset * (np.arange(len(labels)) == oos)
        on_agreed, on_clear = (truth[agreed], shifted[agreed]), (truth[clear], shifted[clear])
        goal = accuracy(*on_agreed) + accuracy(*on_clear)
        found = (recall(oos)(*on_agreed), precision(oos)(*on_agreed), precision(oos)(*on_clear))
        rows.append((offset, goal / 2, accuracy(*on_agreed), accuracy(*on_clear), *found))
    show(rows, ("oos", "mean", "agreed", "clear", "oos R", "oos P", "P clear"))
    best = max((row for row in rows if row[4] >= MIN_OOS_RECALL), key=lambda row: row[1])
    print(f"best mean accuracy with oos recall from {MIN_OOS_RECALL}: {best[0]:.1f}")


def sentiment(logits: np.ndarray, labels: list[str], truth: np.ndarray, agreed: np.ndarray) -> None:
    negative, positive = labels.index("negative"), labels.index("positive")
    rows = []
    for pair in product(np.arange(-1.0, 1.01, 0.1), repeat=2):
        shifted = logits.copy()
        shifted[:, [negative, positive]] += pair
        both = ((truth, shifted), (truth[agreed], shifted[agreed]))
        figures = [measure(*part) for measure in (macro_f1, recall(negative), precision(negative)) for part in both]
        rows.append((*pair, *figures))
    rows.sort(key=lambda row: row[2] + row[3], reverse=True)
    shown = [row for row in rows if row[0] == 0 and abs(row[1]) < 0.05] + rows[:N_SHOWN]
    show(shown, ("negative", "positive", "F1 all", "F1 agreed", "R all", "R agreed", "P all", "P agreed"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    task = parser.parse_args().task

    torch.set_num_threads(1)
    dev = read_rows(WORK / "dev.jsonl")
    logits, labels = mean_log_probabilities(task, [row.text for row in dev])
    truth = np.array([labels.index(row.label(task)) for row in dev])
    if task == "intent":
        intent(logits, labels, truth, np.array([r.agreed for r in dev]), np.array([r.clear for r in dev]))
    else:
        sentiment(logits, labels, truth, np.array([row.sentiment_agreed for row in dev]))


if __name__ == "__main__":
    main()
