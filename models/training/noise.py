"""Changes texts at random as people mistype them: for training, and for noisy variants of an evaluation set.

Works on normalised text and keeps it normalised: lower case, half width, simplified, no line breaks. What the
normaliser undoes (traditional characters, full width, repeated marks) needs no noise.

    python -m training.noise --seed 5 < rows.jsonl > noisy.jsonl     # each `text` changed in one way, named in `noise`
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping

from pypinyin import Style, lazy_pinyin

from training.vocabulary import is_ideograph, sound_of

MIN_CHARS = 4  # in shorter texts one character is the meaning
FILLERS = ("嗯", "那个", "就是", "就是说", "呃", "然后", "这个", "啊", "你好", "我想问一下", "麻烦问下", "那什么")
EMOJI = ("😭", "😂", "😡", "🙏", "😊", "😅", "🤔", "😤", "👍", "😢")
TAILS = ("啊", "呢", "呀", "哦", "哈", "~", "。。", "??", "!!", "...", "吧", "哇", "亲")
ENGLISH = {
    "退款": "refund", "快递": "kuaidi", "订单": "order", "优惠券": "coupon", "客服": "kefu", "发票": "invoice",
    "密码": "password", "质量": "quality", "颜色": "color", "尺码": "size", "账号": "account", "登录": "login",
    "会员": "vip", "退货": "return", "发货": "fahuo", "取消": "cancel", "地址": "address", "价格": "price",
    "什么": "what", "谢谢": "thx", "可以": "ok", "没有": "no", "手机": "phone", "支付": "pay", "更新": "update",
}  # fmt: skip


class Noise:
    """All kinds of noise over one set of characters with their counts, which make the likelier homophone likelier."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        sounds: dict[str, list[str]] = defaultdict(list)
        for char in sorted(counts):
            if is_ideograph(char):
                sounds[sound_of(char)].append(char)
        self._homophones = {}
        for group in sounds.values():
            for char in group:
                others = [other for other in group if other != char]
                if others:
                    self._homophones[char] = (others, [counts[other] ** 0.5 for other in others])
        self.kinds: dict[str, Callable[[str, random.Random], str]] = {
            "homophone": self.homophone,
            "missing": self.missing,
            "doubled": self.doubled,
            "swapped": self.swapped,
            "pinyin": self.pinyin,
            "initials": self.initials,
            "emoji": lambda text, rng: text + rng.choice(EMOJI) * rng.randint(1, 2),
            "mixed_english": self.mixed_english,
            "voice": self.voice,
            "tail": lambda text, rng: text.rstrip("?!。,.") + rng.choice(TAILS),
        }
        self._names = list(self.kinds)
        # How often each is met; homophones lead because pinyin keyboards do. The service reads most pinyin before a model
        # sees it, and what it reads wrong are homophones.
        self._weights = (6, 2, 1.5, 1, 0.5, 1, 1, 1, 2.5, 2)

    def __call__(self, text: str, rng: random.Random) -> str:
        """The text changed in one way, sometimes two."""
        if len(text) < MIN_CHARS:
            return text
        for _ in range(1 + (rng.random() < 0.25)):
            text = self.kinds[rng.choices(self._names, self._weights)[0]](text, rng)
        return text

    def homophone(self, text: str, rng: random.Random) -> str:
        chars = list(text)
        places = [at for at, char in enumerate(chars) if char in self._homophones]
        for at in rng.sample(places, min(len(places), max(1, round(len(places) * rng.uniform(0.05, 0.25))))):
            others, weights = self._homophones[chars[at]]
            chars[at] = rng.choices(others, weights)[0]
        return "".join(chars)

    def missing(self, text: str, rng: random.Random) -> str:
        at = rng.randrange(len(text))
        return text[:at] + text[at + 1 :]

    def doubled(self, text: str, rng: random.Random) -> str:
        at = rng.randrange(len(text))
        return text[: at + 1] + text[at] * rng.randint(1, 2) + text[at + 1 :]

    def swapped(self, text: str, rng: random.Random) -> str:
        at = rng.randrange(len(text) - 1)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    def pinyin(self, text: str, rng: random.Random) -> str:
        """All of it or one stretch, with or without spaces."""
        if rng.random() < 0.5:
            return rng.choice(("", " ")).join(lazy_pinyin(text))
        start = rng.randrange(len(text) - 1)
        end = min(len(text), start + rng.randint(1, 4))
        return text[:start] + "".join(lazy_pinyin(text[start:end])) + text[end:]

    def initials(self, text: str, rng: random.Random) -> str:
        start = rng.randrange(len(text) - 1)
        end = min(len(text), start + rng.randint(2, 3))
        return text[:start] + "".join(lazy_pinyin(text[start:end], style=Style.FIRST_LETTER)) + text[end:]

    def mixed_english(self, text: str, rng: random.Random) -> str:
        words = [word for word in ENGLISH if word in text]
        if not words:
            return text
        word = rng.choice(words)
        return text.replace(word, rng.choice((" {} ", "{}")).format(ENGLISH[word]), 1).strip()

    def voice(self, text: str, rng: random.Random) -> str:
        """Run on without marks, with fillers and one misheard word."""
        text = "".join(char for char in text if char not in ",.?!。;: ") or text
        for _ in range(rng.randint(1, 2)):
            at = rng.choice((0, rng.randrange(len(text) + 1)))
            text = text[:at] + rng.choice(FILLERS) + text[at:]
        return self.homophone(text, rng) if rng.random() < 0.5 else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=5)
    seed = parser.parse_args().seed

    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        for char in row["text"]:
            counts[char] += 1
    noise, rng = Noise(counts), random.Random(seed)
    for row in rows:
        kind = rng.choice([name for name in noise.kinds if name != "tail"])
        changed = noise.kinds[kind](row["text"], rng) if len(row["text"]) >= MIN_CHARS else row["text"]
        print(json.dumps(row | {"text": changed or row["text"], "noise": kind}, ensure_ascii=False))


if __name__ == "__main__":
    main()
