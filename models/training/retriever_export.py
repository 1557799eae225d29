"""Stage 7: publishes the encoder of dense retrieval as the bundle `models/retrieval`.

    python -m training.retriever_export retriever-12
"""

import argparse
import json
import shutil

import numpy as np
import torch

from training.data import read_rows
from training.export import Bundle, Int8Table, config_of, export_onnx, quantize
from training.calibrate import FILES, VERSION, sha256
from training.retriever import DIM, load, vectors
from training.settings import MAX_TOKENS, MODELS, WORK
from training.vocabulary import load_vocab

FOLDER = MODELS / "retrieval"
AGREEMENT = 0.99  # cosine that rounding must keep at least, in the mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="name of a checkpoint of work/")
    args = parser.parse_args()

    torch.set_num_threads(1)
    vocab = load_vocab(WORK / "tokenizer.json")
    model = load(WORK / f"{args.checkpoint}.pt", len(vocab))
    texts = [row.text for row in read_rows(WORK / "dev.jsonl")][:200]
    expected = vectors(model, texts, vocab)
    model.body.encoder.embedding = Int8Table(model.body.encoder.embedding)  # type: ignore[assignment]
    FOLDER.mkdir(parents=True, exist_ok=True)
    export_onnx(model, FOLDER / "model.onnx")
    quantize(FOLDER / "model.onnx")
    shutil.copyfile(WORK / "tokenizer.json", FOLDER / "tokenizer.json")
    # The coordinates stand where a classifier has its labels.
    config = config_of([f"d{at}" for at in range(DIM)], len(vocab), "Retriever")
    (FOLDER / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    lines = ['name = "retrieval"', f'version = "{VERSION}"', 'task = "retrieval"', "normalize = true", f"max_tokens = {MAX_TOKENS}"]
    lines += ["", "[sha256]", *(f'"{file}" = "{sha256(FOLDER / file)}"' for file in FILES)]
    (FOLDER / "fenzhen.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    published = Bundle(FOLDER).logits(texts)
    cosine = float((published * expected).sum(axis=1).mean())
    size = (FOLDER / "model.onnx").stat().st_size
    print(f"retrieval: model.onnx {size / 1e6:.1f} MB, mean cosine with the network {cosine:.4f}")
    if cosine < AGREEMENT or not np.isfinite(published).all():
        raise ValueError("the published encoder differs from the network")


if __name__ == "__main__":
    main()
