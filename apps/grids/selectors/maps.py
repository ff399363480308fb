"""Cells for a map: simplified outlines of the cells below one cell, as GeoJSON text. The tree is the tile pyramid."""

import json
from typing import Any

import numpy as np
import shapely

from apps.grids.models import Boundary, Tier
from apps.grids.selectors.tree import CellInfo, TreeIndex

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
