"""Is the tree a tree, and do the cells tile the city (invariant I1)? Both can be asked of a live database."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from shapely.geometry.base import BaseGeometry

from apps.grids.geometry import area_m2, areas_m2
from apps.grids.models import Boundary, Grid
from apps.grids.outlines import LEAST_M2
from apps.grids.selectors.tree import CellInfo, TreeIndex, read_tree


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell; `sentence` is a lazy text with places for `values`."""

    code: str
    kind: str
    sentence: Promise
    values: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {str(self.sentence) % self.values}"


@dataclass(frozen=True, slots=True)
class TreeReport:
    """Rows looked at, closed ones too, and what is wrong with them."""

    cells: int
    trees: int
    faults: list[Fault]


_TREE_FAULTS: dict[str, Promise] = {
    "loop": _("hangs below itself, not below a root"),
    "numbers": _("its tree numbers do not fit the cells below it"),
    "outside": _("its tree numbers lie outside its parent's"),
    "crossing": _("its tree numbers run into its sibling's"),
    "root": _("shares its tree with another root, or does not begin it"),
    "tier": _("is not exactly one tier below its parent"),
    "orphan": _("is alive below a closed cell"),
    "no-city": _("is a district, but there is no city"),
}

_CHECK_TREE = """
WITH RECURSIVE walk AS (
    SELECT id, tree_id AS tree, 0 AS depth, ARRAY[id] AS ids FROM grids_grid WHERE parent_id IS NULL
    UNION ALL
    SELECT g.id, w.tree, w.depth + 1, w.ids || g.id FROM grids_grid g JOIN walk w ON g.parent_id = w.id
), sizes AS (
    SELECT above AS id, count(*) AS size FROM walk CROSS JOIN unnest(ids) AS above GROUP BY above
), siblings AS (
    SELECT code, lft <= lag(rght) OVER (PARTITION BY parent_id ORDER BY lft) AS crossing
    FROM grids_grid WHERE parent_id IS NOT NULL
), roots AS (
    SELECT code, lft, count(*) OVER (PARTITION BY tree_id) AS sharing FROM grids_grid WHERE parent_id IS NULL
)
SELECT code, 'loop' FROM grids_grid g WHERE NOT EXISTS (SELECT 1 FROM walk WHERE walk.id = g.id)
UNION ALL SELECT code, 'numbers' FROM grids_grid g JOIN walk USING (id) JOIN sizes USING (id)
    WHERE (g.tree_id, g.level, g.rght - g.lft + 1) IS DISTINCT FROM (walk.tree, walk.depth, 2 * sizes.size)
UNION ALL SELECT c.code, 'outside' FROM grids_grid c JOIN grids_grid p ON p.id = c.parent_id
    WHERE c.lft <= p.lft OR c.rght >= p.rght
UNION ALL SELECT code, 'crossing' FROM siblings WHERE crossing
UNION ALL SELECT code, 'root' FROM roots WHERE sharing > 1 OR lft <> 1
UNION ALL SELECT c.code, 'tier' FROM grids_grid c JOIN grids_grid p ON p.id = c.parent_id WHERE c.tier <> p.tier + 1
UNION ALL SELECT c.code, 'orphan' FROM grids_grid c JOIN grids_grid p ON p.id = c.parent_id
    WHERE c.valid_to IS NULL AND p.valid_to IS NOT NULL
UNION ALL SELECT code, 'no-city' FROM grids_grid WHERE tier = 1 AND valid_to IS NULL
    AND NOT EXISTS (SELECT 1 FROM grids_grid WHERE tier = 0 AND valid_to IS NULL)
ORDER BY 1, 2
"""


