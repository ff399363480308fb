"""Which cell holds a point: `grids.selectors.locate` on the full demo geometry, beside a bare query of an STRtree.

Points are drawn evenly over the city's cells; each round asks for all of them, one at a time, as a report does.
"""

import time
from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import shapely

from apps.grids.models import Boundary, Tier
from apps.grids.selectors import locate, tree
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_most, row
from tests.bench.stats import in_turns, percentile

POINTS = 20_000
ROUNDS = 7

Point = tuple[float, float]


def bench() -> Iterator[Row]:
    """Microseconds a call, the median of the rounds."""
    use_database(city_database("locate"))
    shapes = _shapes()
    points = _points(shapes)
    floor = shapely.STRtree(shapes)
    began = time.perf_counter()
    locate(*points[0])
    yield row("locate_index", (time.perf_counter() - began) * 1000, "ms", note="first question: the index is built")
    taken = in_turns(
        {
            "ours": lambda: _microseconds(locate, points),
            "floor": lambda: _microseconds(
                lambda lon, lat: floor.query(shapely.points(lon, lat), predicate="intersects"), points
            ),
        },
        ROUNDS,
    )
    yield row(
        "locate",
        taken["ours"],
        "µs",
        against="STRtree query",
        against_value=taken["floor"],
        aim=at_most(20, "µs"),
        note=f"{len(shapes)} cells; p99 {_slowest_hundredth(points):.3g} µs",
    )


def _shapes() -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    index = tree()
    rows = Boundary.objects.values_list("grid_id", "wkb")
    lowest = [bytes(wkb) for grid_id, wkb in rows if index.cell(grid_id).tier == Tier.LEVEL3]
    return np.asarray(shapely.from_wkb(lowest), dtype=object)


def _points(shapes: np.ndarray[tuple[int], np.dtype[np.object_]]) -> list[Point]:
    """Anywhere in the boxes of drawn cells, as long as it lies in the city."""
    random = Random(2013)
    found: list[Point] = []
    boxes = shapely.bounds(shapes).tolist()
    city = shapely.STRtree(shapes)
    while len(found) < POINTS:
        west, south, east, north = random.choice(boxes)
        lon, lat = random.uniform(west, east), random.uniform(south, north)
        if len(city.query(shapely.points(lon, lat), predicate="intersects")):
            found.append((lon, lat))
    return found


def _microseconds(ask: Callable[[float, float], object], points: list[Point]) -> float:
    began = time.perf_counter()
    for lon, lat in points:
        ask(lon, lat)
    return (time.perf_counter() - began) / len(points) * 1e6


def _slowest_hundredth(points: list[Point]) -> float:
    taken = []
    for lon, lat in points:
        began = time.perf_counter()
        locate(lon, lat)
        taken.append(time.perf_counter() - began)
    return percentile(taken, 0.99) * 1e6
