"""Rows of text with labels, their files, and near-duplicate search."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

Target = Mapping[str, float]


@dataclass(frozen=True)
class Row:
    """One utterance with what is known of it.

    `targets` holds a distribution over labels for each task that somebody labelled: all on one label, or shared where
    two people chose differently. `origin` is outside, pool, own, review, auxiliary, dev or eval. `certain` and `agreed`
    name the tasks whose label is certain from the text alone, and shared by two people; `style` is how own rows are typed.
    """

    text: str
    origin: str
    targets: Mapping[str, Target] = field(default_factory=dict)
    certain: Sequence[str] = ()
    agreed: Sequence[str] = ()
    style: str = ""

    def label(self, task: str) -> str | None:
        """The likeliest label, the first of equals."""
        target = self.targets.get(task)
        return max(target, key=lambda label: target[label]) if target else None


def read_jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_rows(path: Path) -> list[Row]:
    return [Row(**record) for record in read_jsonl(path)]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def near_duplicates(texts: Sequence[str], against: Sequence[str], threshold: float = 0.6) -> np.ndarray:
    """Tells for each of `texts` whether one of `against` is nearly the same.

    The measure is the Jaccard index of character-bigram sets, 0.6 as in the outside data's own split.
    Texts get a border mark on either side, so that one-character texts have bigrams too.
    """
    if not texts or not against:
        return np.zeros(len(texts), dtype=bool)
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(2, 2), lowercase=False, binary=True)
    marked = [f"\x02{text}\x03" for text in (*against, *texts)]
    bigrams = vectorizer.fit_transform(marked).astype(np.int32)
    reference, queries = bigrams[: len(against)], bigrams[len(against) :]
    n_reference = np.asarray(reference.sum(axis=1)).ravel()
    n_queries = np.asarray(queries.sum(axis=1)).ravel()
    hits = np.zeros(len(texts), dtype=bool)
    for start in range(0, len(texts), 1000):  # a block at a time keeps the dense part small
        shared = (queries[start : start + 1000] @ reference.T).tocoo()
        union = n_queries[start + shared.row] + n_reference[shared.col] - shared.data
        hits[start + shared.row[shared.data >= threshold * union]] = True
    return hits
