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
    "intent-accurate": Published("intent", ("encoder-11", "cnn-11"), "intent-accurate", int8=True),
    "sentiment": Published("sentiment", ("feeling-11",), "sentiment-cnn"),
    "emotion": Published("emotion", ("feeling-11",), "emotion-cnn"),
    "urgency": Published("urgency", ("feeling-11",), "urgency-cnn"),
}

# Recipe and seed of every network that is trained on labels; the first four teach the students.
TEACHER_SEEDS = (("cnn", 11), ("cnn", 23), ("encoder", 11), ("encoder", 23), ("feeling", 11))
TEACHERS = tuple(f"{recipe}-{seed}" for recipe, seed in TEACHER_SEEDS if recipe != "feeling")
