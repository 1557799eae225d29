"""Exports a tiny BERT-like sequence classifier with random weights, a fixture for the service's own tests.

It has what bundles exported by others have and ours lack: word pieces, [CLS] and [SEP], position embeddings,
attention, and in one variant the third input `token_type_ids`.

    python -m training.tiny_fixture ../tests/fixtures/bert-tiny
    python -m training.tiny_fixture ../tests/fixtures/bert-tiny-token-types --token-types
"""

import argparse
import json
import math
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from training.settings import OPSET

SEED = 5
HIDDEN, HEADS, LAYERS, POSITIONS = 16, 2, 2, 64
LABELS = ("shipping.track", "refund.status", "chat.greeting", "oos")
MAX_BYTES = 120_000

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARS = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
    "美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员"
    "快递退款货单查询订几什您谢请件商品吗呢吧"
)
PIECES = ("app", "vip", "##s", "##1", "##2", "ok", "1", "2", "3", "?", "!", ",", "。", "，", "？", "！")
TEXTS = ("我的快递到哪里了？", "退款什么时候到", "你好", "App 打不开 vip1 怎么办！", "这个商品还有货吗，请问几天发货？谢谢")


class TinyBert(nn.Module):
    """`[batch, seq]` int64 inputs to `[batch, 4]` logits, read off the [CLS] position."""

    def __init__(self, n_tokens: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(n_tokens, HIDDEN)
        self.positions = nn.Embedding(POSITIONS, HIDDEN)
        self.types = nn.Embedding(2, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.layers = nn.ModuleList(TinyLayer() for _ in range(LAYERS))
        self.output = nn.Linear(HIDDEN, len(LABELS))
        for weight in self.parameters():
            if weight.dim() > 1:
                # Far above the usual 0.02: a wrong token or mask must show in the logits.
                nn.init.normal_(weight, std=0.5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        position_ids = torch.arange(input_ids.size(1)).unsqueeze(0)
        types = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        hidden = self.norm(self.tokens(input_ids) + self.positions(position_ids) + self.types(types))
        hidden_by_mask = (1.0 - attention_mask.to(hidden.dtype))[:, None, None, :] * -1e4
        for layer in self.layers:
            hidden = layer(hidden, hidden_by_mask)
        return self.output(torch.tanh(hidden[:, 0]))


class TinyLayer(nn.Module):
    """Self-attention and a feed-forward part, each with its residual and norm."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.attended = nn.Linear(HIDDEN, HIDDEN)
        self.inner = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.outer = nn.Linear(2 * HIDDEN, HIDDEN)
        self.norms = nn.ModuleList(nn.LayerNorm(HIDDEN) for _ in range(2))

    def forward(self, hidden: Tensor, hidden_by_mask: Tensor) -> Tensor:
        batch, seq = hidden.size(0), hidden.size(1)
        split = self.qkv(hidden).reshape(batch, seq, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = split[0], split[1], split[2]
        weights = F.softmax(query @ key.transpose(2, 3) / math.sqrt(HIDDEN // HEADS) + hidden_by_mask, dim=-1)
        context = (weights @ value).transpose(1, 2).reshape(batch, seq, HIDDEN)
        hidden = self.norms[0](hidden + self.attended(context))
        return self.norms[1](hidden + self.outer(F.gelu(self.inner(hidden))))


def tokenizer() -> BertWordPieceTokenizer:
    tokens = [*SPECIALS, *dict.fromkeys(CHARS), *PIECES]
    return BertWordPieceTokenizer(vocab={token: idx for idx, token in enumerate(tokens)}, lowercase=True)


def config(n_tokens: int) -> dict:
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_labels": len(LABELS),
        "id2label": {str(idx): label for idx, label in enumerate(LABELS)},
        "label2id": {label: idx for idx, label in enumerate(LABELS)},
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "vocab_size": n_tokens,
    }


def export(model: TinyBert, names: list[str], path: Path) -> None:
    axes = {0: "batch", 1: "seq"}
    example = tuple(torch.ones((2, 6), dtype=torch.int64) for _ in names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the classic exporter announces its successor
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=names,
            output_names=["logits"],
            dynamic_axes={**{name: axes for name in names}, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--token-types", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(SEED)
    pieces = tokenizer()
    model = TinyBert(pieces.get_vocab_size()).eval()
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if args.token_types else [])]
    args.folder.mkdir(parents=True, exist_ok=True)
    pieces.save(str(args.folder / "tokenizer.json"))
    text = json.dumps(config(pieces.get_vocab_size()), indent=2)
    (args.folder / "config.json").write_text(text + "\n", encoding="utf-8")
    path = args.folder / "model.onnx"
    export(model, names, path)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} is over {MAX_BYTES} bytes")

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = []
    for text in TEXTS:
        encoding = pieces.encode(text)
        values = (encoding.ids, encoding.attention_mask, encoding.type_ids)
        feed = {name: np.array([value], dtype=np.int64) for name, value in zip(names, values)}
        logits = session.run(["logits"], feed)[0][0]
        with torch.inference_mode():
            reference = model(*(torch.from_numpy(value) for value in feed.values()))[0].numpy()
        assert np.abs(logits - reference).max() < 1e-5
        expected.append(
            {"text": text, "input_ids": encoding.ids, "logits": [round(float(value), 6) for value in logits]}
        )
    text = json.dumps(expected, ensure_ascii=False, indent=2)
    (args.folder / "expected.json").write_text(text + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
