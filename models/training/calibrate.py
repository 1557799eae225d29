"""Stage 6: fits a bundle's temperature and out-of-scope score on dev, and writes fenzhen.toml.

Thresholds come after it: `fenzhen eval thresholds --write` chooses them from the cost table and adds them to the file.

    python -m training.calibrate intent [--folder FOLDER]
"""

import argparse
import hashlib
import tomllib
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.bundles import BUNDLES
from training.data import Row, read_rows
from training.export import Bundle
from training.metrics import softmax
from training.settings import MAX_TOKENS, MODELS, OOS, REPO, WORK

VERSION = "0.3.0"
FILES = ("model.onnx", "tokenizer.json", "config.json")
FAST, ACCURATE = "intent", "intent-accurate"  # the two of the cascade, calibrated in this order
# Of what the service computes, those of the probabilities alone: in a cascade they are those of the mean, while the logits
# stay those of one model. With energy and the largest logit AUROC against our far topics falls from 0.977 to 0.952.
FEATURES = ("oos", "margin", "entropy")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the lowest negative log-likelihood, to 0.01."""
    candidates = np.arange(0.30, 3.0, 0.01)
    losses = [-np.log(softmax(logits, t)[np.arange(len(truth)), truth] + 1e-12).mean() for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 2)


def oos_features(logits: np.ndarray, temperature: float, oos_idx: int) -> np.ndarray:
    """`[texts, FEATURES]`: what tells a text that no intent fits."""
    probabilities = softmax(logits, temperature)
    best = np.sort(np.delete(probabilities, oos_idx, axis=1), axis=1)
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
    return np.stack([probabilities[:, oos_idx], best[:, -1] - best[:, -2], entropy], axis=1)


def fit_oos(bundle: Bundle, temperature: float, dev: list[Row]) -> dict[str, float]:
    """Weights of a logistic regression over the features: dev's agreed rows, and half of the assistant texts."""
    oos_idx = bundle.labels.index(OOS)
    far = [row for row in read_rows(WORK / "evaluation.jsonl") if row.origin == "assistant"][::2]
    rows = dev + far
    outside = np.array([row.label("intent") == OOS for row in rows])
    features = oos_features(bundle.logits([row.text for row in rows]), temperature, oos_idx)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(features, outside)
    weights = {name: round(float(weight), 4) for name, weight in zip(FEATURES, model.coef_[0])}
    return weights | {"bias": round(float(model.intercept_[0]), 4)}


def fit_mean(accurate: Bundle, temperature: float, dev: list[Row]) -> float:
    """The temperature of the geometric mean with the fast bundle, on the rows that the cascade sends on."""
    fast = Bundle(MODELS / FAST)
    texts = [row.text for row in dev]
    truth = np.array([accurate.labels.index(row.label("intent")) for row in dev])
    known = tomllib.loads((MODELS / FAST / "fenzhen.toml").read_text(encoding="utf-8"))
    first = softmax(fast.logits(texts), known["temperature"])
    second = softmax(accurate.logits(texts), temperature)
    settings = tomllib.loads((REPO / "config" / "default.toml").read_text(encoding="utf-8"))
    goes_on = first.max(axis=1) < settings["model"]["cascade_below"]
    first, second, truth = first[goes_on], second[goes_on], truth[goes_on]
    return fit_temperature((np.log(first + 1e-12) + np.log(second + 1e-12)) / 2, truth)


def calibration_rows(task: str) -> list[Row]:
    """Dev rows whose label two people share; elsewhere the truth itself is open. For tasks dev lacks, our own set."""
    dev = [row for row in read_rows(WORK / "dev.jsonl") if task in row.agreed]
    return dev or [row for row in read_rows(WORK / "evaluation.jsonl") if task in row.targets]


def toml(
    name: str, task: str, folder: Path, temperature: float, oos: dict[str, float] | None, mean: float | None = None
) -> str:
    lines = [
        f'name = "{name}"',
        f'version = "{VERSION}"',
        f'task = "{task}"',
        "normalize = true",
        f"max_tokens = {MAX_TOKENS}",
        f"temperature = {temperature}",
    ]
    if oos:
        lines += [f'oos_label = "{OOS}"', "", "[out_of_scope]", 'method = "logistic"']
        lines += [f"{key} = {value}" for key, value in oos.items()]
    if mean:
        lines += ["", "[cascade]", 'combine = "average"', f"temperature = {mean}"]
    lines += ["", "[sha256]", *(f'"{file}" = "{sha256(folder / file)}"' for file in FILES)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", choices=sorted(BUNDLES))
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()

    published = BUNDLES[args.bundle]
    folder = args.folder or MODELS / args.bundle
    bundle = Bundle(folder)
    rows = calibration_rows(published.task)
    truth = np.array([bundle.labels.index(row.label(published.task)) for row in rows])
    logits = bundle.logits([row.text for row in rows])
    temperature = fit_temperature(logits, truth)
    oos = fit_oos(bundle, temperature, rows) if published.task == "intent" else None
    mean = fit_mean(bundle, temperature, rows) if args.bundle == ACCURATE else None
    text = toml(published.name, published.task, folder, temperature, oos, mean)
    (folder / "fenzhen.toml").write_text(text, encoding="utf-8")
    tomllib.loads(text)
    print(f"{args.bundle}: temperature {temperature}, out of scope {oos}, temperature of the mean {mean}")


if __name__ == "__main__":
    main()
