"""Which cell holds a point: a tree of shapes in this process, built at the first question (10 µs)."""

import math
import threading
from collections.abc import Iterable

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from apps.common.memory import keep_for_good
from apps.grids.geometry import distances_m, metres_per_degree
from apps.grids.models import Boundary
from apps.grids.selectors.tree import CellInfo, TreeIndex, tree

Hits = NDArray[np.int64]

FIRST_RADIUS_M = 500.0
LAST_RADIUS_M = 100_000.0


class OutsideCity(Exception):
    """The point lies in no cell. Carries the nearest cell and its distance in metres, where there is one."""

    def __init__(self, nearest: CellInfo | None = None, metres: float | None = None) -> None:
        super().__init__()
        self.nearest = nearest
        self.metres = metres

    def __str__(self) -> str:
        if self.nearest is None or self.metres is None:
            return _("This place is outside the city.")
        return _("This place is outside the city. The nearest cell is %(cell)s, %(distance)s away.") % {
            "cell": self.nearest.name,
            "distance": _spoken_distance(self.metres),
        }


class NotAPosition(OutsideCity):
    """The numbers are no place on earth: not finite, or beyond ±180 and ±90 degrees."""

    def __str__(self) -> str:
        return _("These coordinates are not a place on earth.")


def _spoken_distance(metres: float) -> str:
    if metres < 1000:
        return _("%(number)d m") % {"number": max(1, round(metres))}
    return _("%(number).1f km") % {"number": metres / 1000}


class Locator:
    """The lowest drawn cells of one version in the order of their codes; those above them only where these miss."""

    def __init__(self, index: TreeIndex, shapes: Iterable[tuple[int, bytes]]) -> None:
        self.index = index
        self.version = index.version
        drawn = {id: wkb for id, wkb in shapes if index.cell(id).is_live}
        above = {index.cell(id).superior_id for id in drawn}
        by_code = sorted(map(index.cell, drawn), key=lambda cell: cell.code)
        self._lowest: list[CellInfo] = [cell for cell in by_code if cell.id not in above]
        self._places = {cell.id: place for place, cell in enumerate(self._lowest)}
        self._upper: list[CellInfo] = [cell for cell in by_code if cell.id in above]
        self._upper.sort(key=lambda cell: -cell.tier)
        self._lowest_shapes = shapely.STRtree(_shapes(drawn, self._lowest))
        self._upper_shapes = shapely.STRtree(_shapes(drawn, self._upper))

    def find(self, lon: float, lat: float) -> CellInfo | None:
        """Return the cell that holds the point; of several (a shared border) the one with the lowest code."""
        point = shapely.Point(lon, lat)
        hits = self._lowest_shapes.query(point, predicate="intersects")
        if len(hits) == 1:
            return self._lowest[int(hits[0])]
        if len(hits):
            return self._lowest[int(hits.min())]
        hits = self._upper_shapes.query(point, predicate="intersects")
        return self._upper[int(hits.min())] if len(hits) else None

    def beside(self, cell_id: int) -> list[int]:
        """Ids of the cell and of the lowest ones that touch it; of an upper cell, its own alone."""
        place = self._places.get(cell_id)
        if place is None:
            return [cell_id]
        hits = self._lowest_shapes.query(self._lowest_shapes.geometries[place], predicate="intersects")
        return [self._lowest[hit].id for hit in np.sort(hits)]

    def within(self, lon: float, lat: float, metres: float) -> list[int]:
        """Ids of the lowest drawn cells at most so far from the point, the nearest first."""
        return [cell.id for cell, _far in self._within(lon, lat, metres)]

    def nearest(self, lon: float, lat: float, count: int) -> list[tuple[CellInfo, float]]:
        """Return the nearest of the lowest drawn cells with their distances in metres, the nearest first."""
        radius = FIRST_RADIUS_M
        found: list[tuple[CellInfo, float]] = []
        while radius < LAST_RADIUS_M:
            found = self._within(lon, lat, radius)
            if len(found) >= min(count, len(self._lowest)) and found:
                return found[:count]
            radius *= 2
        return found[:count] or self._far(lon, lat)

    def _within(self, lon: float, lat: float, radius: float) -> list[tuple[CellInfo, float]]:
        east, north = metres_per_degree(lat)
        dx, dy = radius / max(east, 1.0), radius / north
        return self._measured(
            lon, lat, self._lowest_shapes.query(shapely.box(lon - dx, lat - dy, lon + dx, lat + dy)), radius
        )

    def _far(self, lon: float, lat: float) -> list[tuple[CellInfo, float]]:
        """The one nearest in degrees: good enough beyond a hundred kilometres."""
        if not self._lowest:
            return []
        nearest = self._lowest_shapes.nearest(shapely.Point(lon, lat))
        return self._measured(lon, lat, np.array([nearest]), math.inf)

    def _measured(self, lon: float, lat: float, hits: Hits, limit: float) -> list[tuple[CellInfo, float]]:
        hits = np.sort(hits)
        metres = distances_m(lon, lat, list(self._lowest_shapes.geometries[hits]))
        pairs = [(self._lowest[hit], length) for hit, length in zip(hits, metres, strict=True) if length <= limit]
        return sorted(pairs, key=lambda pair: pair[1])


def _shapes(drawn: dict[int, bytes], cells: list[CellInfo]) -> list[BaseGeometry]:
    return list(shapely.from_wkb([drawn[cell.id] for cell in cells]))


_lock = threading.Lock()
_held: list[Locator] = []


def locator() -> Locator:
    """Return this process's locator, built at the first call and again after a change of the city (about 50 MB)."""
    index = tree()
    if _held and _held[0].version == index.version:
        return _held[0]
    with _lock:
        if not _held or _held[0].version != index.version:
            rows = Boundary.objects.filter(grid__valid_to=None).values_list("grid_id", "wkb").iterator(chunk_size=5000)
            _held[:] = [Locator(index, ((id, bytes(wkb)) for id, wkb in rows if index.has(id)))]
            keep_for_good()
        return _held[0]


def locate(lon: float, lat: float) -> CellInfo:
    """Return the cell that holds a WGS-84 point: level 3, or the lowest that is drawn there.

    Raises OutsideCity (NotAPosition for numbers that are none).
    """
    _refuse_nonsense(lon, lat)
    here = locator()
    cell = here.find(lon, lat)
    if cell is None:
        raise OutsideCity(*next(iter(here.nearest(lon, lat, 1)), (None, None)))
    return cell


def nearest_cells(lon: float, lat: float, n: int) -> list[tuple[CellInfo, float]]:
    """Return up to `n` cells by distance in metres (0 inside); codes decide between equals. Raises NotAPosition."""
    _refuse_nonsense(lon, lat)
    return locator().nearest(lon, lat, n)


def cells_beside(cell_id: int) -> list[int]:
    """Ids of the cell and of its neighbours: of the lowest cells that touch it."""
    return locator().beside(cell_id)


def cells_within(lon: float, lat: float, metres: float) -> list[int]:
    """Ids of the lowest drawn cells at most so far from a WGS-84 point. Raises NotAPosition."""
    _refuse_nonsense(lon, lat)
    return locator().within(lon, lat, metres)


def _refuse_nonsense(lon: float, lat: float) -> None:
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # false for NaN too
        raise NotAPosition
