"""The boundaries of the demo city: Voronoi cells of planned seeds, so that every tier tiles exactly.

A convex outline is divided top down (district, level 1, level 2, level 3), each piece gives one seed, and the Voronoi
cells of the seeds are the level-3 cells. Dummy seeds around the city bound the outermost cells and are dropped. Upper
tiers are unions of their children; a cell that came out cut off from its group is handed to a neighbouring group, so
no tier is ever in two parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import shapely

from apps.demo.fanout import Township, read_districts, spread
from apps.demo.polygons import Point, Polygon, centroid, divide, power_cell

# Plane of the plan: kilometres east and north of this point, by the length of 1° of longitude (at 34.6°) and latitude.
ORIGIN_LON, ORIGIN_LAT = 113.62, 34.75
KM_PER_LON, KM_PER_LAT = 91.6, 110.9
OUTLINE: Polygon = [
    (-79.1, -10.2), (-75.6, 4.6), (-61.7, 13.0), (-19.9, 20.4), (6.3, 20.9), (34.1, 16.2), (49.8, 4.6),
    (51.5, -12.3), (34.1, -32.3), (15.0, -50.2), (-15.5, -51.3), (-53.0, -47.1), (-72.1, -32.3),
]  # fmt: skip
CITY_KM2 = 7_500.0
DECIMALS = 7
WIGGLE = 0.16
MIN_SHARED_KM = 0.002
MIN_BENT_KM = 0.04
REPAIR_ROUNDS = 12

Vertex = tuple[float, float]
Edge = tuple[Vertex, Vertex]


@dataclass(slots=True)
class Shape:
    """Level-3 polygons (WGS-84 degrees), the index of each one's level-2 cell; likewise level 2 → 1 → district."""

    cells: list[shapely.Polygon]
    seeds: list[Point]
    level2_of: list[int]
    level1_of: list[int]
    district_of: list[int]

    def inside(self, cell: int) -> tuple[float, float]:
        """Longitude and latitude of a point inside a level-3 cell: its seed."""
        x, y = self.seeds[cell]
        return round(ORIGIN_LON + x / KM_PER_LON, DECIMALS), round(ORIGIN_LAT + y / KM_PER_LAT, DECIMALS)

    def tier(self, groups_of_cells: Sequence[int], count: int) -> list[Any]:
        """One polygon per group: the coverage union of its level-3 cells."""
        members: list[list[shapely.Polygon]] = [[] for _ in range(count)]
        for cell, group in enumerate(groups_of_cells):
            members[group].append(self.cells[cell])
        return [shapely.coverage_union_all(polygons) for polygons in members]


def build_shape(townships: Sequence[Township], rng: Random) -> Shape:
    """Boundaries for a planned fan-out. Totals per tier are kept exactly; single cells may change parents by repair."""
    seeds, level2_of, level1_of = _plant(townships, rng)
    district_of = [township.district for township in townships]
    rings = _voronoi_rings(seeds, _dummies(len(seeds)))
    owners = _edge_owners(rings)
    neighbours = _neighbours(owners, len(seeds))
    _repair(neighbours, level2_of, level1_of, district_of)
    return Shape(_wiggled(rings, owners, seeds, rng), seeds, level2_of, level1_of, district_of)


def _plant(townships: Sequence[Township], rng: Random) -> tuple[list[Point], list[int], list[int]]:
    rows = read_districts()
    sites = [((row.lon - ORIGIN_LON) * KM_PER_LON, (row.lat - ORIGIN_LAT) * KM_PER_LAT) for row in rows]
    weights = [row.weight for row in rows]
    seeds: list[Point] = []
    level2_of: list[int] = []
    level1_of: list[int] = []
    for district in range(len(rows)):
        own = [index for index, township in enumerate(townships) if township.district == district]
        region = power_cell(OUTLINE, sites, weights, district)
        for index, piece in zip(own, divide(region, _area_weights(townships, own, rng), rng), strict=True):
            _plant_township(townships[index], piece, rng, index, seeds, level2_of, level1_of)
    return seeds, level2_of, level1_of


