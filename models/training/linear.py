"""Stage 4b: fits the linear model over hashed character n-grams, a support vector machine, as a network.

    python -m training.linear --seed 11 [--scores round1]      # work/fast-11.pt

It remembers word for word what a network only resembles: the better one on rare labels and on mistyped texts, where a
network is better on words unlike all that was labelled. Rows with two labels count for each by its share. Texts are learnt
a second time as people mistype them, and with `--scores` unlabelled texts by the label their teachers give.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from training.augment import fill_placeholders
from training.data import Row, read_rows
from training.metrics import softmax
from training.model import MultiTask, NgramBag
from training.noise import Noise
from training.recipes import RECIPES
from training.settings import WORK
from training.train import build, encode
from training.vocabulary import load_vocab

TASK = "intent"
SHARPNESS = 5.0  # margins to logits: the flat optimum of 3 to 8 for the mean with a network (dev, November 2026)
COST = 0.5  # C of the machine; 0.3 and 1.0 differ within the noise of dev
UNCLEAR, MISTYPED, TAUGHT = 0.7, 0.4, 0.3  # weights of doubtful rows, of noisy copies and of unlabelled texts
CERTAIN_TEACHER = 0.5  # the least probability of a label that is taught
MIN_TEXTS = 2  # rarer runs are left out


class Features:
    """Texts as rows of `count * idf / sqrt(sum of count * idf^2)` over buckets, exactly as `NgramBag` computes them."""

    def __init__(self, bag: NgramBag, vocab: dict[str, int]) -> None:
        self._bag, self._vocab = bag, vocab
        self.idf = np.ones(bag.buckets, dtype=np.float32)

    def counts(self, texts: list[str], size: int = 512) -> csr_matrix:
        parts_row, parts_bucket = [], []
        for start in range(0, len(texts), size):
            ids, mask = encode(texts[start : start + size], self._vocab)
            for buckets, real in self._bag.runs(ids, mask):
                row, at = np.nonzero(real.numpy())
                parts_row.append(row + start)
                parts_bucket.append(buckets.numpy()[row, at])
        rows, columns = np.concatenate(parts_row), np.concatenate(parts_bucket)
        shape = (len(texts), self._bag.buckets)
        return csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)

    def fit_idf(self, counts: csr_matrix) -> None:
        n_texts = np.asarray((counts > 0).sum(axis=0)).ravel()
        self.idf = (np.log((1 + counts.shape[0]) / (1 + n_texts)) + 1).astype(np.float32)
        self.idf[n_texts < MIN_TEXTS] = 0.0

    def weighted(self, counts: csr_matrix) -> csr_matrix:
        norms = np.sqrt(np.maximum(np.asarray(counts @ (self.idf**2)).ravel(), 1e-6))
        result = counts.multiply(self.idf).tocsr()
        result.data /= np.repeat(norms, np.diff(result.indptr))
        return result


def examples(rows: list[Row], scores: Path | None, seed: int) -> tuple[list[str], list[str], list[float]]:
    """Texts, labels and weights."""
    rng = random.Random(seed)
    noise = Noise(Counter(char for row in rows for char in row.text))
    texts, labels, weights = [], [], []
    for row in rows:
        text = fill_placeholders(row.text, rng)
        copies = [(text, 1.0)]
        if row.style == "":
            copies.append((noise(text, rng), MISTYPED))
        for label, share in row.targets[TASK].items():
            for copy, weight in copies:
                texts.append(copy)
                labels.append(label)
                weights.append(weight * share * (1.0 if TASK in row.certain else UNCLEAR))
    if scores:
        held = np.load(scores)
        names = [str(label) for label in held["labels"]]
        taught = softmax(held["scores"][int(held["labelled"]) :])
        for text, probabilities in zip((WORK / "pool.txt").read_text(encoding="utf-8").splitlines(), taught):
            best = int(probabilities.argmax())
            if probabilities[best] >= CERTAIN_TEACHER:
                texts.append(text)
                labels.append(names[best])
                weights.append(TAUGHT * float(probabilities[best]))
    return texts, labels, weights


def fit(rows: list[Row], scores: Path | None, seed: int, vocab: dict[str, int]) -> tuple[MultiTask, list[str]]:
    texts, labels, weights = examples(rows, scores, seed)
    names = sorted(set(labels))
    model = build(RECIPES["fast"], len(vocab), {TASK: names})
    assert isinstance(model.body, NgramBag)
    features = Features(model.body, vocab)
    counts = features.counts(texts)
    features.fit_idf(counts)
    machine = LinearSVC(C=COST).fit(features.weighted(counts), labels, sample_weight=weights)
    table = np.concatenate([machine.coef_ * features.idf, features.idf[None, :] ** 2]).T
    with torch.no_grad():
        model.body.table.weight.copy_(torch.from_numpy(table.astype(np.float32)))
        head = model.heads[TASK]
        head.weight.copy_(torch.eye(len(names)) * SHARPNESS)
        head.bias.copy_(torch.from_numpy(machine.intercept_.astype(np.float32)) * SHARPNESS)
    print(f"{len(texts)} examples, {int((features.idf > 0).sum())} of {model.body.buckets} buckets used")
    return model, [str(name) for name in machine.classes_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--scores", help="name of the teachers' scores in work/")
    parser.add_argument("--out", help="name of the checkpoint; fast-<seed> unless given")
    args = parser.parse_args()

    torch.set_num_threads(1)
    rows = [row for row in read_rows(WORK / "train.jsonl") if TASK in row.targets]
    scores = WORK / f"{args.scores}.npz" if args.scores else None
    model, labels = fit(rows, scores, args.seed, load_vocab(WORK / "tokenizer.json"))
    out = WORK / f"{args.out or f'fast-{args.seed}'}.pt"
    torch.save({"recipe": "fast", "labels": {TASK: labels}, "state": model.state_dict()}, out)


if __name__ == "__main__":
    main()
