"""Stage 3: trains one network a recipe and seed and saves its averaged weights as work/<recipe>-<seed>.pt.

A checkpoint that is there already is skipped (`--force` trains it again).

    python -m training.train cnn --seed 11        # a recipe of `recipes.py`
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from training.augment import fill_placeholders
from training.data import Row, read_rows
from training.encoder import Encoder, EncoderSize
from training.model import EMBEDDING_STD, MultiTask, NgramBag, PooledEncoder, TextCnn
from training.noise import Noise
from training.recipes import RECIPES
from training.settings import ENCODER, LABELS_OF, MAX_TOKENS, PAD_ID, SERVICE_TASKS, UNK_ID, WORK, Recipe
from training.vocabulary import load_vocab, sounds_of

Labels = Mapping[str, Sequence[str]]
Body = Callable[[Tensor, Tensor], Tensor]
LENGTHS = (8, 12, 16, 24, 32, 48, 64, 128)  # of a compiled encoder's batches


@dataclass(frozen=True)
class Example:
    """A text to learn from: for each task a distribution over its labels and the weight of its loss."""

    text: str
    targets: Mapping[str, np.ndarray]
    weights: Mapping[str, float]
    noisy: bool = True  # whether noise may change it


def label_orders(tasks: Sequence[str], rows: Sequence[Row]) -> dict[str, list[str]]:
    """The labels of each task in output order."""
    found = {task: {label for row in rows for label in row.targets.get(task, ())} for task in tasks}
    return {task: list(LABELS_OF.get(task, sorted(found[task]))) for task in tasks}


def encode(texts: Sequence[str], vocab: Mapping[str, int], lengths: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
    """One id a character, the same as tokenizer.json gives (export checks it), padded to the longest text.

    With `lengths` padded on to the next of them, so that a compiled network meets few shapes.
    """
    ids = [[vocab.get(char, UNK_ID) for char in text[:MAX_TOKENS]] for text in texts]
    seq = max(1, max(map(len, ids)))
    seq = next((length for length in lengths if length >= seq), seq)
    input_ids = torch.tensor([row + [PAD_ID] * (seq - len(row)) for row in ids])
    attention_mask = torch.tensor([[1] * len(row) + [0] * (seq - len(row)) for row in ids])
    return input_ids, attention_mask


def distribution(target: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    result = np.zeros(len(labels), dtype=np.float32)
    for label, share in target.items():
        result[labels.index(label)] = share
    return result


def examples_of(rows: Sequence[Row], labels: Labels, recipe: Recipe) -> list[Example]:
    """Rows as examples: own rows of rare intents repeated, losses weighted by certainty and by label."""
    counts = Counter(row.label("intent") for row in rows)
    examples = []
    for row in rows:
        tasks = [task for task in labels if task in row.targets]
        if not tasks:
            continue
        weights = {}
        for task in tasks:
            doubtful = task in ("intent", "sentiment") and task not in row.certain
            by_label = recipe.label_weights.get(task, {})
            weights[task] = recipe.unclear_weight if doubtful else 1.0
            weights[task] *= sum(share * by_label.get(label, 1.0) for label, share in row.targets[task].items())
        repeats = 1
        if row.origin == "own" and "intent" in tasks:
            repeats = min(recipe.max_repeats, max(1, recipe.n_rare // counts[row.label("intent")]))
        targets = {task: distribution(row.targets[task], labels[task]) for task in tasks}
        examples += [Example(row.text, targets, weights, row.style == "" and row.origin != "review")] * repeats
    return examples


def batches(examples: Sequence[Example], size: int, rng: random.Random) -> Iterator[list[Example]]:
    """Shuffled batches of similar lengths, so that little time goes into padding."""
    shuffled = rng.sample(examples, len(examples))
    pools = [sorted(shuffled[i : i + 40 * size], key=lambda e: len(e.text)) for i in range(0, len(shuffled), 40 * size)]
    result = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
    yield from rng.sample(result, len(result))


def build(recipe: Recipe, n_tokens: int, labels: Labels) -> MultiTask:
    """The untrained network of a recipe."""
    body: NgramBag | TextCnn | PooledEncoder
    if recipe.body == "bag":
        body = NgramBag(recipe.buckets, len(labels[recipe.tasks[0]]))
    elif recipe.body == "cnn":
        body = TextCnn(n_tokens, recipe.dim, recipe.filters, recipe.widths)
    else:
        size = EncoderSize(dim=256, layers=recipe.layers)
        body = PooledEncoder(Encoder(n_tokens, size, dropout=0.1))
    return MultiTask(body, {task: len(names) for task, names in labels.items()}, recipe.dropout)


def load(path: Path, n_tokens: int) -> tuple[MultiTask, dict[str, list[str]]]:
    """A trained network from its checkpoint, and its labels."""
    held = torch.load(path, weights_only=True)
    model = build(RECIPES[held["recipe"]], n_tokens, held["labels"])
    model.load_state_dict(held["state"])
    return model.eval(), held["labels"]


@torch.inference_mode()
def predict(model: MultiTask, texts: Sequence[str], vocab: Mapping[str, int], task: str, size: int = 128) -> np.ndarray:
    """Log-probabilities `[texts, labels]` in the order of `texts`."""
    model.eval()
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    result: np.ndarray | None = None
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        with torch.autocast("cpu", torch.bfloat16, enabled=isinstance(model.body, PooledEncoder)):
            logits = model(*encode([texts[at] for at in rows], vocab), [task])[task]
        scores = F.log_softmax(logits.float(), dim=-1).numpy()
        if result is None:
            result = np.zeros((len(texts), scores.shape[1]), dtype=np.float32)
        result[rows] = scores
    assert result is not None, "there are no texts"
    return result


def loss_of(model: MultiTask, body: Body, batch: Sequence[Example], texts: list[str], vocab: Mapping[str, int], recipe: Recipe) -> Tensor:
    """The weighted cross-entropy of all tasks of a batch, a mean over its examples; `body` is the model's, compiled or not."""
    tasks = sorted({task for example in batch for task in example.targets})
    with torch.autocast("cpu", torch.bfloat16, enabled=not isinstance(model.body, NgramBag)):
        vector = body(*encode(texts, vocab, LENGTHS if recipe.body == "encoder" else ()))
    vector = model.dropout(vector.float())
    total = torch.zeros(())
    for task in tasks:
        rows = [at for at, example in enumerate(batch) if task in example.targets]
        targets = torch.from_numpy(np.stack([batch[at].targets[task] for at in rows]))
        weights = torch.tensor([batch[at].weights[task] for at in rows])
        logits = model.heads[task](vector[rows])
        losses = F.cross_entropy(logits, targets, label_smoothing=recipe.smoothing, reduction="none")
        total = total + (losses * weights).sum() / len(batch)
    return total


def moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """An exponential average whose memory grows to `decay`: a run of few steps must not keep its random start."""

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], n_averaged: Tensor | int) -> None:
        grown = (1 + int(n_averaged)) / (10 + int(n_averaged))
        torch._foreach_lerp_(list(averaged), list(current), 1 - min(decay, grown))

    return torch.no_grad()(update)


def train(
    model: MultiTask, examples: Sequence[Example], recipe: Recipe, seed: int, vocab: Mapping[str, int], name: str, dev: list[Row],
    labels: Labels, compiled: bool = False,
) -> MultiTask:  # fmt: skip
    """Trains in place; returns the moving average of the weights, which is what counts.

    Compiled, which needs a C++ compiler and some minutes, an encoder learns twice as fast; the few texts that fill no batch
    are then left out of an epoch.
    """
    rng = random.Random(seed)
    noise = Noise(Counter(char for example in examples for char in example.text))
    if not isinstance(model.body, NgramBag):
        model.body.characters.share_sounds(torch.from_numpy(sounds_of(dict(vocab))))
    average = AveragedModel(model, multi_avg_fn=moving_average(recipe.ema_decay))
    # Weights that were pretrained move more slowly than the new heads.
    is_encoder = recipe.body == "encoder"
    heads_rate = recipe.learning_rate * (3.0 if is_encoder else 1.0)
    groups = [
        {"params": list(model.body.parameters()), "lr": recipe.learning_rate},
        {"params": list(model.heads.parameters()), "lr": heads_rate},
    ]
    body: Body = torch.compile(model.body, dynamic=False) if compiled else model.body
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)
    n_steps = recipe.epochs * sum(1 for _ in batches(examples, recipe.batch_size, random.Random(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.08 * n_steps), (n_steps - step) / (0.92 * n_steps), 1.0)
    )
    for epoch in range(recipe.epochs):
        start, total, n_seen = time.monotonic(), 0.0, 0
        model.train()
        for batch in batches(examples, recipe.batch_size, rng):
            if compiled and len(batch) < recipe.batch_size:
                continue
            texts = [fill_placeholders(example.text, rng) for example in batch]
            texts = [
                noise(text, rng) if example.noisy and rng.random() < recipe.noise else text
                for text, example in zip(texts, batch)
            ]
            loss = loss_of(model, body, batch, texts, vocab, recipe)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total, n_seen = total + loss.item() * len(batch), n_seen + len(batch)
        figures = " ".join(
            f"{task} {figure}" for task in labels if task in SERVICE_TASKS for figure in [dev_figure(average.module, dev, vocab, task, labels)] if figure
        )
        print(f"{name} epoch {epoch + 1}/{recipe.epochs}: loss {total / n_seen:.3f}, {figures}, {time.monotonic() - start:.0f} s", flush=True)
    if not isinstance(model.body, NgramBag):
        average.module.body.characters.fold_sounds()
    return average.module


