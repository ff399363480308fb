"""Names that read like the real ones: communities, villages, their cells, and people.

All are composed of common words; none is copied from a register.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import TypeVar

from apps.demo.fanout import DATA

T = TypeVar("T")

WORDS: dict[str, str] = json.loads((DATA / "words.json").read_text(encoding="utf-8"))
VILLAGE_PREFIXES: list[str] = list(WORDS["village_prefixes"])
VILLAGE_SUFFIXES: list[str] = list(WORDS["village_suffixes"])
EXCLUSIVE: list[str] = list(WORDS["exclusive"])
DIGITS = "零一二三四五六七八九"
RESERVED = frozenset({"园田社区", "高班庄村"})
"""The article's own names: each belongs to one place."""


def pick(rng: Random, items: Sequence[T]) -> T:
    """One of the items; by `random()` alone, whose sequence Python promises never to change."""
    return items[int(rng.random() * len(items))]


def chinese_number(number: int) -> str:
    """1 → 一, 12 → 十二, 20 → 二十, 105 → 一百零五; up to 999."""
    if not 0 < number < 1000:
        raise ValueError(f"{number} is not between 1 and 999")
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else DIGITS[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (DIGITS[ones] if ones else "")


def township_name(name: str, kind: str) -> str:
    return f"{name}{kind}"


def community_name(rng: Random) -> str:
    return f"{pick(rng, WORDS['community_heads'])}{pick(rng, WORDS['community_tails'])}社区"


def village_name(rng: Random) -> str:
    """李家沟村, 大李庄村 or 石桥村."""
    surname, suffix = pick(rng, WORDS["surnames"]), pick(rng, VILLAGE_SUFFIXES)
    kind = rng.random()
    if kind < 0.55:
        return f"{surname}{suffix}村"
    if kind < 0.85:
        return f"{pick(rng, VILLAGE_PREFIXES)}{surname}{suffix[-1]}村"
    return f"{pick(rng, VILLAGE_PREFIXES)}{suffix[-1]}村"


def exclusive_name(rng: Random) -> str:
    """A 专属网格: a market, a campus, a station."""
    return f"{pick(rng, WORDS['community_heads'])}{pick(rng, WORDS['community_tails'])}{pick(rng, EXCLUSIVE)}"


def unused_name(rng: Random, kind: str, taken: set[str]) -> str:
    """A name of the kind (`community`, `village`, `exclusive`) not yet taken; it is taken then."""
    make = {"community": community_name, "village": village_name, "exclusive": exclusive_name}[kind]
    name = make(rng)
    while name in taken or name in RESERVED:
        name = make(rng)
    taken.add(name)
    return name


def cell_word(rng: Random, kind: str) -> str:
    """What the level-3 cells of one place are called: 村组 in a village, 网格 elsewhere, or 楼院 in a community."""
    if kind == "village":
        return "村组"
    return "楼院" if kind == "community" and rng.random() < 0.2 else "网格"


def person_name(rng: Random) -> str:
    """A surname by its frequency (common ones come first in the list) and one or two given characters."""
    surnames = WORDS["surnames"]
    surname = surnames[int(len(surnames) * rng.random() ** 2.2)]
    given = WORDS["male_given"] if rng.random() < 0.55 else WORDS["female_given"]
    return surname + pick(rng, given) + (pick(rng, given) if rng.random() < 0.7 else "")
