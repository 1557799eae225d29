"""Runs every stage in order: `python -m training [--normalizer PATH] [--force] [--licensed]`."""

import argparse
import subprocess
import sys

from training.bundles import BUNDLES, TRAINED
from training.settings import ENCODER, OUTSIDE, REPO


def run(stage: str, *options: str) -> None:
    print(f"== {stage} {' '.join(options)}", flush=True)
    # A process a stage, so that each starts as it would alone, its random state included.
    subprocess.run([sys.executable, "-m", f"training.{stage}", *options], check=True)


def choose_thresholds(binary: str) -> None:
    """Of the fast bundle alone, then of the cascade in the settings; both are written into the bundles."""
    dev = OUTSIDE / "utterances" / "dev.jsonl"
    for model in (["--model", "models/intent"], []):
        command = [binary, "eval", "thresholds", "--data", str(dev), "--only", "agreed", *model, "--write"]
        subprocess.run(command, cwd=REPO, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", help="the fenzhen binary; target/release/fenzhen unless given")
    parser.add_argument("--force", action="store_true", help="train again where a checkpoint is there")
    parser.add_argument("--licensed", action="store_true", help="only sources with a licence, and own texts")
    args = parser.parse_args()

    normalizer = ["--normalizer", args.normalizer] if args.normalizer else []
    force, licensed = ["--force"] * args.force, ["--licensed"] * args.licensed
    # The vocabulary is the published encoder's, which training starts from; that has read texts without a licence.
    run("corpus", *normalizer, *licensed, "--tokenizer", str(ENCODER / "tokenizer.json"))
    base = ["--base", "none"] if args.licensed else []
    run("prepare", *normalizer, *licensed)
    for recipe, seed in TRAINED:
        run("train", recipe, "--seed", str(seed), *force, *base)
    run("linear")
    for bundle in BUNDLES:
        run("export", bundle)
        run("calibrate", bundle)
    choose_thresholds(args.normalizer or str(REPO / "target" / "release" / "fenzhen"))
    for bundle in BUNDLES:
        run("evaluate", bundle)
    run("manifest")


if __name__ == "__main__":
    main()
