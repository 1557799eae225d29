"""Stage 2: trains one network a seed and saves its averaged weights as work/<task>-<seed>.pt.

A seed whose file is there already is skipped (`--force` trains it again).
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.augment import Noise, fill_placeholders
from training.data import Row, read_rows
from training.model import TextCnn
from training.settings import MAX_TOKENS, PAD_ID, RECIPES, SENTIMENTS, TASKS, UNK_ID, WORK, Recipe
from training.vocabulary import load_vocab


@dataclass(frozen=True)
class Example:
    """A text to learn from. `target` holds one probability a label."""

    text: str
    target: np.ndarray
    weight: float


def label_order(task: str, rows: Sequence[Row]) -> list[str]:
    if task == "sentiment":
        return list(SENTIMENTS)
    return sorted({row.intent for row in rows if row.intent})


def encode(texts: Sequence[str], vocab: dict[str, int]) -> tuple[Tensor, Tensor]:
    """One id a character, padded to the longest text; the same ids as tokenizer.json gives (export checks it)."""
    ids = [[vocab.get(char, UNK_ID) for char in text[:MAX_TOKENS]] for text in texts]
    seq = max(1, max(map(len, ids)))
    input_ids = torch.tensor([row + [PAD_ID] * (seq - len(row)) for row in ids])
    attention_mask = torch.tensor([[1] * len(row) + [0] * (seq - len(row)) for row in ids])
    return input_ids, attention_mask


def row_weight(row: Row, task: str, recipe: Recipe) -> float:
    if row.origin == "review":
        return recipe.review_weight
    certain = row.clear if task == "intent" else row.sentiment_agreed
    return 1.0 if certain else recipe.unclear_weight


def examples_of(rows: Sequence[Row], task: str, labels: Sequence[str], recipe: Recipe) -> list[Example]:
    """Rows as examples, own rows of rare labels repeated, weighted by certainty and by label."""
    counts = Counter(row.label(task) for row in rows)
    one_hot = np.eye(len(labels), dtype=np.float32)
    examples = []
    for row in rows:
        label = row.label(task)
        if label is None or (row.origin == "review" and recipe.review_weight == 0):
            continue
        weight = row_weight(row, task, recipe) * recipe.label_weights.get(label, 1.0)
        repeats = min(recipe.max_repeats, max(1, recipe.n_rare // counts[label])) if row.origin == "own" else 1
        examples += [Example(row.text, one_hot[labels.index(label)], weight)] * repeats
    return examples


def batches(examples: Sequence[Example], size: int, rng: random.Random) -> Iterator[list[Example]]:
    """Shuffled batches of similar lengths, so that little time goes into padding."""
    shuffled = rng.sample(examples, len(examples))
    pools = [sorted(shuffled[i : i + 40 * size], key=lambda e: len(e.text)) for i in range(0, len(shuffled), 40 * size)]
    result = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
    yield from rng.sample(result, len(result))


@torch.inference_mode()
def predict(model: torch.nn.Module, texts: Sequence[str], vocab: dict[str, int], size: int = 128) -> np.ndarray:
    """Log-probabilities `[texts, labels]`."""
    model.eval()
    chunks = [encode(texts[i : i + size], vocab) for i in range(0, len(texts), size)]
    return torch.cat([F.log_softmax(model(*chunk), dim=-1) for chunk in chunks]).numpy()


def train_seed(task: str, seed: int, recipe: Recipe, train: list[Row], dev: list[Row], vocab: dict[str, int]) -> dict:
    """Trains one network; returns what the checkpoint holds."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    labels = label_order(task, train)
    examples = examples_of(train, task, labels, recipe)
    noise = Noise(vocab)
    model = TextCnn(len(vocab), len(labels), recipe)
    # The average forgets each step at the same rate; what it holds is what gets exported.
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    n_steps = recipe.epochs * (len(examples) // recipe.batch_size + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.learning_rate, total_steps=n_steps + recipe.epochs * 2, pct_start=0.1
    )
    dev_texts = [row.text for row in dev]
    dev_labels = np.array([labels.index(row.label(task)) for row in dev])
    agreed = np.array([row.agreed if task == "intent" else row.sentiment_agreed for row in dev])

    for epoch in range(recipe.epochs):
        start, total, n_seen = time.monotonic(), 0.0, 0
        model.train()
        changed = [replace(example, text=noise(fill_placeholders(example.text, rng), rng)) for example in examples]
        for batch in batches(changed, recipe.batch_size, rng):
            texts = [example.text for example in batch]
            targets = torch.from_numpy(np.stack([example.target for example in batch]))
            weights = torch.tensor([example.weight for example in batch])
            # bfloat16 halves the time where the CPU has matrix units; weights stay float32.
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(*encode(texts, vocab))
            losses = F.cross_entropy(
                logits.float(), targets, label_smoothing=recipe.label_smoothing, reduction="none"
            )
            loss = (losses * weights).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total, n_seen = total + loss.item() * len(batch), n_seen + len(batch)
        right = predict(average.module, dev_texts, vocab).argmax(axis=1) == dev_labels
        print(
            f"{task} seed {seed} epoch {epoch + 1}/{recipe.epochs}: loss {total / n_seen:.3f}, "
            f"dev {right.mean():.4f}, agreed {right[agreed].mean():.4f}, {time.monotonic() - start:.0f} s",
            flush=True,
        )
    return {"labels": labels, "state": average.module.state_dict()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(1)
    train, dev = read_rows(WORK / "train.jsonl"), read_rows(WORK / "dev.jsonl")
    vocab = load_vocab(WORK / "tokenizer.json")
    recipe = RECIPES[args.task]
    for seed in recipe.seeds:
        path = WORK / f"{args.task}-{seed}.pt"
        if path.exists() and not args.force:
            print(f"{path.name} is there already")
            continue
        torch.save(train_seed(args.task, seed, recipe, train, dev, vocab), path)


if __name__ == "__main__":
    main()
