"""Paths, tasks and hyperparameters shared by all stages.

Figures named "dev" below were measured on `../shared/data/utterances/dev.jsonl`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRAINING = Path(__file__).resolve().parent
MODELS = TRAINING.parent
REPO = MODELS.parent
OUTSIDE = REPO.parent / "shared" / "data"  # never copied into the repository
OWN = TRAINING / "data" / "own"
KB_QUERIES = TRAINING / "data" / "kb_queries.jsonl"  # of each article: what customers write whom it answers
EVAL_DATA = REPO / "eval-data"
WORK = TRAINING / "work"
ENCODER = MODELS / "encoder"  # the pretrained encoder, published so that others need not pretrain

# Sources of `corpus.py` that a licence or our own hand lets us pass on.
LICENSED = ("own utterances", "jd123", "English questions")

OOS = "oos"
LABELS_OF = {
    "sentiment": ("negative", "neutral", "positive"),
    "emotion": ("angry", "anxious", "disappointed", "calm", "pleased", "other"),
    "urgency": ("0", "1", "2", "3"),
    "review": ("negative", "positive"),
}
SERVICE_TASKS = ("intent", "sentiment", "emotion", "urgency")
AUXILIARY_TASKS = ("jd123", "topic", "post_emotion", "review")
EVALUATION_SETS = ("intent", "rare", "noisy", "far_oos", "feelings")  # of eval-data

PAD, UNK = "[PAD]", "[UNK]"
PAD_ID, UNK_ID = 0, 1
MAX_TOKENS = 128  # the runtime keeps the first 64 and the last 64
OPSET = 17


@dataclass(frozen=True)
class Recipe:
    """How one network is built and trained. `base` names the weights it starts from, none for a network from scratch."""

    body: str  # "bag", "cnn" or "encoder"
    tasks: tuple[str, ...]
    epochs: int
    learning_rate: float
    batch_size: int = 64
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    smoothing: float = 0.1
    dropout: float = 0.5
    buckets: int = 220_000  # of a bag: the largest table that stays below 12 MB as int8
    dim: int = 256  # of a CNN, as are the next two; as wide as the encoder it takes its characters from
    filters: int = 192
    widths: tuple[int, ...] = (2, 3, 4, 5)
    layers: int = 4  # of an encoder
    unclear_weight: float = 0.7  # rows whose label is not certain from the text alone
    noise: float = 0.35  # share of texts changed by `noise.py` in each epoch
    n_rare: int = 200  # own rows are repeated until a label has this many
    max_repeats: int = 3
    label_weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # by task, in the loss
