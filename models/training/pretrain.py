"""Stage 1c: masked-language-model pretraining of the encoder on `work/corpus.npz`, into `work/encoder.pt`.

Spans of one to three characters are hidden, a quarter of the text: words of Chinese are that long, and a single hidden
character of a word is guessed from its other half. A tenth of them are not hidden but replaced by a character of the same
sound, as people mistype, and have to be put right (Cui et al. 2020, MacBERT, does so with synonyms). Lengths come from a short list, so that the compiled network meets
few shapes. A run that was cut off goes on from its last checkpoint with the batches that would have come.
"""

import argparse
import copy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from training.encoder import Encoder, EncoderSize, MaskedLm
from training.settings import PAD_ID, UNK_ID, WORK
from training.vocabulary import load_vocab, sounds_of

LENGTHS = (8, 12, 16, 20, 24, 32, 48, 64)
BATCH_TOKENS = 2048
MASK_RATE = 0.25
MASK_ID = UNK_ID  # what is hidden and what is unknown look alike: no other token is needed
PEAK_RATE, WARM_UP, WEIGHT_DECAY, BETAS = 8e-4, 500, 0.01, (0.9, 0.98)
POOL = 40_000  # lines sorted by length together
SAVE_EVERY = 1000  # steps


class Corpus:
    def __init__(self, path: Path) -> None:
        held = np.load(path)
        self.ids, self.ends = held["ids"], held["ends"]
        self.source, self.passes = held["source"], held["passes"]

    def order(self, rng: np.random.Generator) -> np.ndarray:
        """Every line as often as its source is read, in random order; service text thickens towards the end."""
        passes = self.passes[self.source]
        times = np.floor(passes + rng.random(len(passes))).astype(np.int64)
        lines = np.repeat(np.arange(len(passes)), times)
        # A source read often has most of its passes late: its key is drawn above those of general text.
        late = np.clip(passes[lines] / self.passes.max(), 0, 1) * 0.35
        return lines[np.argsort(rng.random(len(lines)) * (1 - late) + late, kind="stable")]

    def batches(self, seed: int) -> Iterator[np.ndarray]:
        """Token ids `[rows, length]`, padded, of one run through the corpus."""
        rng = np.random.default_rng(seed)
        order = self.order(rng)
        length = np.diff(self.ends)
        for start in range(0, len(order), POOL):
            pool = order[start : start + POOL]
            buckets = np.searchsorted(LENGTHS, length[pool])
            ready = []
            for bucket, padded in enumerate(LENGTHS):
                lines, size = pool[buckets == bucket], BATCH_TOKENS // padded
                ready += [(padded, lines[i : i + size]) for i in range(0, len(lines) - size + 1, size)]
            for index in rng.permutation(len(ready)):
                padded, lines = ready[index]
                ids = np.full((len(lines), padded), PAD_ID, dtype=np.int64)
                for row, line in enumerate(lines):
                    piece = self.ids[self.ends[line] : self.ends[line + 1]]
                    ids[row, : len(piece)] = piece
                yield ids


class Homophones:
    """Draws another character of the same sound; a token without a sound stays."""

    def __init__(self, sounds: np.ndarray) -> None:
        self._sounds = sounds
        self._by_sound = np.argsort(sounds, kind="stable")
        self._first = np.searchsorted(sounds[self._by_sound], np.arange(sounds.max() + 1))
        self._count = np.bincount(sounds)

    def draw(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sound = self._sounds[ids]
        other = self._by_sound[self._first[sound] + rng.integers(0, self._count[sound])]
        return np.where(sound > 0, other, ids)


def hide(ids: np.ndarray, homophones: Homophones, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hides spans; returns the changed ids and the flat positions to guess, the same number for every batch."""
    real = ids != PAD_ID
    start = rng.random(ids.shape) < MASK_RATE / 1.7
    second, third = start & (rng.random(ids.shape) < 0.5), start & (rng.random(ids.shape) < 0.2)
    spans = start.copy()
    spans[:, 1:] |= second[:, :-1]
    spans[:, 2:] |= third[:, :-2]
    # Those of the spans first, then others, until the number is full.
    rank = rng.random(ids.shape) + np.where(real, np.where(spans, 0.0, 1.0), 3.0)
    count = int(ids.size * MASK_RATE * 0.8)
    chosen = np.sort(np.argpartition(rank.ravel(), count)[:count])
    changed = ids.ravel().copy()
    dice = rng.random(count)
    changed[chosen[dice < 0.8]] = MASK_ID
    swapped = chosen[dice >= 0.9]
    changed[swapped] = homophones.draw(changed[swapped], rng)
    return changed.reshape(ids.shape), chosen


def rate_at(step: int, n_steps: int) -> float:
    return min(step / WARM_UP, max(0.0, (n_steps - step) / (n_steps - WARM_UP)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, help="stop the schedule here; the whole corpus unless given")
    parser.add_argument("--layers", type=int, default=EncoderSize.layers)
    parser.add_argument("--dim", type=int, default=EncoderSize.dim)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--base", type=Path, help="an encoder to go on from, such as ../models/encoder/encoder.pt")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WORK / "encoder.pt")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    vocab = load_vocab(WORK / "tokenizer.json")
    sounds = sounds_of(vocab)
    homophones = Homophones(sounds)
    corpus = Corpus(WORK / "corpus.npz")
    size = EncoderSize(dim=args.dim, layers=args.layers, heads=args.dim // 64, ffn=4 * args.dim)
    model = MaskedLm(Encoder(len(vocab), size))
    if args.base:
        model.encoder.load_state_dict(torch.load(args.base, weights_only=True)["state"])
    model.encoder.embedding.share_sounds(torch.from_numpy(sounds))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PEAK_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    n_steps = args.steps or sum(1 for _ in corpus.batches(args.seed))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step + 1, n_steps))
    state, first = args.out.with_suffix(".state"), 0
    if state.exists():
        held = torch.load(state, weights_only=True)
        model.load_state_dict(held["model"])
        optimizer.load_state_dict(held["optimizer"])
        schedule.load_state_dict(held["schedule"])
        first = held["step"]
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, steps {first} to {n_steps}", flush=True)

    network = torch.compile(model, dynamic=False)
    started, losses = time.monotonic(), []
    for step, ids in enumerate(corpus.batches(args.seed)):
        if step >= n_steps:
            break
        if step < first:
            continue
        changed, masked = hide(ids, homophones, np.random.default_rng((args.seed, step)))
        positions = torch.from_numpy(masked)
        targets = torch.from_numpy(ids).flatten()[positions]
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.from_numpy(changed), torch.from_numpy(ids != PAD_ID).long(), positions)
        loss = F.cross_entropy(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == n_steps:
            pace = (time.monotonic() - started) / (step + 1 - first)
            left = pace * (n_steps - step - 1) / 60
            print(f"step {step + 1}/{n_steps}: loss {np.mean(losses[-100:]):.3f}, {left:.0f} min left", flush=True)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == n_steps:
            held = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            torch.save({**held, "step": step + 1}, state)
            encoder = copy.deepcopy(model.encoder)
            encoder.embedding.fold_sounds()
            torch.save({"size": vars(size), "state": encoder.state_dict()}, args.out)


if __name__ == "__main__":
    main()
