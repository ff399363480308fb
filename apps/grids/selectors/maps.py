"""Cells for a map: simplified outlines of the cells below one cell, as GeoJSON text. The tree is the tile pyramid."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from apps.grids.models import Boundary, Grid, Tier
from apps.grids.selectors.tree import CellInfo, TreeIndex, tree

DIGITS = 6
"""Decimal places of a degree: a decimetre, far below a pixel."""


def children_geojson(index: TreeIndex, cell: CellInfo) -> str:
    """Return a FeatureCollection of the drawn live cells directly below; a level-3 cell gives itself. One query."""
    shown = index.children(cell.id) if cell.tier < Tier.LEVEL3 else [cell]
    rows = Boundary.objects.filter(grid_id__in=[child.id for child in shown]).values_list("grid_id", "simple_wkb")
    shapes = {id: bytes(wkb) for id, wkb in rows}
    drawn = [child for child in shown if child.id in shapes]
    features = zip(drawn, _geometries([shapes[child.id] for child in drawn]), strict=True)
    texts = (
        f'{{"type":"Feature","properties":{_properties(index, child)},"geometry":{geometry}}}'
        for child, geometry in features
    )
    return f'{{"type":"FeatureCollection","features":[{",".join(texts)}]}}'


def _properties(index: TreeIndex, cell: CellInfo) -> str:
    values = {
        "id": cell.id,
        "code": cell.code,
        "name": cell.name,
        "tier": cell.tier,
        "children": len(index.children(cell.id)),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _geometries(wkbs: list[bytes]) -> list[str]:
    shapes: Any = shapely.from_wkb(np.asarray(wkbs, dtype=object))
    rounded: Any = shapely.transform(shapes, lambda coordinates: np.round(coordinates, DIGITS))
    return [str(text) for text in shapely.to_geojson(rounded)]


@dataclass(frozen=True, slots=True)
class Around:
    """An exact outline near a cell that is being drawn; role is `parent` or `neighbour`."""

    name: str
    role: str
    outline: BaseGeometry


def outlines_around(cell: Grid) -> list[Around]:
    """Return the outline of the cell above, and those of the cells of its tier that its box touches.

    A cell that has no outline yet gets those of its siblings. Exact, because a border is drawn along them.
    """
    index = tree()
    above = index.superior(cell.id)
    own = Boundary.objects.filter(grid=cell).first()
    near = Boundary.objects.filter(grid__valid_to=None, grid__tier=cell.tier).exclude(grid=cell)
    if own is not None:
        near = near.filter(
            min_lon__lte=own.max_lon, max_lon__gte=own.min_lon, min_lat__lte=own.max_lat, max_lat__gte=own.min_lat
        )
    elif above is not None:
        near = near.filter(grid_id__in=[child.id for child in index.children(above.id)])
    frame = Boundary.objects.filter(grid_id=above.id).select_related("grid") if above else Boundary.objects.none()
    rows = [(row, "parent") for row in frame]
    rows += [(row, "neighbour") for row in near.select_related("grid").order_by("grid__code")]
    return [Around(row.grid.name, role, _exact(row)) for row, role in rows]


def _exact(boundary: Boundary) -> BaseGeometry:
    shape: Any = shapely.from_wkb(bytes(boundary.wkb))
    assert isinstance(shape, BaseGeometry)
    return shape
