"""Last stage but one: measures a bundle as exported and writes its model card and work/<bundle>-figures.json.

Rows of dev: `agreed` are those whose label two people share, `clear` those where the text alone makes it certain.
The project's own evaluation sets are measured too; they are never trained or tuned on.

    python -m training.evaluate intent
"""

import argparse
import json
import tomllib
from collections import Counter
from string import Template

import numpy as np

from training.bundles import BUNDLES
from training.data import Row, read_rows
from training.export import Bundle
from training.metrics import (
    accuracy, accuracy_of_surest, calibration_error, macro_f1, precision, recall, softmax, with_interval,
)  # fmt: skip
from training.settings import MODELS, OOS, TRAINING, WORK

Figures = dict[str, dict[str, float]]
MIN_WEAK_ROWS = 5  # below this a label's own figure says nothing
SETS = {
    "intent": "eval-data/intent.jsonl",
    "rare": "eval-data/rare.jsonl",
    "noisy": "eval-data/noisy.jsonl",
    "far_oos": "eval-data/far_oos.jsonl",
    "feelings": "eval-data/feelings.jsonl",
    "assistant": "voice-assistant texts, told as out of scope",
    "english": "English customer-service texts held out",
}


class Scored:
    """Rows with the bundle's calibrated scores for them."""

    def __init__(self, bundle: Bundle, temperature: float, task: str, rows: list[Row]) -> None:
        self.rows = [row for row in rows if task in row.targets]
        self.task = task
        self.truth = np.array([bundle.labels.index(row.label(task)) for row in self.rows], dtype=int)
        self.scores = softmax(bundle.logits([row.text for row in self.rows]), temperature) if self.rows else np.zeros((0, 1))

    def where(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """The rows whose label is `certain` or `agreed`."""
        mask = np.array([self.task in getattr(row, kind) for row in self.rows], dtype=bool)
        return self.truth[mask], self.scores[mask]


def dev_figures(dev: Scored, bundle: Bundle) -> Figures:
    if not dev.rows:
        return {}
    figures: Figures = {}
    agreed, clear = dev.where("agreed"), dev.where("certain")
    if len(clear[0]):
        figures["Accuracy, clear rows"] = with_interval(accuracy, *clear)
        figures["Accuracy on the surest 80 % of the clear rows"] = with_interval(accuracy_of_surest(0.8), *clear)
        figures["Calibration error (ECE), clear rows"] = with_interval(calibration_error, *clear)
    for name, part in (("agreed rows", agreed), ("all rows", (dev.truth, dev.scores))):
        figures[f"Accuracy, {name}"] = with_interval(accuracy, *part)
        figures[f"Macro-F1, {name}"] = with_interval(macro_f1, *part)
        figures[f"Calibration error (ECE), {name}"] = with_interval(calibration_error, *part)
        for label in (OOS, "negative"):
            if label in bundle.labels:
                at = bundle.labels.index(label)
                figures[f"Recall of `{label}`, {name}"] = with_interval(recall(at), *part)
                figures[f"Precision of `{label}`, {name}"] = with_interval(precision(at), *part)
    return figures


def set_figures(bundle: Bundle, temperature: float, task: str) -> Figures:
    figures: Figures = {}
    rows = read_rows(WORK / "evaluation.jsonl")
    for origin, name in SETS.items():
        scored = Scored(bundle, temperature, task, [row for row in rows if row.origin == origin])
        if scored.rows:
            figures[f"Accuracy, {name}"] = with_interval(accuracy, scored.truth, scored.scores)
            if len(set(scored.truth)) > 2:
                figures[f"Macro-F1, {name}"] = with_interval(macro_f1, scored.truth, scored.scores)
    return figures


def weak_spots(scored: Scored, labels: list[str], n_spots: int = 12) -> str:
    """A table of the labels of lowest recall, and what they are taken for."""
    predicted = scored.scores.argmax(axis=1)
    table = []
    for idx, label in enumerate(labels):
        mine = scored.truth == idx
        if mine.sum() < MIN_WEAK_ROWS:
            continue
        wrong = Counter(labels[other] for other in predicted[mine & (predicted != idx)])
        found = (predicted[mine] == idx).mean()
        exact = (scored.truth[predicted == idx] == idx).mean() if (predicted == idx).any() else float("nan")
        taken = ", ".join(f"`{name}` {count}" for name, count in wrong.most_common(2))
        table.append((found, f"| `{label}` | {mine.sum()} | {found:.2f} | {exact:.2f} | {taken} |"))
    head = "| label | rows | recall | precision | most often taken for |\n|---|---|---|---|---|\n"
    return head + "\n".join(line for _, line in sorted(table)[:n_spots])


def figure_table(figures: Figures) -> str:
    lines = ["| measure | rows | value | 95 % interval |", "|---|---|---|---|"]
    for name, f in figures.items():
        lines.append(f"| {name} | {f['n']} | {f['value']:.3f} | {f['low']:.3f} – {f['high']:.3f} |")
    return "\n".join(lines)


def train_counts(task: str) -> str:
    counts = Counter(row.origin for row in read_rows(WORK / "train.jsonl") if task in row.targets)
    return ", ".join(f"{count:,} {origin}" for origin, count in sorted(counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", choices=sorted(BUNDLES))
    name = parser.parse_args().bundle

    task, folder = BUNDLES[name].task, MODELS / name
    bundle = Bundle(folder)
    settings = tomllib.loads((folder / "fenzhen.toml").read_text(encoding="utf-8"))
    temperature = settings["temperature"]
    dev = Scored(bundle, temperature, task, read_rows(WORK / "dev.jsonl"))
    figures = dev_figures(dev, bundle) | set_figures(bundle, temperature, task)
    weak = dev if dev.rows else Scored(bundle, temperature, task, read_rows(WORK / "evaluation.jsonl"))
    parts = {
        "name": settings["name"],
        "version": settings["version"],
        "what": (TRAINING / "cards" / f"{task}.md").read_text(encoding="utf-8").strip(),
        "network": (TRAINING / "cards" / f"network-{name}.md").read_text(encoding="utf-8").strip(),
        "sources": (TRAINING / "cards" / "sources.md").read_text(encoding="utf-8").strip(),
        "figures": figure_table(figures),
        "weak_spots": weak_spots(weak, bundle.labels),
        "temperature": temperature,
        "size": f"{(folder / 'model.onnx').stat().st_size / 1e6:.1f} MB",
        "counts": train_counts(task),
    }
    card = Template((TRAINING / "cards" / "card.md").read_text(encoding="utf-8")).substitute(parts)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (WORK / f"{name}-figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(parts["figures"])


if __name__ == "__main__":
    main()
