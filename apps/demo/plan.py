"""The demo city on paper: cells with codes, names and boundaries, the same on every machine for the same seed.

Codes have the form of the statistical area code (township 9 digits, village 12, level 3 three more), but are this
plan's own: not the official codes of the places whose names they carry. 410190 for 郑东新区, which has no statistical
code, is made up; it and all below it, and exclusive cells (sequence 600 and up), are marked `is_local`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import shapely

from apps.demo.fanout import Township, plan_fanout, read_districts
from apps.demo.names import cell_word, chinese_number, township_name, unused_name
from apps.demo.shape import Shape, build_shape

CITY, DISTRICT, LEVEL1, LEVEL2, LEVEL3 = range(5)
CITY_CODE = "410100"
TOWNSHIP_FIRST = {"街道": 1, "镇": 100, "乡": 200}
VILLAGE_FIRST = {"community": 1, "village": 200, "exclusive": 600}
COMMUNITY_SHARE = {"街道": 0.93, "镇": 0.15, "乡": 0.08}
EXCLUSIVE_SHARE = 0.02
STARS = {"花园路": ("community", "园田社区"), "梨河": ("village", "高班庄村")}
DEFAULT_SEED = 2013


@dataclass(slots=True)
class PlannedCell:
    """One cell. `parent` is the index of the cell above (−1 for the city); (lon, lat) lies inside (WGS-84)."""

    code: str
    name: str
    tier: int
    parent: int
    is_local: bool
    kind: str
    polygon: shapely.Polygon
    lon: float = 0.0
    lat: float = 0.0


@dataclass(slots=True)
class CityPlan:
    """All cells, parents before children, in the order of the codes."""

    seed: int
    scale: float
    cells: list[PlannedCell]

    def of_tier(self, tier: int) -> list[int]:
        return [index for index, cell in enumerate(self.cells) if cell.tier == tier]

    def children(self) -> list[list[int]]:
        """Indices of the children of every cell."""
        result: list[list[int]] = [[] for _ in self.cells]
        for index, cell in enumerate(self.cells):
            if cell.parent >= 0:
                result[cell.parent].append(index)
        return result

    def find(self, name: str, within: str = "") -> int:
        """The index of the one cell of that name, below a cell named `within` if given."""
        for index, cell in enumerate(self.cells):
            if cell.name == name and (not within or within in self.path(index)):
                return index
        raise LookupError(name)

    def path(self, index: int) -> list[str]:
        """Names from the city down to the cell."""
        names: list[str] = []
        while index >= 0:
            names.append(self.cells[index].name)
            index = self.cells[index].parent
        return names[::-1]


def plan_city(seed: int = DEFAULT_SEED, scale: float = 1.0) -> CityPlan:
    """Plan the whole city; `scale` 1 is 16 / 197 / 2,996 / 18,089 cells.

    Smaller ones keep every district, every tier, and the places of the founding article.
    """
    townships = plan_fanout(Random(f"{seed}:fanout"), scale)
    shape = build_shape(townships, Random(f"{seed}:shape"))
    return CityPlan(seed, scale, _Writer(townships, shape, Random(f"{seed}:names")).write())


class _Writer:
    """Names and numbers the cells top down; children stand north-west to south-east, as their sequence demands."""

    def __init__(self, townships: Sequence[Township], shape: Shape, rng: Random) -> None:
        self.townships, self.shape, self.rng = townships, shape, rng
        self.level1_of_cell = [shape.level1_of[index] for index in shape.level2_of]
        self.members: list[list[int]] = [[] for _ in shape.level1_of]
        for cell, level2 in enumerate(shape.level2_of):
            self.members[level2].append(cell)
        self.cells: list[PlannedCell] = []

    def write(self) -> list[PlannedCell]:
        shape = self.shape
        districts = [shape.district_of[index] for index in self.level1_of_cell]
        [city] = shape.tier([0] * len(districts), 1)
        district_polygons = shape.tier(districts, len(read_districts()))
        self.level1_polygons = shape.tier(self.level1_of_cell, len(self.townships))
        self.level2_polygons = shape.tier(shape.level2_of, len(shape.level1_of))
        self._add(CITY_CODE + "0" * 9, "郑州市", CITY, -1, False, "city", city)
        for index, row in enumerate(read_districts()):
            code = row.code + "0" * 9
            own = self._add(code, row.name, DISTRICT, 0, row.is_local, row.kind, district_polygons[index])
            self._write_district(index, own)
        for cell in self.cells:
            if cell.tier != LEVEL3:
                point = cell.polygon.representative_point()
                cell.lon, cell.lat = point.x, point.y
        return self.cells

    def _add(
        self, code: str, name: str, tier: int, parent: int, is_local: bool, kind: str, polygon: shapely.Polygon
    ) -> int:
        self.cells.append(PlannedCell(code, name, tier, parent, is_local, kind, polygon))
        return len(self.cells) - 1

    def _write_district(self, district: int, parent: int) -> None:
        above = self.cells[parent]
        taken: set[str] = set()
        following = dict(TOWNSHIP_FIRST)
        own = [index for index, township in enumerate(self.townships) if township.district == district]
        for index in sorted(own, key=lambda index: TOWNSHIP_FIRST[self.townships[index].kind]):
            township = self.townships[index]
            code = f"{above.code[:6]}{following[township.kind]:03d}" + "0" * 6
            following[township.kind] += 1
            name = township_name(township.name, township.kind)
            polygon = self.level1_polygons[index]
            cell = self._add(code, name, LEVEL1, parent, above.is_local, township.kind, polygon)
            self._write_township(index, cell, taken)

    def _write_township(self, level1: int, parent: int, taken: set[str]) -> None:
        own = [index for index, owner in enumerate(self.shape.level1_of) if owner == level1]
        own.sort(key=lambda index: self._north_west(self.members[index]))
        kinds = self._kinds(level1, own)
        following = dict(VILLAGE_FIRST)
        above = self.cells[parent]
        for kind, name, level2 in sorted(
            ((kinds[index][0], kinds[index][1], index) for index in own), key=lambda item: VILLAGE_FIRST[item[0]]
        ):
            full = name or unused_name(self.rng, kind, taken)
            code = f"{above.code[:9]}{following[kind]:03d}000"
            following[kind] += 1
            is_local = above.is_local or kind == "exclusive"
            cell = self._add(code, full, LEVEL2, parent, is_local, kind, self.level2_polygons[level2])
            self._write_village(level2, cell, star=bool(name))

    def _kinds(self, level1: int, own: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Kind and, for the article's own places, name of each level-2 cell; the largest cell is the article's."""
        township = self.townships[level1]
        kinds = {index: (self._draw_kind(township.kind), "") for index in own}
        if township.name in STARS:
            largest = max(own, key=lambda index: (len(self.members[index]), -index))
            kinds[largest] = STARS[township.name]
        return kinds

    def _draw_kind(self, township_kind: str) -> str:
        drawn = self.rng.random()
        if drawn < EXCLUSIVE_SHARE:
            return "exclusive"
        return "community" if self.rng.random() < COMMUNITY_SHARE[township_kind] else "village"

    def _write_village(self, level2: int, parent: int, *, star: bool) -> None:
        above = self.cells[parent]
        word = "网格" if star and above.kind == "community" else cell_word(self.rng, above.kind)
        members = sorted(self.members[level2], key=lambda cell: self._north_west([cell]))
        for number, cell in enumerate(members, start=1):
            code = f"{above.code[:12]}{number:03d}"
            name = f"{above.name}第{chinese_number(number)}{word}"
            polygon = self.shape.cells[cell]
            index = self._add(code, name, LEVEL3, parent, above.is_local, above.kind, polygon)
            self.cells[index].lon, self.cells[index].lat = self.shape.inside(cell)

    def _north_west(self, members: Sequence[int]) -> tuple[float, int]:
        """Order from west to east and from north to south, by the mean place of the seeds."""
        seeds = self.shape.seeds
        return sum(seeds[cell][0] - seeds[cell][1] for cell in members) / len(members), members[0]
