"""Stage 6: trains the encoder of dense retrieval, `work/retriever-<seed>.pt`: texts that one article answers lie near each other.

Three kinds of batches take turns: customers' questions of one article (our own), question pairs that people judged to mean the
same (outside), and utterances with their intent, which keep the space in order where no article is. A text's partner has
to be told from all other texts of the batch (InfoNCE, van den Oord et al. 2018); texts of one article are no negatives.

    python -m training.retriever [--base encoder-11.pt] [--seed 11]
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.augment import fill_placeholders
from training.data import read_jsonl, read_rows
from training.encoder import Encoder, EncoderSize
from training.kb import load_articles
from training.model import PooledEncoder
from training.noise import Noise
from training.prepare import normalise
from training.settings import KB_QUERIES, OUTSIDE, REPO, WORK
from training.train import encode, label_orders
from training.vocabulary import load_vocab, sounds_of

DIM = 128  # of a text's vector
TEMPERATURE = 0.05
BATCH = 96  # pairs
NOISE = 0.25
LENGTHS = (24, 40)  # characters that a batch is padded to; what is longer is cut in training
RATE, EPOCHS = 3e-4, 8  # epochs over our own questions


class Retriever(nn.Module):
    """Texts `[batch, seq]` to vectors of length one `[batch, DIM]`."""

    def __init__(self, body: PooledEncoder, n_intents: int = 0) -> None:
        super().__init__()
        self.body = body
        self.out = nn.Linear(body.width, DIM)
        self.intent = nn.Linear(body.width, n_intents) if n_intents else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.normalize(self.out(self.body(input_ids, attention_mask)), dim=-1)


@dataclass(frozen=True)
class Texts:
    """All texts of one article that training may see."""

    article: str
    texts: Sequence[str]


def own_texts(binary: Path) -> list[Texts]:
    """Question, variants, chat messages but the held-out ones, and the pieces of the answer."""
    asked = {record["id"]: record for record in read_jsonl(KB_QUERIES)}
    articles = load_articles(REPO / "kb-index" / "articles")
    lists = []
    for article in articles:
        queries = asked.get(article.id, {"queries": []})["queries"]
        lists.append([article.question, *article.variants, *queries, *article.paragraphs[:3]])
    flat = normalise([text for texts in lists for text in texts], binary)
    found, at = [], 0
    for article, texts in zip(articles, lists):
        found.append(Texts(article.id, flat[at : at + len(texts)]))
        at += len(texts)
    return found


def outside_pairs(binary: Path) -> list[tuple[str, str]]:
    """Pairs of the same meaning."""
    folder, pairs = OUTSIDE / "pairs", []
    for path in sorted([*folder.glob("*/*.txt"), *folder.glob("*.valid.tsv")]):
        for line in path.read_text(encoding="utf-8").splitlines():
            parts = line.split("\t")
            if len(parts) == 3 and parts[2].strip() == "1":
                pairs.append((parts[0], parts[1]))
    flat = normalise([text for pair in pairs for text in pair], binary)
    pairs = list(zip(flat[::2], flat[1::2]))
    return [pair for pair in pairs if 3 <= len(pair[0]) <= 64 and 3 <= len(pair[1]) <= 64 and pair[0] != pair[1]]


def own_batches(own: Sequence[Texts], size: int, rng: random.Random) -> Iterator[list[tuple[str, str, str]]]:
    """Every text once with a partner of its article; neighbours of one batch are often of one subject, which makes them hard."""
    pairs = []
    for texts in own:
        shuffled = rng.sample(texts.texts, len(texts.texts))
        pairs += [(texts.article, shuffled[at], shuffled[at - 1]) for at in range(len(shuffled))]
    # Articles whose ids begin alike are alike: half of a batch comes from a stretch of the sorted list.
    rng.shuffle(pairs)
    half = len(pairs) // 2
    near, any_ = sorted(pairs[:half], key=lambda pair: (pair[0].split("-")[0], rng.random())), pairs[half:]
    step = size // 2
    batches = [near[at : at + step] + any_[at : at + step] for at in range(0, half - step + 1, step)]
    rng.shuffle(batches)
    yield from batches


def pair_loss(left: Tensor, right: Tensor, group: Sequence[object]) -> Tensor:
    """InfoNCE both ways; pairs of one group are no negatives of each other."""
    numbers = {name: at for at, name in enumerate(dict.fromkeys(group))}
    of = torch.tensor([numbers[name] for name in group])
    same = (of[:, None] == of[None, :]) & ~torch.eye(len(of), dtype=torch.bool)
    scores = (left @ right.T / TEMPERATURE).masked_fill(same, -1e4)
    target = torch.arange(len(of))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def vectors(model: Retriever, texts: Sequence[str], vocab: Mapping[str, int], size: int = 128) -> np.ndarray:
    model.eval()
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    result = np.zeros((len(texts), DIM), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            with torch.autocast("cpu", torch.bfloat16):
                result[rows] = model(*encode([texts[at] for at in rows], vocab)).float().numpy()
    return result


def train(model: Retriever, binary: Path, seed: int, vocab: Mapping[str, int], epochs: int, drop: float) -> Retriever:
    rng = random.Random(seed)
    own, outside = own_texts(binary), outside_pairs(binary)
    if drop:
        own = [texts for texts in own if rng.random() >= drop]
    rows = [row for row in read_rows(WORK / "train.jsonl") if row.origin in ("own", "outside", "pool") and "intent" in row.targets]
    intents = label_orders(["intent"], rows)["intent"]
    noise = Noise(Counter(char for texts in own for text in texts.texts for char in text) + Counter(char for row in rows for char in row.text))
    model.intent = nn.Linear(model.body.width, len(intents))
    model.body.characters.share_sounds(torch.from_numpy(sounds_of(dict(vocab))))
    steps = [batch for _ in range(epochs) for batch in own_batches(own, BATCH, rng)]
    rng.shuffle(outside)
    rate = {"encoder": RATE, "new": 3 * RATE}
    optimizer = torch.optim.AdamW([
        {"params": model.body.parameters(), "lr": rate["encoder"]},
        {"params": [*model.out.parameters(), *model.intent.parameters()], "lr": rate["new"]},
    ], weight_decay=0.01, fused=True)  # fmt: skip
    n_steps = len(steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.08 * n_steps), (n_steps - step) / (0.92 * n_steps), 1.0)
    )

    body = torch.compile(model.body, dynamic=False)

    def pooled(texts: Sequence[str]) -> Tensor:
        changed = [fill_placeholders(text, rng) for text in texts]
        changed = [noise(text, rng) if rng.random() < NOISE else text for text in changed]
        with torch.autocast("cpu", torch.bfloat16):
            return body(*encode([text[: LENGTHS[-1]] for text in changed], vocab, LENGTHS)).float()

    print(f"{len(own)} articles, {len(outside)} outside pairs, {len(rows)} utterances, {n_steps} steps", flush=True)
    started, losses = time.monotonic(), []
    model.train()
    for step, batch in enumerate(steps):
        placed = F.normalize(model.out(pooled([text for _, a, b in batch for text in (a, b)])), dim=-1)
        loss = pair_loss(placed[::2], placed[1::2], [article for article, _, _ in batch])
        parts = [loss.item()]
        other = torch.zeros(())
        if step % 4 == 1:
            chosen = [outside[(step // 4 * 64 + at) % len(outside)] for at in range(64)]
            placed = F.normalize(model.out(pooled([text for pair in chosen for text in pair])), dim=-1)
            other = 0.5 * pair_loss(placed[::2], placed[1::2], [pair[0] for pair in chosen])
        elif step % 4 == 3:
            some = rng.sample(rows, 96)
            logits = model.intent(pooled([row.text for row in some]))
            target = torch.tensor([[row.targets["intent"].get(name, 0.0) for name in intents] for row in some])
            other = 0.5 * F.cross_entropy(logits, target)
        parts.append(other.item())
        optimizer.zero_grad()
        (loss + other).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        losses.append(parts)
        if (step + 1) % 50 == 0 or step + 1 == n_steps:
            left = (time.monotonic() - started) / (step + 1) * (n_steps - step - 1) / 60
            mean = np.mean(losses[-50:], axis=0)
            print(f"step {step + 1}/{n_steps}: own {mean[0]:.3f}, other {mean[1]:.3f}, {left:.0f} min left", flush=True)
    model.body.characters.fold_sounds()
    model.intent = None
    return model.eval()


def load(path: Path, n_tokens: int) -> Retriever:
    model = Retriever(PooledEncoder(Encoder(n_tokens, EncoderSize())))
    model.load_state_dict(torch.load(path, weights_only=True)["state"])
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    parser.add_argument("--base", default="encoder-11.pt", help="checkpoint of work/ whose encoder is taken over")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--drop", type=float, default=0.0, help="share of the articles that training does not see (ablation)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", help="name of the checkpoint")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    vocab = load_vocab(WORK / "tokenizer.json")
    encoder = Encoder(len(vocab), EncoderSize(), dropout=0.1)
    held = torch.load(WORK / args.base, weights_only=True)["state"]
    encoder.load_state_dict({key.removeprefix("body.encoder."): value for key, value in held.items() if key.startswith("body.encoder.")})
    start = Retriever(PooledEncoder(encoder))
    if "out.weight" in held:
        start.out.load_state_dict({key: held[f"out.{key}"] for key in ("weight", "bias")})
    model = train(start, args.normalizer, args.seed, vocab, args.epochs, args.drop)
    torch.save({"state": model.state_dict()}, WORK / (args.out or f"retriever-{args.seed}.pt"))


if __name__ == "__main__":
    main()
