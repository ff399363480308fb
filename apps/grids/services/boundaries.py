"""Draw cells: a boundary never overlaps a neighbour's, stays inside the parent's and keeps the children inside."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from django.db.models import QuerySet
from shapely.geometry.base import BaseGeometry

from apps.grids.geometry import area_m2
from apps.grids.models import Boundary, Grid, Tier
from apps.grids.outlines import LEAST_M2, TooSmall, checked_outline
from apps.grids.refusals import LeavesParent, LosesChildren, NoSuchCell, OverlapsNeighbour
from apps.grids.services.loading import simplify
from apps.grids.services.lock import bump_version, tree_lock


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, and the square metres of the parents that no child covers (None: no parent is drawn)."""

    cells: int
    uncovered_m2: float | None


def set_boundary(*, cell_id: int, polygon: BaseGeometry, now: datetime, source_crs: str = "wgs84") -> Drawn:
    """Draw one cell; see `set_boundaries`."""
    return set_boundaries(polygons={cell_id: polygon}, now=now, source_crs=source_crs)


def set_boundaries(*, polygons: Mapping[int, BaseGeometry], now: datetime, source_crs: str = "wgs84") -> Drawn:
    """Draw several cells at once (a border between two moves for both). WGS-84 polygons or multipolygons by cell id.

    Raises BadOutline, OverlapsNeighbour, LeavesParent, LosesChildren, NoSuchCell. Less than a square metre is nothing:
    hand-drawn corners are rounded. Gaps are not refused, because a city is drawn one cell after the other; they are
    told in the answer and by `check_coverage`.
    """
    with tree_lock():
        drawing = check_boundaries(polygons=polygons)
        for id, outline in drawing.outlines.items():
            save_outline(cell_id=id, tier=Tier(drawing.cells[id].tier), outline=outline, now=now, source_crs=source_crs)
        bump_version()
        return Drawn(len(drawing.outlines), uncovered_m2({cell.parent_id for cell in drawing.cells.values()}))


def check_boundaries(*, polygons: Mapping[int, BaseGeometry]) -> "Drawing":
    """Raise what `set_boundaries` would; a form asks first, under the same lock."""
    drawing = Drawing({id: _worthwhile(checked_outline(polygon)) for id, polygon in polygons.items()})
    drawing.check()
    return drawing


def _worthwhile(outline: BaseGeometry) -> BaseGeometry:
    if area_m2(outline) < LEAST_M2:
        raise TooSmall
    return outline


def drawn_around(tier: int, outline: BaseGeometry) -> QuerySet[Boundary]:
    """The boundaries of live cells of a tier whose boxes meet the outline's."""
    west, south, east, north = outline.bounds
    return Boundary.objects.select_related("grid").filter(
        grid__tier=tier,
        grid__valid_to=None,
        min_lon__lte=east,
        max_lon__gte=west,
        min_lat__lte=north,
        max_lat__gte=south,
    )


def _shape(boundary: Boundary) -> BaseGeometry:
    shape: Any = shapely.from_wkb(bytes(boundary.wkb))
    assert isinstance(shape, BaseGeometry)
    return shape


class Drawing:
    """Outlines about to be saved, compared with each other and with what stands around them."""

    def __init__(self, outlines: Mapping[int, BaseGeometry]) -> None:
        self.outlines = outlines
        self.cells = {cell.id: cell for cell in Grid.objects.filter(id__in=list(outlines), valid_to=None)}
        if len(self.cells) < len(outlines):
            raise NoSuchCell

    def check(self) -> None:
        """Raise the first refusal."""
        for id, outline in self.outlines.items():
            self._refuse_overlaps(self.cells[id], outline)
            self._refuse_leaving(self.cells[id], outline)
            self._refuse_losing(self.cells[id], outline)

    def _standing(self, boundary: Boundary) -> BaseGeometry:
        return self.outlines.get(boundary.grid_id) or _shape(boundary)

    def _refuse_overlaps(self, cell: Grid, outline: BaseGeometry) -> None:
        others = {other.grid_id: (other.grid, _shape(other)) for other in drawn_around(cell.tier, outline)}
        others |= {
            other.id: (other, self.outlines[other.id]) for other in self.cells.values() if other.tier == cell.tier
        }
        del others[cell.id]
        for neighbour, shape in others.values():
            if (common := area_m2(outline.intersection(shape))) > LEAST_M2:
                raise OverlapsNeighbour(neighbour=neighbour.name, area=common)

    def _refuse_leaving(self, cell: Grid, outline: BaseGeometry) -> None:
        above = superior_of(cell)
        boundary = Boundary.objects.filter(grid=above).first() if above else None
        if above is None or (boundary is None and above.id not in self.outlines):
            return
        frame = self._standing(boundary) if boundary else self.outlines[above.id]
        if (beyond := area_m2(outline.difference(frame))) > LEAST_M2:
            raise LeavesParent(parent=above.name, area=beyond)

    def _refuse_losing(self, cell: Grid, outline: BaseGeometry) -> None:
        below = Boundary.objects.select_related("grid").filter(grid__valid_to=None)
        below = below.filter(grid__tier=Tier.DISTRICT) if cell.tier == Tier.CITY else below.filter(grid__parent=cell)
        for child in below:
            if (beyond := area_m2(self._standing(child).difference(outline))) > LEAST_M2:
                raise LosesChildren(child=child.grid.name, area=beyond)


