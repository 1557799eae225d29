"""Finds labels worth a second look, and logs what a second look changed.

    python -m training.clean select --out FOLDER    # rows to label: `id <tab> text`, in files of 200
    python -m training.clean decide                 # writes data/decisions.tsv from data/labels.tsv

A linear model that has not seen a row (four folds) votes on each labelled row; where its score for another label is
clearly higher, and where it is unsure of an unlabelled text, a person labels the text without seeing any label.
"""

import argparse
import csv
import random
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from training.data import read_jsonl
from training.labels import DECISIONS, LABELS, read_labels
from training.settings import OUTSIDE, OWN

FOLDS, SEED = 4, 1
DISPUTED_FROM = 0.3  # by how much another label's score must lead; 4,300 of 26,767 rows
UNSURE_BELOW = 0.75  # lead of the best label below which an unlabelled text is worth a label
FILE_ROWS = 200


def votes() -> tuple[list[dict], np.ndarray, list[str], TfidfVectorizer, LinearSVC]:
    """The labelled rows with held-out scores `[rows, labels]`, the labels, and a model of all rows."""
    rows = read_jsonl(OUTSIDE / "utterances" / "train.jsonl")
    own = [row for path in sorted(OWN.glob("*.jsonl")) for row in read_jsonl(path)]
    # NFKC and the like are left out: the vote needs no more than lower case.
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True)
    features = vectorizer.fit_transform(f"\x02{row['text']}\x03" for row in rows)
    extra = vectorizer.transform(f"\x02{row['text']}\x03" for row in own)
    truth, own_truth = np.array([row["intent"] for row in rows]), np.array([row["intent"] for row in own])
    scores = np.zeros((len(rows), len(set(truth))))
    for seen, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(features, truth):
        model = LinearSVC(C=0.5).fit(vstack([features[seen], extra]), np.concatenate([truth[seen], own_truth]))
        scores[held_out] = model.decision_function(features[held_out])
    whole = LinearSVC(C=0.5).fit(vstack([features, extra]), np.concatenate([truth, own_truth]))
    return rows, scores, list(whole.classes_), vectorizer, whole


def select(out: Path) -> None:
    rows, scores, labels, vectorizer, model = votes()
    given = np.array([labels.index(row["intent"]) for row in rows])
    lead = scores.max(axis=1) - scores[np.arange(len(rows)), given]
    chosen = [(rows[at]["id"], rows[at]["text"]) for at in np.flatnonzero(lead > DISPUTED_FROM)]
    texts = (OUTSIDE / "unlabelled" / "customer_utterances.txt").read_text(encoding="utf-8").splitlines()
    ranked = np.sort(model.decision_function(vectorizer.transform(f"\x02{text}\x03" for text in texts)), axis=1)
    unsure = np.flatnonzero(ranked[:, -1] - ranked[:, -2] < UNSURE_BELOW)
    chosen += [(f"U{at + 1:05}", texts[at]) for at in unsure]
    known = read_labels(LABELS) if LABELS.exists() else {}
    chosen = [(key, " ".join(text.split())) for key, text in chosen if key not in known]
    random.Random(SEED).shuffle(chosen)
    out.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(chosen), FILE_ROWS), 1):
        lines = "".join(f"{key}\t{text}\n" for key, text in chosen[start : start + FILE_ROWS])
        (out / f"{number:03}.tsv").write_text(lines, encoding="utf-8")
    print(f"{len(chosen)} rows to label")


def decide() -> None:
    rows, scores, labels, _, _ = votes()
    second = read_labels(LABELS)
    reasons: Counter[str] = Counter()
    with DECISIONS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["id", "first", "second", "model", "reason"])
        for row, vote in zip(rows, scores.argmax(axis=1)):
            other = second.get(row["id"])
            if other is None or other.intent == row["intent"]:
                continue
            model = labels[vote]
            if other.intent == "agent":
                reason = "no customer's turn: kept"
            elif model == other.intent:
                reason = "model and second label agree: second label leads"
            elif model == row["intent"]:
                reason = "model and first label agree: shared evenly"
            else:
                reason = "three opinions: second label leads"
            reasons[reason] += 1
            writer.writerow([row["id"], row["intent"], other.intent, model, reason])
    print(dict(reasons))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("select").add_argument("--out", type=Path, required=True)
    commands.add_parser("decide")
    args = parser.parse_args()
    select(args.out) if args.command == "select" else decide()


if __name__ == "__main__":
    main()
