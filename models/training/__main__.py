"""Runs every stage in order: `python -m training [--normalizer PATH] [--force]`."""

import argparse
import subprocess
import sys

from training.settings import TASKS


def run(stage: str, *options: str) -> None:
    print(f"== {stage} {' '.join(options)}", flush=True)
    # A process a stage, so that each starts as it would alone, its random state included.
    subprocess.run([sys.executable, "-m", f"training.{stage}", *options], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", help="the fenzhen binary; target/release/fenzhen unless given")
    parser.add_argument("--force", action="store_true", help="train again where a checkpoint is there")
    args = parser.parse_args()

    run("prepare", *(["--normalizer", args.normalizer] if args.normalizer else []))
    for task in TASKS:
        run("train", "--task", task, *(["--force"] if args.force else []))
        for stage in ("export", "calibrate", "evaluate"):
            run(stage, "--task", task)
    run("manifest")


if __name__ == "__main__":
    main()
