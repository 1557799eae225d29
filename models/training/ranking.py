"""Stage 8: fits the weights by which search ranks articles, into `src/kb/search/ranking.toml`.

Queries are our own: customers' messages of `data/kb_queries.jsonl` that neither an article nor the encoder of dense retrieval
has seen, and messages that no article answers. `fenzhen kb features` tells what the service sees of each candidate; a
logistic function of a weighted sum is fitted so that it is the chance that the article answers: the candidates of a query
against each other (which one comes first) and each for itself (whether any answers). The evaluation set is not looked at.

    python -m training.ranking [--normalizer PATH] [--by-words]
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from training.data import read_jsonl
from training.export import Bundle
from training.metrics import softmax
from training.prepare import normalise
from training.settings import KB_QUERIES, MODELS, OOS, REPO, TRAINING, WORK

UNANSWERABLE = TRAINING / "data" / "kb_unanswerable.jsonl"
RANKING = REPO / "src" / "kb" / "search" / "ranking.toml"
TOP_INTENTS = 5
LISTWISE = 1.0  # weight of the order among candidates beside the answer yes or no
DECAY = 1e-3
FOLDS = 5
# Messages that no article answers are often fragments, so that the fit would hold brevity against a question. Real questions are
# brief too: every query counts as if it had this many characters.
TYPICAL_LENGTH = 8
# What speaks for an article may not speak against it. The intent model reads customers' everyday messages better than the
# roundabout ones that these are, so its word keeps some weight.
AT_LEAST = {name: 0.0 for name in ("chars", "pairs", "concepts", "question", "meaning", "intent")} | {"intent_log": 0.1}


def intents_of(texts: list[str]) -> tuple[list[list[tuple[str, float]]], list[float]]:
    """What the intent model tells of each text: its best labels, and the probability of none."""
    bundle = Bundle(MODELS / "intent-accurate")
    probabilities = softmax(bundle.logits(texts), 1.0)
    best = np.argsort(-probabilities, axis=1)[:, :TOP_INTENTS]
    named = [[(bundle.labels[at], float(row[at])) for at in order] for row, order in zip(probabilities, best)]
    return named, probabilities[:, bundle.labels.index(OOS)].tolist()


def features(rows: list[dict], binary: Path, by_words: bool) -> tuple[list[str], list[dict]]:
    """The names of the features, and of each row its candidates with their values."""
    queries = WORK / "ranking.jsonl"
    queries.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command = [str(binary.resolve()), "kb", "features", str(queries), *(["--by-words"] if by_words else [])]
    told = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True).stdout
    names, *found = (json.loads(line) for line in told.splitlines())
    return names["features"], found


def fit(candidates: list[tuple[np.ndarray, int]], rows: np.ndarray, names: list[str]) -> tuple[np.ndarray, float]:
    """Weights and constant for queries given as values `[candidates, features]` and the place of the answer, -1 for none."""
    n_features = candidates[0][0].shape[1]
    free = torch.full((n_features + 1,), 0.5, requires_grad=True)
    least = torch.tensor([AT_LEAST.get(name, -np.inf) for name in [*names, "constant"]], dtype=torch.float32)
    bounded = torch.isfinite(least)
    floor = torch.where(bounded, least, torch.zeros(()))

    def weights_of() -> torch.Tensor:
        return torch.where(bounded, floor + free**2, free)

    chosen = [candidates[at] for at in rows if len(candidates[at][0])]
    values = torch.from_numpy(np.concatenate([x for x, _ in chosen]))
    sizes = [len(x) for x, _ in chosen]
    answers = torch.zeros(len(values))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for start, (_, answer) in zip(starts, chosen):
        if answer >= 0:
            answers[start + answer] = 1.0
    # The best candidates decide whether the bot speaks: each query's count as much as one, whatever their number.
    optimizer = torch.optim.LBFGS([free], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        weights = weights_of()
        scores = values @ weights[:-1] + weights[-1]
        parts = scores.split(sizes)
        order, speak = torch.zeros(()), torch.zeros(())
        for part, answer in zip(parts, (answer for _, answer in chosen)):
            top = part.logsumexp(0)
            if answer >= 0:
                order = order + top - part[answer]
            # Any answer at all: the soft maximum against zero.
            speak = speak + F.softplus(-top if answer >= 0 else top)
        total = (LISTWISE * order + speak) / len(chosen) + DECAY * (weights[:-1] ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    found = weights_of().detach().numpy()
    return found[:-1], float(found[-1])


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    return float((positive[:, None] > negative[None]).mean() + 0.5 * (positive[:, None] == negative[None]).mean())


def report(candidates: list[tuple[np.ndarray, int]], scores: list[np.ndarray]) -> str:
    answered = [at for at, (_, answer) in enumerate(candidates) if answer != -1]
    first = np.mean([scores[at].argmax() == candidates[at][1] for at in answered])
    three = np.mean([candidates[at][1] in np.argsort(-scores[at])[:3] for at in answered])
    top = np.array([part.max() if len(part) else -99.0 for part in scores])
    known = np.array([answer != -1 for _, answer in candidates])
    return f"first {first:.3f}, among three {three:.3f}, AUROC {auroc(top[known], top[~known]):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    parser.add_argument("--by-words", action="store_true", help="fit the weights for a service without an encoder")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(7)
    rows = [(query, record["id"]) for record in read_jsonl(KB_QUERIES) for query in record["held_out"]]
    rows += [(record["query"], "") for record in read_jsonl(UNANSWERABLE)]
    texts = normalise([query for query, _ in rows], args.normalizer)
    named, out_of_scope = intents_of(texts)
    # Half of the queries come without intents, as from a search page.
    asked = [
        {"id": str(at), "query": query, **({"intents": named[at], "out_of_scope": out_of_scope[at]} if at % 2 else {})}
        for at, (query, _) in enumerate(rows)
    ]
    names, found = features(asked, args.normalizer, args.by_words)
    candidates = []
    for (_, answer), row in zip(rows, found, strict=True):
        ids = [candidate["article_id"] for candidate in row["candidates"]]
        values = np.array([candidate["values"] for candidate in row["candidates"]], dtype=np.float32).reshape(len(ids), len(names))
        # -2: the answer is not among the candidates; whatever leads is wrong then.
        place = -1 if not answer else ids.index(answer) if answer in ids else -2
        candidates.append((values, place))
    missed = sum(place == -2 for _, place in candidates)
    print(f"{len(rows)} queries, {sum(not answer for _, answer in rows)} without an answer, {missed} whose answer is no candidate")

    fold = np.random.default_rng(7).integers(0, FOLDS, len(rows))
    usable = np.array([place != -2 for _, place in candidates])
    scores: list[np.ndarray] = [np.zeros(0)] * len(rows)
    for part in range(FOLDS):
        weights, constant = fit(candidates, np.flatnonzero((fold != part) & usable), names)
        for at in np.flatnonzero(fold == part):
            scores[at] = candidates[at][0] @ weights + constant
    print(f"cross-validated: {report(candidates, scores)}")
    weights, constant = fit(candidates, np.flatnonzero(usable), names)
    at = names.index("length")
    constant += float(weights[at] * np.log(TYPICAL_LENGTH))
    weights[at] = 0.0
    table = "by_words" if args.by_words else "with_meaning"
    lines = [f"[{table}]", f"constant = {constant:.3f}", *(f"{name} = {weight:.3f}" for name, weight in zip(names, weights)), ""]
    print("\n".join(lines))
    if not args.dry_run:
        held = RANKING.read_text(encoding="utf-8").split("\n[")
        kept = [block for block in held if not block.lstrip("[").startswith(f"{table}]")]
        head, others = kept[0], [f"[{block}" for block in kept[1:]]
        RANKING.write_text("\n".join([head.rstrip() + "\n", *(other.rstrip() + "\n" for other in others), *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
