"""Drawing cells by hand."""

import pytest
import shapely
from django.utils import translation
from shapely import Polygon, box
from shapely.geometry.base import BaseGeometry

from apps.grids.models import Boundary, Tier
from apps.grids.outlines import BadOutline, NotAPolygon, SelfCrossing, TooSmall
from apps.grids.refusals import LeavesParent, LosesChildren, NoSuchCell, OverlapsNeighbour
from apps.grids.selectors import locate
from apps.grids.selectors.checks import check_coverage
from apps.grids.services import create_cell, set_boundaries, set_boundary
from tests.grids.places import NOW, SINCE, SOUTH, STEP, WEST, cell, middle, strip, striped_city

pytestmark = pytest.mark.django_db

FIRST, SECOND = "410102001001001", "410102001001002"
HALF = box(WEST, SOUTH, WEST + STEP / 2, SOUTH + STEP)
REST = box(WEST + STEP / 2, SOUTH, WEST + 2 * STEP, SOUTH + STEP)


def test_a_drawn_cell_holds_its_points_at_once() -> None:
    striped_city()
    drawn = set_boundary(cell_id=cell(FIRST).id, polygon=HALF, now=NOW)
    assert drawn.uncovered_m2 == pytest.approx(512_333, rel=1e-3)  # told, not refused
    assert locate(WEST + STEP / 4, SOUTH + STEP / 2).code == FIRST
    assert locate(WEST + STEP * 0.9, SOUTH + STEP / 2).code == "410102001001000"
    row = Boundary.objects.get(grid=cell(FIRST))
    assert (row.max_lon, row.updated_at) == (WEST + STEP / 2, NOW)
    assert row.area_m2 == pytest.approx(512_333, rel=1e-3)


def test_two_cells_redraw_their_common_border_together() -> None:
    striped_city()
    drawn = set_boundaries(polygons={cell(FIRST).id: HALF, cell(SECOND).id: REST}, now=NOW)
    assert drawn.uncovered_m2 == pytest.approx(0, abs=1)
    assert check_coverage().faults == []
    assert locate(*middle(1)).code == SECOND


def test_ground_of_a_neighbour_is_not_taken() -> None:
    striped_city()
    with pytest.raises(OverlapsNeighbour) as refusal, translation.override("en"):
        set_boundary(cell_id=cell(SECOND).id, polygon=REST, now=NOW)
    with translation.override("en"):
        assert str(refusal.value) == "The boundary overlaps 网格0000 by 512347 m²."


def test_two_new_cells_must_not_overlap_each_other() -> None:
    striped_city()
    Boundary.objects.filter(grid__code__in=[FIRST, SECOND]).delete()
    with pytest.raises(OverlapsNeighbour):
        set_boundaries(polygons={cell(FIRST).id: strip(0, 2), cell(SECOND).id: REST}, now=NOW)


def test_a_cell_stays_inside_its_parent() -> None:
    striped_city()
    with pytest.raises(LeavesParent):
        set_boundary(cell_id=cell(FIRST).id, polygon=box(WEST, SOUTH - 0.001, WEST + STEP, SOUTH + STEP), now=NOW)
    with pytest.raises(LeavesParent):  # a district's parent is the city
        set_boundary(cell_id=cell("410102").id, polygon=box(WEST - 1, SOUTH, WEST + STEP, SOUTH + STEP), now=NOW)


def test_a_cell_keeps_its_children_inside() -> None:
    striped_city()
    with pytest.raises(LosesChildren):
        set_boundary(cell_id=cell("410102001001").id, polygon=strip(0, 1), now=NOW)
    with pytest.raises(LosesChildren):
        set_boundary(cell_id=cell("4101").id, polygon=strip(0, 10), now=NOW)


@pytest.mark.parametrize(
    ("shape", "refusal"),
    [
        (shapely.Point(113, 34), NotAPolygon),
        (Polygon(), NotAPolygon),
        (Polygon([(113, 34), (113.01, 34.01), (113.01, 34), (113, 34.01)]), SelfCrossing),
        (box(WEST, SOUTH, WEST + 1e-6, SOUTH + 1e-6), TooSmall),
    ],
)
def test_what_is_no_area_is_no_cell(shape: BaseGeometry, refusal: type[BadOutline]) -> None:
    striped_city()
    with pytest.raises(refusal):
        set_boundary(cell_id=cell(FIRST).id, polygon=shape, now=NOW)


def test_height_is_dropped_and_rings_turn_the_way_geojson_wants() -> None:
    striped_city()
    high = Polygon(
        [(WEST, SOUTH, 90), (WEST, SOUTH + STEP, 91), (WEST + STEP, SOUTH + STEP, 92), (WEST + STEP, SOUTH, 93)]
    )
    set_boundary(cell_id=cell(FIRST).id, polygon=high, now=NOW)
    stored = shapely.from_wkb(bytes(Boundary.objects.get(grid=cell(FIRST)).wkb))
    assert isinstance(stored, Polygon)
    assert not stored.has_z
    assert stored.exterior.is_ccw


def test_a_new_cell_is_drawn_where_a_neighbour_made_room() -> None:
    striped_city()
    made = create_cell(
        code="410102001001003", name="新网格", tier=Tier.LEVEL3, parent_id=cell("410102001001").id, valid_from=SINCE
    )
    left, right = (
        box(WEST + STEP, SOUTH, WEST + 1.5 * STEP, SOUTH + STEP),
        box(WEST + 1.5 * STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP),
    )
    set_boundaries(polygons={cell(SECOND).id: left, made.id: right}, now=NOW)
    assert check_coverage().faults == []


def test_only_living_cells_are_drawn() -> None:
    striped_city()
    with pytest.raises(NoSuchCell):
        set_boundary(cell_id=0, polygon=HALF, now=NOW)
