"""Takes the weights of a published bundle back into `work/`, so that a later stage can go on from them without training.

    python -m training.restore intent-accurate        # writes work/encoder-11.pt

Weights that were rounded for publishing come back rounded; heads of other tasks are not in a bundle and are left out.
"""

import argparse
import json

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from training.bundles import BUNDLES
from training.recipes import RECIPES
from training.settings import MODELS, WORK
from training.train import build
from training.vocabulary import load_vocab

# Matrix products of one layer in the order in which the exporter writes them.
PRODUCTS = ("qkv", "attention_out", "up", "down")


def restored(graph: onnx.GraphProto, task: str, n_layers: int) -> dict[str, torch.Tensor]:
    """The state of a network with an encoder and one head."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    state = {
        name.removeprefix("members.0."): value for name, value in held.items()
        if name.startswith("members.0.") and not name.endswith(("_quantized", "_scale", "_zero_point", "codes", ".scale"))
    }  # fmt: skip
    table = "members.0.body.encoder.embedding"
    state["body.encoder.embedding.weight"] = held[f"{table}.codes"].astype(np.float32) * held[f"{table}.scale"]
    names = [f"body.encoder.layers.{layer}.{product}.weight" for layer in range(n_layers) for product in PRODUCTS]
    names.append(f"heads.{task}.weight")
    products = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
    for name, product in zip(names, products, strict=True):
        stem = product.removesuffix("_quantized")
        zero = held[f"{stem}_zero_point"].astype(np.float32)
        state[name] = ((held[product].astype(np.float32) - zero) * held[f"{stem}_scale"]).T
    return {name: torch.tensor(value) for name, value in state.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", choices=sorted(name for name, bundle in BUNDLES.items() if bundle.int8))
    args = parser.parse_args()
    published, folder = BUNDLES[args.bundle], MODELS / args.bundle
    name = published.members[0]
    recipe = RECIPES[name.rsplit("-", 1)[0]]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    labels = {published.task: [config["id2label"][str(at)] for at in range(config["num_labels"])]}
    state = restored(onnx.load(folder / "model.onnx").graph, published.task, recipe.layers)
    build(recipe, len(load_vocab(WORK / "tokenizer.json")), labels).load_state_dict(state)
    torch.save({"recipe": recipe.body, "labels": labels, "state": state}, WORK / f"{name}.pt")
    print(f"{name}.pt from models/{args.bundle}")


if __name__ == "__main__":
    main()
