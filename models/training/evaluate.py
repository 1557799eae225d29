"""Stage 5: measures a bundle as exported and writes work/<task>-figures.json and the bundle's model card.

Rows of dev: `agreed` are those whose label two people share, `clear` those where the text alone makes it certain.
The project's own evaluation set is measured too where it is there; it is never trained or tuned on.
"""

import argparse
import json
import tomllib
from collections import Counter
from string import Template

import numpy as np

from training.calibrate import ACCEPT_GRID, calibration_rows, rates
from training.data import Row, read_rows
from training.export import Bundle
from training.metrics import accuracy, calibration_error, macro_f1, precision, recall, softmax, with_interval
from training.settings import MODELS, OOS, RECIPES, TASKS, TRAINING, WORK

Figures = dict[str, dict[str, float]]
MIN_WEAK_ROWS = 5  # below this a label's own figure says nothing


class Scored:
    """Rows with the bundle's calibrated scores for them."""

    def __init__(self, bundle: Bundle, temperature: float, task: str, rows: list[Row]) -> None:
        self.rows = rows
        self.truth = np.array([bundle.labels.index(row.label(task)) for row in rows])
        self.scores = softmax(bundle.logits([row.text for row in rows]), temperature)

    def where(self, keep: list[bool]) -> tuple[np.ndarray, np.ndarray]:
        mask = np.array(keep)
        return self.truth[mask], self.scores[mask]


def intent_figures(dev: Scored, bundle: Bundle) -> Figures:
    clear = dev.where([row.clear for row in dev.rows])
    agreed = dev.where([row.agreed for row in dev.rows])
    return {
        "Accuracy, clear rows": with_interval(accuracy, *clear),
        "Accuracy, agreed rows": with_interval(accuracy, *agreed),
        "Accuracy, all rows": with_interval(accuracy, dev.truth, dev.scores),
        "Macro-F1, agreed rows": with_interval(macro_f1, *agreed),
        "Out-of-scope recall, agreed rows": with_interval(recall(bundle.labels.index(OOS)), *agreed),
        "Out-of-scope precision, agreed rows": with_interval(precision(bundle.labels.index(OOS)), *agreed),
        "Calibration error (ECE), agreed rows": with_interval(calibration_error, *agreed),
        "Calibration error (ECE), all rows": with_interval(calibration_error, dev.truth, dev.scores),
    }


def sentiment_figures(dev: Scored, bundle: Bundle) -> Figures:
    agreed = dev.where([row.sentiment_agreed for row in dev.rows])
    negative = bundle.labels.index("negative")
    figures: Figures = {}
    for name, part in (("agreed rows", agreed), ("all rows", (dev.truth, dev.scores))):
        figures[f"Macro-F1, {name}"] = with_interval(macro_f1, *part)
        figures[f"Accuracy, {name}"] = with_interval(accuracy, *part)
        figures[f"Negative recall, {name}"] = with_interval(recall(negative), *part)
        figures[f"Negative precision, {name}"] = with_interval(precision(negative), *part)
        figures[f"Calibration error (ECE), {name}"] = with_interval(calibration_error, *part)
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


def threshold_table(expected: dict[str, float]) -> str:
    names = {
        "accepted": "accepted",
        "clarified": "clarified",
        "rejected": "rejected",
        "right_of_accepted": "right among the accepted",
        "in_scope_rejected": "rejected among in-scope texts",
        "oos_accepted": "accepted among out-of-scope texts",
        "cost": "mean cost of a turn",
    }
    lines = ["| expected on dev, agreed rows | rate |", "|---|---|"]
    return "\n".join(lines + [f"| {names[key]} | {value:.3f} |" for key, value in expected.items()])


def neighbour_table(agreed: Scored, oos_idx: int, clarify: float) -> str:
    """What other values of `accept` would give, so that a shop can choose by its own costs."""
    keys = ("accepted", "clarified", "rejected", "right_of_accepted", "oos_accepted", "cost")
    lines = ["| accept | accepted | clarified | rejected | right among accepted | oos accepted | cost |", "|" + "---|" * 7]
    for accept in ACCEPT_GRID:
        found = rates(agreed.scores, agreed.truth, oos_idx, (float(accept), clarify))
        lines.append(f"| {accept:.2f} | " + " | ".join(f"{found[key]:.3f}" for key in keys) + " |")
    return "\n".join(lines)


def bias_text(task: str) -> str:
    return ", ".join(f"`{label}` {offset:+.1f}" for label, offset in RECIPES[task].label_bias.items()) or "none"


def train_counts(task: str) -> str:
    counts = Counter(row.origin for row in read_rows(WORK / "train.jsonl") if row.label(task))
    return ", ".join(f"{count:,} {origin}" for origin, count in sorted(counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    task = parser.parse_args().task

    folder = MODELS / task
    bundle = Bundle(folder)
    settings = tomllib.loads((folder / "fenzhen.toml").read_text(encoding="utf-8"))
    temperature = settings["temperature"]
    dev = Scored(bundle, temperature, task, read_rows(WORK / "dev.jsonl"))
    figures = intent_figures(dev, bundle) if task == "intent" else sentiment_figures(dev, bundle)
    evaluation = read_rows(WORK / "evaluation.jsonl")
    if evaluation:
        own = Scored(bundle, temperature, task, evaluation)
        figures["Accuracy, eval-data/intent.jsonl"] = with_interval(accuracy, own.truth, own.scores)
        figures["Macro-F1, eval-data/intent.jsonl"] = with_interval(macro_f1, own.truth, own.scores)

    agreed = Scored(bundle, temperature, task, calibration_rows(task))
    parts = {
        "version": settings["version"],
        "figures": figure_table(figures),
        "weak_spots": weak_spots(agreed, bundle.labels),
        "temperature": temperature,
        "size": f"{(folder / 'model.onnx').stat().st_size / 1e6:.1f} MB",
        "counts": train_counts(task),
        "bias": bias_text(task),
    }
    if task == "intent":
        thresholds = (settings["thresholds"]["accept"], settings["thresholds"]["clarify"])
        expected = rates(agreed.scores, agreed.truth, bundle.labels.index(OOS), thresholds)
        parts |= {"accept": f"{thresholds[0]:.2f}", "clarify": f"{thresholds[1]:.2f}"}
        parts["rates"] = threshold_table(expected)
        parts["neighbours"] = neighbour_table(agreed, bundle.labels.index(OOS), thresholds[1])
    card = Template((TRAINING / "cards" / f"{task}.md").read_text(encoding="utf-8")).substitute(parts)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (WORK / f"{task}-figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(parts["figures"])
    if task == "intent":
        print(parts["rates"])


if __name__ == "__main__":
    main()