def _area_weights(townships: Sequence[Township], own: Sequence[int], rng: Random) -> list[float]:
    """A street holds as many people as a town on a tenth of the land."""
    return [
        sum(townships[index].sizes) * (0.12 if townships[index].is_urban else 1.0) * spread(rng, 0.2) for index in own
    ]


def _plant_township(
    township: Township,
    piece: Polygon,
    rng: Random,
    index: int,
    seeds: list[Point],
    level2_of: list[int],
    level1_of: list[int],
) -> None:
    pieces = divide(piece, [size * spread(rng, 0.25) for size in township.sizes], rng)
    for size, part in zip(township.sizes, pieces, strict=True):
        for small in divide(part, [spread(rng, 0.3) for _ in range(size)], rng):
            seeds.append(centroid(small))
            level2_of.append(len(level1_of))
        level1_of.append(index)


def _dummies(count: int) -> list[Point]:
    """Two rings of seeds outside the outline, as dense as the cells along it."""
    spacing = (CITY_KM2 / count) ** 0.5
    outline = shapely.Polygon(OUTLINE)
    points: list[Point] = []
    for distance in (0.5 * spacing, 1.6 * spacing):
        ring = outline.buffer(distance, quad_segs=4).exterior
        steps = max(12, int(ring.length / (0.8 * spacing)))
        points += [_xy(ring.interpolate(ring.length * step / steps)) for step in range(steps)]
    return points


def _xy(point: shapely.Point) -> Point:
    return float(point.x), float(point.y)


def _voronoi_rings(seeds: Sequence[Point], dummies: Sequence[Point]) -> list[list[Vertex]]:
    """Closed rings in kilometres, one per real seed, in the order of the seeds."""
    diagram = shapely.voronoi_polygons(shapely.MultiPoint([*seeds, *dummies]), ordered=True)
    polygons = shapely.get_parts(diagram)[: len(seeds)]
    coordinates, index = shapely.get_coordinates(polygons, return_index=True)
    starts = np.searchsorted(index, np.arange(len(seeds) + 1))
    rows = coordinates.tolist()
    return [[(x, y) for x, y in rows[int(start) : int(end)]] for start, end in pairwise(starts)]


def _key(a: Vertex, b: Vertex) -> Edge:
    return (a, b) if a < b else (b, a)


def _edge_owners(rings: Sequence[list[Vertex]]) -> dict[Edge, list[int]]:
    owners: dict[Edge, list[int]] = defaultdict(list)
    for cell, ring in enumerate(rings):
        for a, b in pairwise(ring):
            owners[_key(a, b)].append(cell)
    return owners


def _neighbours(owners: dict[Edge, list[int]], count: int) -> list[list[int]]:
    """Cells with a real stretch of common border (a corner, or two metres, does not hold a cell together)."""
    result: list[list[int]] = [[] for _ in range(count)]
    for ((ax, ay), (bx, by)), cells in owners.items():
        if len(cells) == 2 and abs(ax - bx) + abs(ay - by) > MIN_SHARED_KM:
            result[cells[0]].append(cells[1])
            result[cells[1]].append(cells[0])
    return result


def _strays(neighbours: Sequence[Iterable[int]], group_of: Sequence[int]) -> list[int]:
    """Members outside the largest connected part of their group."""
    part_of = [-1] * len(group_of)
    parts: dict[int, list[list[int]]] = defaultdict(list)
    for start, group in enumerate(group_of):
        if part_of[start] >= 0:
            continue
        part_of[start] = start
        part = [start]
        for member in part:
            for other in neighbours[member]:
                if part_of[other] < 0 and group_of[other] == group:
                    part_of[other] = start
                    part.append(other)
        parts[group].append(part)
    return [
        member
        for own in parts.values()
        if len(own) > 1
        for part in sorted(own, key=len, reverse=True)[1:]
        for member in part
    ]


