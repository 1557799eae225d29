"""Stage 4: fits temperature and thresholds on dev and writes fenzhen.toml."""

import argparse
import hashlib
from itertools import product
from pathlib import Path

import numpy as np

from training.data import Row, read_rows
from training.export import Bundle
from training.metrics import softmax
from training.settings import MAX_TOKENS, MODELS, OOS, TASKS, WORK

VERSION = "0.1.1"
FILES = ("model.onnx", "tokenizer.json", "config.json")

# Costs of one turn, set by judgement: a wrong queue costs a transfer and so does an answer to an out-of-scope text,
# a needless question back nearly half of one, a turn needlessly sent on without any intent somewhat more.
WRONG_ROUTE, OOS_ANSWERED, CLARIFICATION, REJECTION = 1.0, 1.0, 0.45, 0.6
N_OFFERED = 3  # intents a clarification offers
# Coarse, as 1,100 dev rows do not carry finer steps, and bounded: lower than these a guess is taken for an answer or
# a question is asked about noise, higher than these the service asks what it knows: the scripted dialogues of eval-data
# lose one in fifty when accept rises from 0.50 to 0.70.
ACCEPT_GRID = np.arange(0.40, 0.51, 0.05).round(2)
CLARIFY_GRID = np.arange(0.15, 0.36, 0.05).round(2)

Thresholds = tuple[float, float]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the lowest negative log-likelihood, to 0.01."""
    candidates = np.arange(0.30, 3.0, 0.01)
    losses = [-np.log(softmax(logits, t)[np.arange(len(truth)), truth]).mean() for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 2)


def outcomes(scores: np.ndarray, truth: np.ndarray, oos_idx: int, thresholds: Thresholds) -> dict[str, np.ndarray]:
    """Which rows are accepted, clarified and rejected, and what each costs."""
    accept, clarify = thresholds
    top, top_score = scores.argmax(axis=1), scores.max(axis=1)
    in_scope = top != oos_idx
    accepted = in_scope & (top_score >= accept)
    clarified = in_scope & ~accepted & (top_score >= clarify)
    rejected = ~accepted & ~clarified
    right = top == truth
    oos = truth == oos_idx
    in_offer = (np.argsort(-scores, axis=1)[:, :N_OFFERED] == truth[:, None]).any(axis=1)
    # A clarification is worth its price only where it leads from a wrong intent to the right one.
    needless = clarified & (right | oos | ~in_offer)
    cost = (
        WRONG_ROUTE * (accepted & ~right & ~oos)
        + OOS_ANSWERED * (accepted & oos)
        + CLARIFICATION * needless
        + REJECTION * (rejected & ~oos)
    )
    return {"accepted": accepted, "clarified": clarified, "rejected": rejected, "right": right, "cost": cost}


def choose_thresholds(scores: np.ndarray, truth: np.ndarray, oos_idx: int) -> Thresholds:
    """The cheapest pair of the grid; of equal ones the lowest accept, which asks the customer least."""
    pairs = [(float(a), float(c)) for a, c in product(ACCEPT_GRID, CLARIFY_GRID) if c < a]
    return min(pairs, key=lambda pair: (outcomes(scores, truth, oos_idx, pair)["cost"].mean(), pair))


def rates(scores: np.ndarray, truth: np.ndarray, oos_idx: int, thresholds: Thresholds) -> dict[str, float]:
    """What to expect of the thresholds, for the model card."""
    found = outcomes(scores, truth, oos_idx, thresholds)
    accepted, oos = found["accepted"], truth == oos_idx
    figures = {
        "accepted": accepted.mean(),
        "clarified": found["clarified"].mean(),
        "rejected": found["rejected"].mean(),
        "right_of_accepted": found["right"][accepted].mean(),
        "in_scope_rejected": found["rejected"][~oos].mean(),
        "oos_accepted": accepted[oos].mean(),
        "cost": found["cost"].mean(),
    }
    return {name: round(float(figure), 3) for name, figure in figures.items()}


def calibration_rows(task: str) -> list[Row]:
    """Dev rows whose label two people share; elsewhere the truth itself is open."""
    return [row for row in read_rows(WORK / "dev.jsonl") if (row.agreed if task == "intent" else row.sentiment_agreed)]


def toml(task: str, folder: Path, temperature: float, thresholds: Thresholds | None) -> str:
    lines = [
        f'name = "{task}-textcnn"',
        f'version = "{VERSION}"',
        f'task = "{task}"',
        "normalize = true",
        f"max_tokens = {MAX_TOKENS}",
        f"temperature = {temperature}",
    ]
    if thresholds:
        accept, clarify = thresholds
        lines += [f'oos_label = "{OOS}"', "", "[thresholds]", f"accept = {accept:.2f}", f"clarify = {clarify:.2f}"]
    lines += ["", "[sha256]", *(f'"{name}" = "{sha256(folder / name)}"' for name in FILES)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    task = parser.parse_args().task

    folder = MODELS / task
    bundle = Bundle(folder)
    rows = calibration_rows(task)
    truth = np.array([bundle.labels.index(row.label(task)) for row in rows])
    logits = bundle.logits([row.text for row in rows])
    temperature = fit_temperature(logits, truth)
    thresholds = None
    if task == "intent":
        thresholds = choose_thresholds(softmax(logits, temperature), truth, bundle.labels.index(OOS))
    (folder / "fenzhen.toml").write_text(toml(task, folder, temperature, thresholds), encoding="utf-8")
    print(f"{task}: temperature {temperature}, thresholds {thresholds}")


if __name__ == "__main__":
    main()
