"""The networks that are trained, by name."""

from training.settings import AUXILIARY_TASKS, SERVICE_TASKS, Recipe

RECIPES = {
    # Teachers.
    "cnn": Recipe("cnn", ("intent",), epochs=6, learning_rate=1e-3),
    "multitask": Recipe("encoder", (*SERVICE_TASKS, *AUXILIARY_TASKS), epochs=1, learning_rate=3e-4, dropout=0.2, smoothing=0.05),
    "encoder": Recipe("encoder", (*SERVICE_TASKS, "jd123"), epochs=3, learning_rate=4e-4, batch_size=96, dropout=0.2, smoothing=0.05),
    "feeling": Recipe(
        "cnn", ("sentiment", "emotion", "urgency", "review"), epochs=4, learning_rate=1e-3, filters=128, dim=128, widths=(2, 3, 4),
        label_weights={"sentiment": {"negative": 2.0, "positive": 3.0}, "review": {"negative": 0.3, "positive": 0.3}},
    ),
    # Fitted by `linear.py`, not by gradients.
    "fast": Recipe("bag", ("intent",), epochs=0, learning_rate=0.0, dropout=0.0),
    # A student: `distill.py` trains it on the teachers' scores.
    "accurate": Recipe("encoder", ("intent",), epochs=3, learning_rate=3e-4, dropout=0.1, smoothing=0.0),
}  # fmt: skip