def superior_of(cell: Grid) -> Grid | None:
    """The parent, or the live city for a district; read from the database, for use under the lock."""
    if cell.tier == Tier.DISTRICT:
        return Grid.objects.filter(tier=Tier.CITY, valid_to=None).first()
    return cell.parent


def save_outline(*, cell_id: int, tier: Tier, outline: BaseGeometry, now: datetime, source_crs: str) -> None:
    """Write one boundary row, unchecked: the lock is held and the version bumped by the caller."""
    neighbours = [_shape(boundary) for boundary in drawn_around(tier, outline) if boundary.grid_id != cell_id]
    west, south, east, north = outline.bounds
    Boundary.objects.update_or_create(
        grid_id=cell_id,
        defaults={
            "wkb": shapely.to_wkb(outline),
            "simple_wkb": shapely.to_wkb(simplify([outline, *neighbours], tier)[0]),
            "min_lon": west,
            "min_lat": south,
            "max_lon": east,
            "max_lat": north,
            "area_m2": area_m2(outline),
            "source_crs": source_crs,
            "updated_at": now,
        },
    )


def uncovered_m2(parent_ids: Iterable[int | None]) -> float | None:
    """Square metres of drawn parents that their drawn children leave open; None when no parent is drawn."""
    total: float | None = None
    for parent in Boundary.objects.filter(grid_id__in=[id for id in parent_ids if id is not None]):
        children = Boundary.objects.filter(grid__parent_id=parent.grid_id, grid__valid_to=None)
        rest = _shape(parent).difference(shapely.union_all([_shape(child) for child in children]))
        total = (total or 0.0) + area_m2(rest)
    return total


def hand_over_ground(*, cell_id: int, from_id: int, to_id: int, now: datetime) -> None:
    """Take a moved cell's ground from its old superiors and give it to the new ones, below the first they share."""
    boundary = Boundary.objects.filter(grid_id=cell_id).first()
    if boundary is None:
        return
    ground = _shape(boundary)
    losing, winning = _chain(from_id), _chain(to_id)
    for cell in losing:
        if cell not in winning:
            _redraw(cell, lambda frame: frame.difference(ground), now)
    for cell in winning:
        if cell not in losing:
            _redraw(cell, lambda frame: frame.union(ground), now)


def bequeath_ground(*, cell_id: int, heir: Grid, now: datetime) -> None:
    """Add the ground of a cell closed just now to its heir's; the closed cell's outline stays as it was."""
    boundary = Boundary.objects.filter(grid_id=cell_id).first()
    if boundary is None:
        return
    own = Boundary.objects.filter(grid=heir).first()
    ground = _shape(boundary)
    outline = _areas_only(ground if own is None else _shape(own).union(ground))
    assert outline is not None  # no boundary is without an area
    source_crs = (own or boundary).source_crs
    save_outline(cell_id=heir.id, tier=Tier(heir.tier), outline=outline, now=now, source_crs=source_crs)


def _chain(cell_id: int) -> list[Grid]:
    return list(Grid.objects.get(id=cell_id).get_ancestors(include_self=True))


def _redraw(cell: Grid, change: Callable[[BaseGeometry], BaseGeometry], now: datetime) -> None:
    boundary = Boundary.objects.filter(grid=cell).first()
    if boundary is None:
        return
    outline = _areas_only(change(_shape(boundary)))
    if outline is None or area_m2(outline) < LEAST_M2:
        boundary.delete()
        return
    save_outline(cell_id=cell.id, tier=Tier(cell.tier), outline=outline, now=now, source_crs=boundary.source_crs)


def _areas_only(shape: BaseGeometry) -> BaseGeometry | None:
    """Drop the points and lines an overlay may leave behind."""
    parts = [part for part in shapely.get_parts(shape).tolist() if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
