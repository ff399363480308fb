"""Cells and boundaries in bulk: COPY into staging, one INSERT, one numbering."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import shapely
from django.db import connection
from shapely.geometry.base import BaseGeometry

from apps.grids.geometry import areas_m2
from apps.grids.models import Grid, Tier
from apps.grids.services.lock import bump_version, tree_lock
from apps.grids.services.numbering import renumber_forest
from apps.grids.services.pinyin import initials
from apps.grids.services.staging import BATCH, batched, copy_rows, drop_staged, insert_staged, stage

SIMPLE_DEGREES = {Tier.CITY: 2e-3, Tier.DISTRICT: 1e-3, Tier.LEVEL1: 4e-4, Tier.LEVEL2: 2e-4, Tier.LEVEL3: 1e-4}
"""How far a border may stray on a map: 200 m for the city, 10 m for the smallest cells."""


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell to load. `parent_code` is None for the city and its districts; `polygon` is in WGS-84 degrees."""

    code: str
    name: str
    tier: int
    parent_code: str | None
    valid_from: date
    is_local_code: bool = False
    polygon: BaseGeometry | None = None


def load_cells(*, cells: Iterable[CellRow], now: datetime, source_crs: str = "wgs84") -> dict[str, int]:
    """Add cells, and their boundaries where given, in one transaction; return the id of every live cell by its code.

    Rows may come in any order, and may hang below cells that exist already. Polygons are trusted: whoever draws them
    by hand goes through `set_boundary`, whoever imports them through `import_boundaries`.
    Raises IntegrityError for a code that is live already, or a parent that is nowhere.
    """
    polygons: dict[str, BaseGeometry] = {}
    tiers: dict[str, int] = {}

    def rows() -> Iterator[tuple[object, ...]]:
        for cell in cells:
            if cell.polygon is not None:
                polygons[cell.code], tiers[cell.code] = cell.polygon, cell.tier
            yield _fields(cell)

    with tree_lock():
        stage(rows())
        insert_staged()
        drop_staged()
        renumber_forest()
        ids: dict[str, int] = dict(Grid.objects.filter(valid_to=None).order_by().values_list("code", "id"))
        write_boundaries(ids, polygons, tiers, now=now, source_crs=source_crs)
        bump_version()
    return ids


def _fields(cell: CellRow) -> tuple[object, ...]:
    parent = cell.parent_code or None
    return (None, cell.code, cell.name, initials(cell.name), cell.tier, parent, cell.is_local_code, cell.valid_from)


def write_boundaries(
    ids: Mapping[str, int],
    polygons: Mapping[str, BaseGeometry],
    tiers: Mapping[str, int],
    *,
    now: datetime,
    source_crs: str,
    only: Container[str] | None = None,
) -> None:
    """Write the boundaries of cells, each tier simplified as one coverage, so that neighbours still fit on a map.

    With `only`, the others are there to be fitted to, and are not written.
    """
    with connection.cursor() as cursor:
        for tier in sorted(set(tiers.values())):
            codes = [code for code in polygons if tiers[code] == tier]
            shapes = [polygons[code] for code in codes]
            rows = _boundary_rows([ids[code] for code in codes], shapes, Tier(tier), now, source_crs)
            wanted = (row for code, row in zip(codes, rows, strict=True) if only is None or code in only)
            for batch in batched(wanted, BATCH):
                copy_rows(cursor, _COPY_BOUNDARIES, batch)


_COPY_BOUNDARIES = """
COPY grids_boundary (grid_id, wkb, simple_wkb, min_lon, min_lat, max_lon, max_lat, area_m2, source_crs, updated_at)
FROM STDIN
"""


def _boundary_rows(
    ids: Sequence[int], shapes: Sequence[BaseGeometry], tier: Tier, now: datetime, source_crs: str
) -> Iterator[tuple[object, ...]]:
    boxes = shapely.bounds(np.asarray(shapes, dtype=object)).tolist()
    exact = shapely.to_wkb(np.asarray(shapes, dtype=object))
    simple = shapely.to_wkb(simplify(shapes, tier))
    for id, wkb, small, box, area in zip(ids, exact, simple, boxes, areas_m2(shapes), strict=True):
        yield (id, "\\x" + wkb.hex(), "\\x" + small.hex(), *box, area, source_crs, now.isoformat())


def simplify(shapes: Sequence[BaseGeometry], tier: Tier) -> list[BaseGeometry]:
    """Return the shapes of one tier with fewer corners; borders they share stay shared.

    Where they do not fit each other to begin with, a shape may come out broken: it is then simplified by itself.
    """
    simple = list(shapely.coverage_simplify(np.asarray(shapes, dtype=object), SIMPLE_DEGREES[tier]))
    for place, (shape, small) in enumerate(zip(shapes, simple, strict=True)):
        if small.is_empty or not small.is_valid:
            simple[place] = shape.simplify(SIMPLE_DEGREES[tier], preserve_topology=True)
    return simple
