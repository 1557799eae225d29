"""Which networks become which published bundle."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One folder of `models/`: the task it reads, the checkpoints of `work/` it holds, and what it is called."""

    task: str
    members: tuple[str, ...]
    name: str
    int8: bool = False  # encoders halve their time, a CNN triples it


BUNDLES = {
    "intent": Published("intent", ("fast-11",), "intent-fast"),
    "intent-accurate": Published("intent", ("cnn-11",), "intent-accurate"),
    "sentiment": Published("sentiment", ("feeling-11",), "sentiment-cnn"),
    "emotion": Published("emotion", ("feeling-11",), "emotion-cnn"),
    "urgency": Published("urgency", ("feeling-11",), "urgency-cnn"),
}

# Recipe and seed of the networks that the bundles hold; `fast` is fitted by `linear.py`.
TRAINED = (("cnn", 11), ("feeling", 11))
