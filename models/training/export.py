"""Stage 3: writes model.onnx, tokenizer.json and config.json of a bundle, and checks them against the network."""

import argparse
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from training.data import read_rows
from training.model import Ensemble, TextCnn
from training.settings import MAX_TOKENS, MODELS, OPSET, PAD_ID, RECIPES, TASKS, WORK
from training.train import encode
from training.vocabulary import load_vocab

TOLERANCE = 1e-4
MAX_BYTES = 12_000_000


class Bundle:
    """A bundle's model and tokenizer, run as the service runs them."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.labels = [config["id2label"][str(idx)] for idx in range(config["num_labels"])]

    def ids(self, text: str) -> list[int]:
        """The text's tokens, cut in the middle; an empty text becomes one masked token."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids if len(ids) <= MAX_TOKENS else ids[: MAX_TOKENS // 2] + ids[-MAX_TOKENS // 2 :]

    def logits(self, texts: list[str], size: int = 64) -> np.ndarray:
        """`[texts, labels]`, in batches padded to their longest text."""
        result = []
        for start in range(0, len(texts), size):
            rows = [self.ids(text) for text in texts[start : start + size]]
            seq = max(1, max(map(len, rows)))
            input_ids = np.array([row + [PAD_ID] * (seq - len(row)) for row in rows], dtype=np.int64)
            attention_mask = np.array([[1] * len(row) + [0] * (seq - len(row)) for row in rows], dtype=np.int64)
            feed = {"input_ids": input_ids, "attention_mask": attention_mask}
            result.append(self.session.run(["logits"], feed)[0])
        return np.concatenate(result)


def fold_bias(members: Sequence[TextCnn], labels: list[str], label_bias: Mapping[str, float]) -> None:
    """Adds the offsets to the members' output layers, so that the mean of the log-probabilities carries them too.

    A member's softmax only shifts all of a text's logits by one number, which the mean leaves alike for all labels.
    """
    with torch.no_grad():
        for member in members:
            for label, offset in label_bias.items():
                member.output.bias[labels.index(label)] += offset


def export_onnx(model: torch.nn.Module, path: Path) -> None:
    example = (torch.tensor([[2, 3, 4, 5], [2, 3, 4, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]))
    axes = {0: "batch", 1: "seq"}
    with warnings.catch_warnings():
        # The classic exporter announces its successor on every call, and which padding it could not fold.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def config_of(labels: list[str], n_tokens: int) -> dict:
    """The keys that exporters of the common model hub write for sequence classification."""
    return {
        "architectures": ["TextCnnForSequenceClassification"],
        "model_type": "textcnn",
        "problem_type": "single_label_classification",
        "num_labels": len(labels),
        "id2label": {str(idx): label for idx, label in enumerate(labels)},
        "label2id": {label: idx for idx, label in enumerate(labels)},
        "max_position_embeddings": MAX_TOKENS,
        "pad_token_id": PAD_ID,
        "vocab_size": n_tokens,
    }


def check(bundle: Bundle, model: torch.nn.Module, vocab: dict[str, int], texts: list[str]) -> None:
    """The file agrees with the network, a batch with its texts one by one, and one character is enough."""
    batch = bundle.logits(texts)
    with torch.inference_mode():
        expected = torch.cat([model(*encode([text], vocab)) for text in texts]).numpy()
    singles = np.concatenate([bundle.logits([text]) for text in texts])
    for name, other in (("network", expected), ("singles", singles)):
        worst = float(np.abs(batch - other).max())
        print(f"  batch against {name}: largest difference {worst:.1e}")
        if worst > TOLERANCE:
            raise ValueError(f"the exported model differs from the {name} by {worst}")
    assert np.isfinite(bundle.logits(["", "好"])).all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=TASKS, required=True)
    task = parser.parse_args().task

    torch.set_num_threads(1)
    recipe = RECIPES[task]
    vocab = load_vocab(WORK / "tokenizer.json")
    checkpoints = [torch.load(WORK / f"{task}-{seed}.pt", weights_only=True) for seed in recipe.seeds]
    labels = checkpoints[0]["labels"]
    members = []
    for checkpoint in checkpoints:
        members.append(TextCnn(len(vocab), len(labels), recipe))
        members[-1].load_state_dict(checkpoint["state"])
    fold_bias(members, labels, recipe.label_bias)
    model = Ensemble(members).eval()

    folder = MODELS / task
    folder.mkdir(exist_ok=True)
    export_onnx(model, folder / "model.onnx")
    shutil.copyfile(WORK / "tokenizer.json", folder / "tokenizer.json")
    config = json.dumps(config_of(labels, len(vocab)), ensure_ascii=False, indent=2)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")

    size = (folder / "model.onnx").stat().st_size
    print(f"{task}: model.onnx {size / 1e6:.1f} MB")
    if size > MAX_BYTES:
        raise ValueError(f"model.onnx is over {MAX_BYTES} bytes")
    check(Bundle(folder), model, vocab, [row.text for row in read_rows(WORK / "dev.jsonl")][:200] + ["退", "🙃🙃"])


if __name__ == "__main__":
    main()