def check_tree() -> TreeReport:
    """Compare every cell's numbers, tier and life with its parent's, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECK_TREE)
        faults = [Fault(code, kind, _TREE_FAULTS[kind]) for code, kind in cursor.fetchall()]
    return TreeReport(Grid.objects.count(), Grid.objects.filter(parent=None).count(), faults)


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """`frames`: drawn cells compared with the drawn ones below. `loose`: cells with no drawn one above, compared
    only with each other. `undrawn`: live cells without a boundary, of which nothing can be said.
    """

    frames: int
    cells: int
    loose: int
    undrawn: int
    faults: list[Fault]


def check_coverage(tolerance_m2: float = LEAST_M2) -> CoverageReport:
    """Check at every level that the cells below a drawn cell tile it, and that every polygon is proper.

    Cells are compared within the nearest drawn cell above them. Where none is drawn (districts of a city without an
    outline of its own), overlaps and enclosed holes are found, gaps at the edge cannot be. Areas up to `tolerance_m2`
    per cell are drawing noise: a seven-digit coordinate is a centimetre.
    """
    index = read_tree(0)
    shapes = _drawn_shapes(index)
    improper = [id for id, shape in shapes.items() if not shape.is_valid]
    faults = [
        Fault(index.cell(id).code, "improper", _("its polygon crosses itself or is not a proper area"))
        for id in improper
    ]
    for id in improper:
        shapes[id] = shapely.make_valid(shapes[id])
    groups: dict[int | None, list[int]] = defaultdict(list)
    for id in shapes:
        groups[_frame_of(index, id, shapes)].append(id)
    for frame, members in groups.items():
        group = _Group([index.cell(id) for id in members], [shapes[id] for id in members], tolerance_m2)
        faults += group.faults(index.cell(frame) if frame else None, shapes[frame] if frame else None)
    loose = len(groups.get(None, ()))
    report_order = sorted(faults, key=lambda fault: (fault.code, fault.kind))
    return CoverageReport(len(groups) - (None in groups), len(shapes), loose, len(index) - len(shapes), report_order)


def _drawn_shapes(index: TreeIndex) -> dict[int, BaseGeometry]:
    rows = Boundary.objects.filter(grid__valid_to=None).values_list("grid_id", "wkb")
    ids, raw = [], []
    for id, wkb in rows.iterator(chunk_size=5000):
        if index.has(id):
            ids.append(id)
            raw.append(bytes(wkb))
    return dict(zip(ids, shapely.from_wkb(raw), strict=True))


def _frame_of(index: TreeIndex, id: int, shapes: dict[int, BaseGeometry]) -> int | None:
    return next((above.id for above in index.chain(id)[1:] if above.id in shapes), None)


class _Group:
    """Cells that should tile one frame."""

    def __init__(self, cells: Sequence[CellInfo], shapes: Sequence[BaseGeometry], tolerance_m2: float) -> None:
        self.cells = cells
        self.shapes: Any = np.asarray(shapes, dtype=object)
        self.tolerance = tolerance_m2
        fits = bool(shapely.coverage_is_valid(self.shapes))
        self.union: Any = shapely.coverage_union_all(self.shapes) if fits else shapely.union_all(self.shapes)
        self.overlap = 0.0 if fits else sum(areas_m2(shapes)) - area_m2(self.union)

    def faults(self, frame: CellInfo | None, outline: BaseGeometry | None) -> Iterator[Fault]:
        if self.overlap > self.tolerance:
            yield from self._overlaps()
        if frame is None or outline is None:
            yield from self._holes()
            return
        if self.union.equals(outline):
            return
        rest = outline.difference(self.union)
        if (gap := area_m2(rest)) > self.tolerance:
            lon, lat = _somewhere(rest)
            sentence = _("the cells below leave %(area).0f m² open, at %(lon).5f, %(lat).5f")
            yield Fault(frame.code, "gap", sentence, {"area": gap, "lon": lon, "lat": lat})
        yield from self._beyond(frame, outline)

    def _overlaps(self) -> Iterator[Fault]:
        left, right = shapely.STRtree(self.shapes).query(self.shapes, predicate="intersects")
        pairs = [(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True) if a < b]
        for a, b in pairs:
            if (area := area_m2(self.shapes[a].intersection(self.shapes[b]))) > self.tolerance:
                first, second = sorted((self.cells[a], self.cells[b]), key=lambda cell: cell.code)
                sentence = _("overlaps %(other)s by %(area).0f m²")
                yield Fault(first.code, "overlap", sentence, {"other": second.code, "area": area})

    def _beyond(self, frame: CellInfo, outline: BaseGeometry) -> Iterator[Fault]:
        if area_m2(self.union.difference(outline)) <= self.tolerance:
            return
        for cell, shape in zip(self.cells, self.shapes, strict=True):
            if (area := area_m2(shape.difference(outline))) > self.tolerance:
                sentence = _("lies outside %(parent)s by %(area).0f m²")
                yield Fault(cell.code, "beyond", sentence, {"parent": frame.code, "area": area})

    def _holes(self) -> Iterator[Fault]:
        rings = [ring for part in shapely.get_parts(self.union) for ring in part.interiors]
        for hole in map(shapely.Polygon, rings):
            if (area := area_m2(hole)) > self.tolerance:
                lon, lat = _somewhere(hole)
                near = min(zip(shapely.distance(self.shapes, hole).tolist(), (c.code for c in self.cells), strict=True))
                sentence = _("stands at a hole of %(area).0f m² between cells, at %(lon).5f, %(lat).5f")
                yield Fault(near[1], "hole", sentence, {"area": area, "lon": lon, "lat": lat})


def _somewhere(shape: BaseGeometry) -> tuple[float, float]:
    """A point inside the largest part."""
    largest = max(shapely.get_parts(shape).tolist(), key=lambda part: part.area)
    point = largest.representative_point()
    return point.x, point.y