def dev_figure(model: MultiTask, dev: Sequence[Row], vocab: Mapping[str, int], task: str, labels: Labels) -> str:
    """Accuracy on the certain and on the agreed rows of dev, for watching a run."""
    rows = [row for row in dev if task in row.targets]
    if not rows:
        return ""
    right = np.array(labels[task])[predict(model, [row.text for row in rows], vocab, task).argmax(axis=1)] == [
        row.label(task) for row in rows
    ]
    certain, agreed = (np.array([task in keep for keep in keeps]) for keeps in ([r.certain for r in rows], [r.agreed for r in rows]))
    return " / ".join(f"{right[mask].mean():.4f}" for mask in (certain, agreed) if mask.any())


def initial(recipe: Recipe, base: str | None, n_tokens: int, labels: Labels, seed: int) -> MultiTask:
    """The network a run starts with: from scratch, from the pretrained encoder, or from another run's body.

    A CNN takes the characters of the pretrained encoder where both are as wide.
    """
    torch.manual_seed(seed)
    model = build(recipe, n_tokens, labels)
    pretrained = WORK / "encoder.pt" if (WORK / "encoder.pt").exists() else ENCODER / "encoder.pt"
    if isinstance(model.body, TextCnn) and base != "none":
        known = torch.load(pretrained, weights_only=True)["state"]["embedding.weight"].float()
        own = model.body.characters.weight
        if own.shape == known.shape:
            with torch.no_grad():
                own.copy_(known * (EMBEDDING_STD / known[UNK_ID + 1 :].std()))
    if recipe.body == "encoder" and base != "none":
        path = WORK / base if base else pretrained
        held = torch.load(path, weights_only=True)["state"]
        if base and base != "encoder.pt":
            held = {key.removeprefix("body.encoder."): value for key, value in held.items() if key.startswith("body.encoder.")}
        model.body.encoder.load_state_dict(held)  # type: ignore[union-attr]
    return model


def run(name: str, recipe: Recipe, rows: list[Row], dev: list[Row], seed: int, base: str | None, out: Path) -> None:
    vocab = load_vocab(WORK / "tokenizer.json")
    labels = label_orders(recipe.tasks, rows)
    model = initial(recipe, base, len(vocab), labels, seed)
    trained = train(model, examples_of(rows, labels, recipe), recipe, seed, vocab, f"{name} seed {seed}", dev, labels, recipe.body == "encoder")
    torch.save({"recipe": name, "labels": labels, "state": trained.state_dict()}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--base", help="file of work/ whose encoder is taken over; none: from scratch")
    parser.add_argument("--origins", nargs="*", help="train only on rows of these origins (ablation)")
    parser.add_argument("--out", help="name of the checkpoint; <recipe>-<seed>.pt unless given")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(1)
    out = WORK / (args.out or f"{args.recipe}-{args.seed}.pt")
    if out.exists() and not args.force:
        print(f"{out.name} is there already")
        return
    recipe = RECIPES[args.recipe]
    if args.epochs:
        recipe = replace(recipe, epochs=args.epochs)
    rows = [row for row in read_rows(WORK / "train.jsonl") if not args.origins or row.origin in args.origins]
    run(args.recipe, recipe, rows, read_rows(WORK / "dev.jsonl"), args.seed, args.base, out)


if __name__ == "__main__":
    main()
