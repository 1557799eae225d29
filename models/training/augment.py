"""Fills the placeholders of the outside data with made-up values, so that no model leans on them."""

import random
import re
from collections.abc import Callable

FILL_PROBABILITY = 0.75  # the rest keeps its placeholder, which unseen texts of the outside data hold as well

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
