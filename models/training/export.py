"""Stage 5: writes model.onnx, tokenizer.json and config.json of a bundle, and checks them against the network.

    python -m training.export intent-accurate [--out FOLDER] [--precision fp32|int8]
"""

import argparse
import json
import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from training.bundles import BUNDLES
from training.data import read_rows
from training.model import MultiTask, NgramBag, OneTask, TextCnn
from training.settings import MAX_TOKENS, MODELS, OPSET, PAD_ID, WORK
from training.train import encode, load
from training.vocabulary import load_vocab

TOLERANCE = 1e-4  # fp32 against the network; the members' sums come in another order
INT8_AGREEMENT = 0.98  # share of texts whose best label the rounded weights must keep
MAX_BYTES = 12_000_000


class Bundle:
    """A bundle's model and tokenizer, run as the service runs them."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.int8 = b"DynamicQuantizeLinear" in (folder / "model.onnx").read_bytes()
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.labels = [config["id2label"][str(idx)] for idx in range(config["num_labels"])]

    def ids(self, text: str) -> list[int]:
        """The text's tokens, cut in the middle; an empty text becomes one masked token."""
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids if len(ids) <= MAX_TOKENS else ids[: MAX_TOKENS // 2] + ids[-MAX_TOKENS // 2 :]

    def logits(self, texts: list[str]) -> np.ndarray:
        """`[texts, labels]`, in batches padded to their longest text; one by one where the weights are int8."""
        result, size = [], 1 if self.int8 else 64
        for start in range(0, len(texts), size):
            rows = [self.ids(text) for text in texts[start : start + size]]
            seq = max(1, max(map(len, rows)))
            input_ids = np.array([row + [PAD_ID] * (seq - len(row)) for row in rows], dtype=np.int64)
            attention_mask = np.array([[1] * len(row) + [0] * (seq - len(row)) for row in rows], dtype=np.int64)
            feed = {"input_ids": input_ids, "attention_mask": attention_mask}
            result.append(self.session.run(["logits"], feed)[0])
        return np.concatenate(result)


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


class Int8Table(torch.nn.Module):
    """A table of vectors rounded to int8, one scale a column: a quarter of the file, and no other time."""

    def __init__(self, table: torch.nn.Embedding) -> None:
        super().__init__()
        weight = table.weight.detach()
        scale = weight.abs().amax(dim=0) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("codes", torch.round(weight / scale).to(torch.int8))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.codes[ids].to(torch.float32) * self.scale


def with_small_tables(member: MultiTask) -> MultiTask:
    """The network with the tables of n-grams and characters rounded, as they are published."""
    body = member.body
    if isinstance(body, NgramBag):
        body.table = Int8Table(body.table)  # type: ignore[assignment]
    elif isinstance(body, TextCnn):
        body.embedding = Int8Table(body.embedding)  # type: ignore[assignment]
    else:
        body.encoder.embedding = Int8Table(body.encoder.embedding)  # type: ignore[assignment]
    return member


def quantize(path: Path) -> None:
    """Rounds the weights of matrix products to int8, a scale for each output channel; activations as they come."""
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        shutil.copyfile(path, plain)
        quantize_dynamic(plain, path, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, weight_type=QuantType.QInt8)


def config_of(labels: list[str], n_tokens: int, body: str) -> dict:
    """The keys that exporters of the common model hub write for sequence classification."""
    return {
        "architectures": [f"{body}ForSequenceClassification"],
        "model_type": body.lower(),
        "problem_type": "single_label_classification",
        "num_labels": len(labels),
        "id2label": {str(idx): label for idx, label in enumerate(labels)},
        "label2id": {label: idx for idx, label in enumerate(labels)},
        "max_position_embeddings": MAX_TOKENS,
        "pad_token_id": PAD_ID,
        "vocab_size": n_tokens,
    }


def check(bundle: Bundle, model: torch.nn.Module, vocab: dict[str, int], texts: list[str], int8: bool) -> None:
    """The file agrees with the network, a batch with its texts one by one, and one character is enough."""
    batch = bundle.logits(texts)
    with torch.inference_mode():
        expected = torch.cat([model(*encode([text], vocab)) for text in texts]).numpy()
    singles = np.concatenate([bundle.logits([text]) for text in texts])
    for name, other in (("network", expected), ("singles", singles)):
        worst, same = float(np.abs(batch - other).max()), float((batch.argmax(axis=1) == other.argmax(axis=1)).mean())
        print(f"  batch against {name}: largest difference {worst:.1e}, same best label {same:.4f}")
        if (same < INT8_AGREEMENT) if int8 else (worst > TOLERANCE):
            raise ValueError(f"the exported model differs from the {name} by {worst}")
    assert np.isfinite(bundle.logits(["", "好"])).all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", choices=sorted(BUNDLES))
    parser.add_argument("--out", type=Path, help="folder; models/<bundle> unless given")
    parser.add_argument("--precision", choices=("fp32", "int8"), help="as published unless given")
    parser.add_argument("--members", nargs="+", help="other checkpoints than the published ones")
    args = parser.parse_args()

    torch.set_num_threads(1)
    published = BUNDLES[args.bundle]
    int8 = published.int8 if args.precision is None else args.precision == "int8"
    vocab = load_vocab(WORK / "tokenizer.json")
    loaded = [load(WORK / f"{name}.pt", len(vocab)) for name in args.members or published.members]
    labels = loaded[0][1][published.task]
    shift = [published.shift.get(label, 0.0) for label in labels] if published.shift else []
    model = OneTask([with_small_tables(member) for member, _ in loaded], published.task, shift).eval()

    folder = args.out or MODELS / args.bundle
    folder.mkdir(parents=True, exist_ok=True)
    export_onnx(model, folder / "model.onnx")
    if int8:
        quantize(folder / "model.onnx")
    shutil.copyfile(WORK / "tokenizer.json", folder / "tokenizer.json")
    body = type(loaded[0][0].body).__name__
    config = json.dumps(config_of(labels, len(vocab), body), ensure_ascii=False, indent=2)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")

    size = (folder / "model.onnx").stat().st_size
    print(f"{args.bundle}: model.onnx {size / 1e6:.1f} MB, {'int8' if int8 else 'fp32'}")
    if size > MAX_BYTES:
        print(f"  over {MAX_BYTES} bytes: too large to publish")
    texts = [row.text for row in read_rows(WORK / "dev.jsonl")][:200] + ["退", "🙃🙃"]
    check(Bundle(folder), model, vocab, texts, int8)


if __name__ == "__main__":
    main()
