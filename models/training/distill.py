"""Optional stage: the teachers' scores over all texts, and students that learn from them.

    python -m training.distill score --teachers fast-11 cnn-11 … --out round1     # work/round1.npz
    python -m training.distill student accurate --scores round1 --seed 11         # work/accurate-11.pt

The scores are the mean of the teachers' log-probabilities. Of a labelled text the student learns the mean of its label
and the scores, of an unlabelled one the scores alone. A second round scores with first-round students among the teachers.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from training.data import Row, read_rows
from training.metrics import softmax
from training.recipes import RECIPES
from training.settings import WORK
from training.train import Example, distribution, initial, load, predict, train
from training.vocabulary import load_vocab

LABEL_SHARE = 0.5  # of a labelled text's target; the rest are the teachers' scores


def texts_to_score(task: str) -> tuple[list[str], list[str]]:
    labelled = [row.text for row in read_rows(WORK / "train.jsonl") if task in row.targets]
    return labelled, (WORK / "pool.txt").read_text(encoding="utf-8").splitlines()


def score(task: str, teachers: list[str], out: Path) -> None:
    """Writes the teachers' mean log-probabilities of every labelled and unlabelled text."""
    vocab = load_vocab(WORK / "tokenizer.json")
    labelled, pool = texts_to_score(task)
    total: np.ndarray | float = 0.0
    labels: list[str] = []
    for name in teachers:
        model, all_labels = load(WORK / f"{name}.pt", len(vocab))
        labels = all_labels[task]
        total = total + predict(model, labelled + pool, vocab, task)
        print(f"{name}: {len(labelled)} labelled, {len(pool)} unlabelled texts scored", flush=True)
    np.savez(out, scores=np.asarray(total) / len(teachers), labels=np.array(labels), labelled=len(labelled))


def student_examples(task: str, rows: list[Row], scores: Path, n_pool: int | None) -> tuple[list[Example], dict[str, list[str]]]:
    held = np.load(scores)
    labels = {task: [str(label) for label in held["labels"]]}
    probabilities, n_labelled = softmax(held["scores"]), int(held["labelled"])
    rows = [row for row in rows if task in row.targets]
    if len(rows) != n_labelled:
        raise SystemExit(f"{scores.name} was made for {n_labelled} labelled texts, there are {len(rows)}: score again")
    examples = []
    for row, scored in zip(rows, probabilities):
        target = LABEL_SHARE * distribution(row.targets[task], labels[task]) + (1 - LABEL_SHARE) * scored
        examples.append(Example(row.text, {task: target.astype(np.float32)}, {task: 1.0}, row.style == ""))
    _, pool = texts_to_score(task)
    for text, scored in list(zip(pool, probabilities[n_labelled:]))[:n_pool]:
        examples.append(Example(text, {task: scored.astype(np.float32)}, {task: 1.0}))
    return examples, labels


def student(name: str, seed: int, scores: Path, base: str | None, out: Path, epochs: int | None, n_pool: int | None) -> None:
    recipe = RECIPES[name] if epochs is None else replace(RECIPES[name], epochs=epochs)
    vocab = load_vocab(WORK / "tokenizer.json")
    (task,) = recipe.tasks
    examples, labels = student_examples(task, read_rows(WORK / "train.jsonl"), scores, n_pool)
    model = initial(recipe, base, len(vocab), labels, seed)
    trained = train(model, examples, recipe, seed, vocab, f"{name} seed {seed}", read_rows(WORK / "dev.jsonl"), labels)
    torch.save({"recipe": name, "labels": labels, "state": trained.state_dict()}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    scoring = commands.add_parser("score")
    scoring.add_argument("--task", default="intent")
    scoring.add_argument("--teachers", nargs="+", required=True)
    scoring.add_argument("--out", required=True)
    learning = commands.add_parser("student")
    learning.add_argument("recipe", choices=sorted(RECIPES))
    learning.add_argument("--scores", required=True)
    learning.add_argument("--seed", type=int, default=11)
    learning.add_argument("--base")
    learning.add_argument("--epochs", type=int)
    learning.add_argument("--pool", type=int, help="read only so many unlabelled texts")
    learning.add_argument("--out")
    args = parser.parse_args()

    torch.set_num_threads(1)
    if args.command == "score":
        score(args.task, args.teachers, WORK / f"{args.out}.npz")
        return
    out = WORK / f"{args.out or f'{args.recipe}-{args.seed}'}.pt"
    student(args.recipe, args.seed, WORK / f"{args.scores}.npz", args.base, out, args.epochs, args.pool)


if __name__ == "__main__":
    main()