def _rehome(neighbours: Sequence[Sequence[int]], group_of: list[int], parent_of: Sequence[int]) -> None:
    """Hand every stray to a neighbour's group, the same parent's if there is one, until each group is in one piece."""
    for _ in range(REPAIR_ROUNDS):
        strays = _strays(neighbours, group_of)
        if not strays:
            return
        waiting = set(strays)
        for stray in strays:
            candidates = [other for other in neighbours[stray] if other not in waiting]
            if candidates:
                parent = parent_of[group_of[stray]]
                best = min(candidates, key=lambda other: (parent_of[group_of[other]] != parent, other))
                group_of[stray] = group_of[best]
                waiting.discard(stray)
    raise AssertionError("The planned city fell apart: choose another seed.")


def _lift(neighbours: Sequence[Sequence[int]], group_of: Sequence[int], count: int) -> list[list[int]]:
    """Neighbourhood of groups, from the neighbourhood of their members."""
    lifted: list[set[int]] = [set() for _ in range(count)]
    for member, others in enumerate(neighbours):
        group = group_of[member]
        for other in others:
            if group_of[other] != group:
                lifted[group].add(group_of[other])
    return [sorted(groups) for groups in lifted]


def _repair(neighbours: list[list[int]], level2_of: list[int], level1_of: list[int], district_of: list[int]) -> None:
    _rehome(neighbours, level2_of, level1_of)
    of_level2 = _lift(neighbours, level2_of, len(level1_of))
    _rehome(of_level2, level1_of, district_of)
    of_level1 = _lift(of_level2, level1_of, len(district_of))
    if _strays(of_level1, district_of):
        raise AssertionError("A district of the planned city is in two parts: choose another seed.")


def _wiggled(
    rings: Sequence[list[Vertex]], owners: dict[Edge, list[int]], seeds: Sequence[Point], rng: Random
) -> list[shapely.Polygon]:
    """Borders that bend: two points of each shared edge move a little towards one of its two seeds.

    A point between an edge and a seed stays inside the triangle the two span, and those triangles never overlap: the
    tiling stays exact. Both cells read the same list, so they agree to the last bit; rounding happens once, at the end.
    """
    bends: dict[Edge, list[Vertex]] = {}
    for edge, cells in owners.items():
        first, second, third = rng.random(), rng.random(), rng.random()
        if abs(edge[0][0] - edge[1][0]) + abs(edge[0][1] - edge[1][1]) < MIN_BENT_KM:
            bends[edge] = []  # rounding to a centimetre could fold so short a border over itself
            continue
        sx, sy = seeds[cells[0] if len(cells) == 1 or third < 0.5 else cells[1]]
        bends[edge] = [
            _bend(edge, 0.25 + 0.15 * second, first * WIGGLE, sx, sy),
            _bend(edge, 0.60 + 0.15 * third, second * WIGGLE, sx, sy),
        ]
    polygons = [_degrees(ring, bends) for ring in rings]
    return list(shapely.remove_repeated_points(shapely.polygons([shapely.LinearRing(ring) for ring in polygons])))


def _bend(edge: Edge, along: float, towards: float, sx: float, sy: float) -> Vertex:
    (ax, ay), (bx, by) = edge
    x, y = ax + along * (bx - ax), ay + along * (by - ay)
    return x + towards * (sx - x), y + towards * (sy - y)


def _degrees(ring: Sequence[Vertex], bends: dict[Edge, list[Vertex]]) -> list[Vertex]:
    result: list[Vertex] = []
    for a, b in pairwise(ring):
        result.append(a)
        result += bends[_key(a, b)] if a < b else bends[_key(a, b)][::-1]
    result.append(ring[-1])
    return [
        (round(ORIGIN_LON + x / KM_PER_LON, DECIMALS), round(ORIGIN_LAT + y / KM_PER_LAT, DECIMALS)) for x, y in result
    ]
