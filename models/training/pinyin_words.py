"""Writes `src/text/pinyin.tsv`, by which the service reads pinyin typed in letters: runs of one to five Chinese characters
of our own utterances, how they are spelled without tones, and how often they come.

    python -m training.pinyin_words
"""

import re
from collections import Counter

from pypinyin import lazy_pinyin

from training.data import read_jsonl
from training.settings import OWN, REPO

PATH = REPO / "src" / "text" / "pinyin.tsv"
MAX_CHARS = 5
MIN_COUNT = 4  # of a run of two and more
IDEOGRAPHS = re.compile(r"[\u4e00-\u9fff]+")


def main() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted(OWN.glob("*.jsonl")):
        for record in read_jsonl(path):
            for run in IDEOGRAPHS.findall(record["text"]):
                # Spelled as a whole, so that the neighbours decide between the readings of a character.
                spelled = lazy_pinyin(run, v_to_u=False)
                for start in range(len(run)):
                    for end in range(start + 1, min(len(run), start + MAX_CHARS) + 1):
                        counts["".join(spelled[start:end]), run[start:end]] += 1
    best: dict[str, tuple[int, str]] = {}
    for (spelling, run), count in counts.items():
        if len(run) == 1 or count >= MIN_COUNT:
            # Of runs spelled alike the most frequent is meant; of equals the first by code point, to be reproducible.
            best[spelling] = max(best.get(spelling, (0, "")), (count, run))
    lines = [f"{spelling}\t{run}\t{count}\n" for spelling, (count, run) in sorted(best.items())]
    PATH.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} spellings")


if __name__ == "__main__":
    main()
