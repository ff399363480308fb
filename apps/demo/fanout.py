"""How many cells hang under which: exact totals, sizes that differ as they do in a real city.

Full size is the city of the founding article: 16 districts, 197 / 2,996 / 18,089 cells. Districts and level-1
names are data (`data/districts.csv`, `data/level1.csv`); the areas behind `weight` and the shares per district are
general knowledge, rounded, and only meant to look right.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

DATA = Path(__file__).parent / "data"
FULL_LEVEL2 = 2_996
FULL_LEVEL3 = 18_089
FULL_STAFF = 45_388
STAR_CELLS = 12
"""The community and the village of the founding article need at least nine cells; they get twelve."""


@dataclass(frozen=True, slots=True)
class DistrictRow:
    """One of the 16 county-level units; `weight` is its weight (km²) in the power diagram of the districts."""

    code: str
    is_local: bool
    name: str
    name_en: str
    kind: str
    lon: float
    lat: float
    weight: float
    level2: int
    level3: int


@dataclass(frozen=True, slots=True)
class Township:
    """A planned level-1 cell: `sizes` holds one number of level-3 cells per level-2 cell."""

    district: int
    kind: str
    name: str
    sizes: list[int]

    @property
    def is_urban(self) -> bool:
        return self.kind == "街道"


def read_districts() -> list[DistrictRow]:
    with (DATA / "districts.csv").open(encoding="utf-8", newline="") as file:
        return [
            DistrictRow(
                row["code"],
                row["is_local"] == "1",
                row["name"],
                row["name_en"],
                row["kind"],
                float(row["lon"]),
                float(row["lat"]),
                float(row["weight"]),
                int(row["level2"]),
                int(row["level3"]),
            )
            for row in csv.DictReader(file)
        ]


def read_townships() -> dict[str, list[tuple[str, str]]]:
    """(kind, name) of every level-1 cell, by district code; the ones a small demo must keep come first."""
    result: dict[str, list[tuple[str, str]]] = {}
    with (DATA / "level1.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = row["names"].split()
            result.setdefault(row["district"], []).extend((row["kind"], name) for name in names)
    return result


def apportion(total: int, weights: Sequence[float], minimum: int = 1) -> list[int]:
    """Share out `total` by weight, each at least `minimum`; largest remainders first, so the sum is exact."""
    free = total - minimum * len(weights)
    if free < 0:
        raise ValueError(f"{total} cannot be shared among {len(weights)} with at least {minimum} each")
    whole = sum(weights)
    exact = [free * weight / whole for weight in weights]
    result = [math.floor(value) for value in exact]
    order = sorted(range(len(weights)), key=lambda index: (result[index] - exact[index], index))
    for index in order[: free - sum(result)]:
        result[index] += 1
    return [value + minimum for value in result]


def spread(rng: Random, sigma: float) -> float:
    """A log-normal weight with median 1, never further than a factor of five from it."""
    return min(5.0, max(0.2, rng.lognormvariate(0.0, sigma)))


def scaled(full: int, scale: float, at_least: int) -> int:
    return max(at_least, round(full * scale))


def plan_fanout(rng: Random, scale: float) -> list[Township]:
    """The level-1 cells of the whole city in district order, with the sizes of everything below them."""
    districts = read_districts()
    names = read_townships()
    counts = [len(names[row.code]) for row in districts]
    level1 = apportion(scaled(sum(counts), scale, len(districts)), [count - 1 for count in counts])
    weights2 = [row.level2 for row in districts]
    weights3 = [row.level3 for row in districts]
    total1 = sum(level1)
    total2 = scaled(FULL_LEVEL2, scale, total1)
    level2 = _with_floor(total2, weights2, level1)
    level3 = _with_floor(scaled(FULL_LEVEL3, scale, total2 + 2 * STAR_CELLS), weights3, level2, spare=STAR_CELLS)
    plan: list[Township] = []
    for index, row in enumerate(districts):
        chosen = names[row.code][: level1[index]]
        plan += _plan_district(rng, index, chosen, level2[index], level3[index])
    return plan


def _with_floor(total: int, weights: Sequence[int], floors: Sequence[int], spare: int = 0) -> list[int]:
    """Share out by weight above a floor per district; 金水 and 新郑 keep room for the article's cells."""
    lifted = [
        floor + (spare if row.code in {"410105", "410184"} else 0)
        for row, floor in zip(read_districts(), floors, strict=True)
    ]
    ideal = [total * weight / sum(weights) for weight in weights]
    above = [max(value - floor, 0.001) for value, floor in zip(ideal, lifted, strict=True)]
    extra = apportion(total - sum(lifted), above, minimum=0)
    return [floor + more for floor, more in zip(lifted, extra, strict=True)]


def _plan_district(
    rng: Random, district: int, names: Sequence[tuple[str, str]], level2: int, level3: int
) -> list[Township]:
    weights = [spread(rng, 0.35) * (1.0 if kind == "街道" else 1.4) for kind, _ in names]
    counts = apportion(level2, weights)
    star = any(name in {"花园路", "梨河"} for _, name in names)
    cell_weights: list[float] = [spread(rng, 0.45) for _ in range(level2)]
    sizes = apportion(level3 - (STAR_CELLS if star else 0), cell_weights)
    plan: list[Township] = []
    start = 0
    for (kind, name), count in zip(names, counts, strict=True):
        own = sizes[start : start + count]
        if name in {"花园路", "梨河"}:
            own[count // 2] += STAR_CELLS
        plan.append(Township(district, kind, name, own))
        start += count
    return plan
