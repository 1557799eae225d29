"""Figures over predictions, each with a bootstrap interval."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score

N_RESAMPLES = 2000
N_BINS = 15  # of equal width, as is usual for expected calibration error
SEED = 7


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy(truth: np.ndarray, scores: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == truth).mean())


def macro_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    """The mean over the labels that occur in `truth`."""
    return float(f1_score(truth, scores.argmax(axis=1), labels=np.unique(truth), average="macro", zero_division=0))


def calibration_error(truth: np.ndarray, scores: np.ndarray) -> float:
    """Expected calibration error of the top score."""
    top, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    bins = np.minimum((top * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs(top[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def recall(label_idx: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def measure(truth: np.ndarray, scores: np.ndarray) -> float:
        return float((scores.argmax(axis=1)[truth == label_idx] == label_idx).mean())

    return measure


def precision(label_idx: int) -> Callable[[np.ndarray, np.ndarray], float]:
    def measure(truth: np.ndarray, scores: np.ndarray) -> float:
        return float((truth[scores.argmax(axis=1) == label_idx] == label_idx).mean())

    return measure


def with_interval(
    measure: Callable[[np.ndarray, np.ndarray], float], truth: np.ndarray, scores: np.ndarray
) -> dict[str, float]:
    """The figure and its 95 % percentile interval over resampled rows."""
    rng = np.random.default_rng(SEED)
    draws = (rng.integers(0, len(truth), len(truth)) for _ in range(N_RESAMPLES))
    low, high = np.nanpercentile([measure(truth[rows], scores[rows]) for rows in draws], [2.5, 97.5])
    figures = {"value": measure(truth, scores), "low": low, "high": high}
    return {name: round(float(figure), 4) for name, figure in figures.items()} | {"n": len(truth)}


def accuracy_of_surest(share: float) -> Callable[[np.ndarray, np.ndarray], float]:
    """Accuracy on the rows whose best score is highest."""

    def measure(truth: np.ndarray, scores: np.ndarray) -> float:
        kept = np.argsort(-scores.max(axis=1), kind="stable")[: round(share * len(truth))]
        return accuracy(truth[kept], scores[kept])

    return measure
