"""Turns the outside intent sets with published figures into files that `retrain.py` takes, into work/public/.

    python -m training.public_sets
    python -m training.retrain --data …/banking77-train.jsonl --test …/banking77-test.jsonl --out …
"""

import csv
import json
from pathlib import Path

from training.data import read_jsonl
from training.settings import OUTSIDE, WORK

Rows = list[tuple[str, str]]


def banking77(split: str) -> Rows:
    with (OUTSIDE / "outside" / "banking77" / "banking_data" / f"{split}.csv").open(encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def clinc150(split: str) -> Rows:
    """The 150 intents; out-of-scope rows are left out, as in the published accuracy."""
    data = json.loads((OUTSIDE / "outside" / "clinc150" / "data" / "data_full.json").read_text(encoding="utf-8"))
    return [(text, label) for text, label in data[split]]


def hwu64(split: str) -> Rows:
    """The first of the ten folds that its authors published; the file name is the intent."""
    rows = []
    folder = OUTSIDE / "outside" / "hwu64"
    for path in sorted((folder / ("trainset" if split == "train" else "testset/csv")).glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            for record in csv.DictReader(file, delimiter=";"):
                rows.append((record["answer_from_anno"], path.stem))
    return rows


def jd123(split: str) -> Rows:
    name = "train" if split == "train" else "dev"
    return [(record["text"], record["intent"]) for record in read_jsonl(OUTSIDE / "jd123" / f"{name}.jsonl")]


def main() -> None:
    folder: Path = WORK / "public"
    folder.mkdir(parents=True, exist_ok=True)
    for name, read in (("banking77", banking77), ("clinc150", clinc150), ("hwu64", hwu64), ("jd123", jd123)):
        for split in ("train", "test"):
            rows = read(split)
            lines = (json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in rows if text.strip())
            (folder / f"{name}-{split}.jsonl").write_text("".join(lines), encoding="utf-8")
            print(f"{name} {split}: {len(rows)} rows, {len({label for _, label in rows})} labels")


if __name__ == "__main__":
    main()
