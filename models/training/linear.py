"""The linear teacher: a support vector machine over character n-grams, whose scores distillation joins to the networks'.

It remembers word for word what the networks only resemble, so both together err less than either: it is the better one on
rare labels and on mistyped texts, the networks are where words differ from all that was labelled.
"""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from training.data import Row

SHARPNESS = 5.0  # margins to logits: the flat optimum of 3 to 8 for the mean with a network (dev, November 2026)


class Linear:
    """Trains at once; rows with two labels count for each by its share."""

    def __init__(self, task: str, rows: list[Row], unclear_weight: float = 0.7) -> None:
        shares = [(row, label, share) for row in rows if task in row.targets for label, share in row.targets[task].items()]
        self._vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True)
        features = self._vectorizer.fit_transform(self._marked([row.text for row, _, _ in shares]))
        weights = [share * (1.0 if task in row.certain else unclear_weight) for row, _, share in shares]
        self._model = LinearSVC(C=0.5).fit(features, [label for _, label, _ in shares], sample_weight=weights)
        self.labels = [str(label) for label in self._model.classes_]

    def scores(self, texts: list[str]) -> np.ndarray:
        """Log-probabilities `[texts, labels]`, not calibrated."""
        logits = SHARPNESS * self._model.decision_function(self._vectorizer.transform(self._marked(texts)))
        logits -= logits.max(axis=1, keepdims=True)
        return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)

    @staticmethod
    def _marked(texts: list[str]) -> list[str]:
        return [f"\x02{text}\x03" for text in texts]
