"""Runs every stage in order: `python -m training [--normalizer PATH] [--force] [--licensed]`."""

import argparse
import subprocess
import sys

from training.bundles import BUNDLES, TEACHERS, TEACHER_SEEDS


def run(stage: str, *options: str) -> None:
    print(f"== {stage} {' '.join(options)}", flush=True)
    # A process a stage, so that each starts as it would alone, its random state included.
    subprocess.run([sys.executable, "-m", f"training.{stage}", *options], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", help="the fenzhen binary; target/release/fenzhen unless given")
    parser.add_argument("--force", action="store_true", help="train again where a checkpoint is there")
    parser.add_argument("--licensed", action="store_true", help="only sources with a licence, and own texts")
    args = parser.parse_args()

    normalizer = ["--normalizer", args.normalizer] if args.normalizer else []
    force, licensed = ["--force"] * args.force, ["--licensed"] * args.licensed
    run("corpus", *normalizer, *licensed)
    run("pretrain")
    run("prepare", *normalizer, *licensed)
    for recipe, seed in TEACHER_SEEDS:
        run("train", recipe, "--seed", str(seed), *force)
    run("distill", "score", "--teachers", *TEACHERS, "--out", "round1")
    run("distill", "student", "fast", "--scores", "round1")
    for bundle in BUNDLES:
        run("export", bundle)
        run("calibrate", bundle)
        run("evaluate", bundle)
    run("manifest")


if __name__ == "__main__":
    main()
