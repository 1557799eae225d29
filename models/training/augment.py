"""Changes texts at random while training, so that the model leans on neither placeholders nor exact spelling.

Works on normalised text and keeps it normalised enough: lower case, half width, no line breaks.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from pypinyin import lazy_pinyin

FILL_PROBABILITY = 0.75  # the rest keeps its placeholder, which unseen texts of the outside data hold as well
NOISE_PROBABILITY = 0.3
PINYIN_PROBABILITY = 0.02
MIN_NOISE_CHARS = 4  # in shorter texts one character is the meaning

PLACEHOLDER = re.compile(r"\[([^\[\]]{2,4}x)\]|#e-\w")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰红建文宇轩子涵欣怡"
CITIES = ("北京", "上海", "广州", "深圳", "成都", "武汉", "杭州", "西安", "沈阳", "长沙", "昆明", "乌鲁木齐")
STREETS = ("人民路", "解放路", "中山大道", "建设街", "文化路", "新华街")
COMPANIES = ("宏达", "华信", "天成", "瑞丰", "金桥")
EMOJI = ("😭", "😂", "😡", "🙏", "😊", "")


def _digits(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choices("0123456789", k=rng.randint(low, high)))


def _number(rng: random.Random) -> str:
    # In the outside data this placeholder stands for counts as well as for order and tracking numbers.
    return _digits(rng, 1, 4) if rng.random() < 0.5 else rng.choice("123456789") + _digits(rng, 7, 15)


def _phone(rng: random.Random) -> str:
    return "1" + rng.choice("35789") + _digits(rng, 9, 9)


def _address(rng: random.Random) -> str:
    street = f"{rng.choice(CITIES)}市{rng.choice(STREETS)}{rng.randint(1, 300)}号"
    return f"{street}{rng.randint(1, 30)}栋{rng.randint(101, 2804)}"


FILL: dict[str, Callable[[random.Random], str]] = {
    "数字x": _number,
    "姓名x": lambda rng: rng.choice(SURNAMES) + "".join(rng.choices(GIVEN, k=rng.randint(1, 2))),
    "电话x": _phone,
    "订单x": lambda rng: rng.choice("123456789") + _digits(rng, 9, 17),
    "日期x": lambda rng: f"{rng.randint(1, 12)}月{rng.randint(1, 30)}{rng.choice('日号')}",
    "时间x": lambda rng: rng.choice((f"{rng.randint(1, 12)}点", f"{rng.randint(0, 23)}:{rng.randint(10, 59)}")),
    "金额x": lambda rng: rng.choice((f"{rng.randint(1, 3000)}元", f"{rng.randint(1, 500)}.{rng.randint(1, 99)}")),
    "地址x": _address,
    "链接x": lambda rng: f"https://item.example.com/{_digits(rng, 6, 12)}.html",
    "邮箱x": lambda rng: f"{_digits(rng, 6, 10)}@{rng.choice(('qq', '163', '126'))}.com",
    "组织机构x": lambda rng: f"{rng.choice(CITIES)}{rng.choice(COMPANIES)}科技有限公司",
    "站点x": lambda rng: f"{rng.choice(CITIES)}{rng.choice(STREETS)}站",
    "身份证号x": lambda rng: rng.choice("123456") + _digits(rng, 17, 17),
}


def fill_placeholders(text: str, rng: random.Random) -> str:
    """Replaces most placeholders by made-up values; an unknown kind stays as it is."""

    def fill(match: re.Match[str]) -> str:
        if rng.random() >= FILL_PROBABILITY:
            return match.group()
        if match.group(1) is None:
            return rng.choice(EMOJI)
        return FILL[match.group(1)](rng) if match.group(1) in FILL else match.group()

    return PLACEHOLDER.sub(fill, text)


class Noise:
    """Typing slips: a character lost, doubled, swapped with its neighbour or with a homophone; rarely all in pinyin."""

    def __init__(self, chars: Iterable[str]) -> None:
        by_sound: dict[str, list[str]] = defaultdict(list)
        for char in sorted(chars):
            if "\u4e00" <= char <= "\u9fff":
                by_sound[lazy_pinyin(char)[0]].append(char)
        self._homophones = {char: group for group in by_sound.values() for char in group}

    def __call__(self, text: str, rng: random.Random) -> str:
        if len(text) < MIN_NOISE_CHARS:
            return text
        if rng.random() < PINYIN_PROBABILITY:
            return rng.choice(("", " ")).join(lazy_pinyin(text))
        if rng.random() >= NOISE_PROBABILITY:
            return text
        at = rng.randrange(len(text) - 1)
        head, char, after, tail = text[:at], text[at], text[at + 1], text[at + 2 :]
        kind = rng.random()
        if kind < 0.2:
            return head + after + tail
        if kind < 0.35:
            return head + char + char + after + tail
        if kind < 0.5:
            return head + after + char + tail
        return head + rng.choice(self._homophones.get(char, [char])) + after + tail
