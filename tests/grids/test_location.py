"""Which cell holds a point."""

import random
import time

import pytest
import shapely
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from apps.grids.models import Boundary, Grid
from apps.grids.selectors import NotAPosition, OutsideCity, locate, nearest_cells
from apps.grids.services import bump_version
from tests.grids.places import SOUTH, STEP, WEST, cell, middle, striped_city

pytestmark = pytest.mark.django_db


def test_a_point_is_found_in_its_level_3_cell() -> None:
    striped_city()
    assert locate(*middle(0)).code == "410102001001001"
    assert locate(*middle(15)).code == "410103002002002"


def test_on_a_shared_border_the_lowest_code_wins() -> None:
    striped_city()
    assert locate(WEST + STEP, SOUTH + STEP / 2).code == "410102001001001"
    assert locate(WEST + 8 * STEP, SOUTH + STEP / 2).code == "410102002002002"


def test_outside_the_city_the_refusal_names_the_nearest_cell_and_how_far_it_is() -> None:
    striped_city()
    with pytest.raises(OutsideCity) as refusal:
        locate(WEST + STEP / 2, SOUTH - 0.001)
    assert refusal.value.nearest is not None
    assert refusal.value.nearest.code == "410102001001001"
    assert refusal.value.metres == pytest.approx(110.9, abs=0.2)  # 0.001° of latitude at 34° N
    with translation.override("en"):
        assert str(refusal.value) == "This place is outside the city. The nearest cell is 网格0000, 111 m away."


def test_the_nearest_cell_of_a_far_place_is_told_too() -> None:
    striped_city()
    with pytest.raises(OutsideCity) as refusal:
        locate(116.4, 39.9)
    assert refusal.value.nearest is not None
    assert refusal.value.nearest.code == "410103002002002"
    assert refusal.value.metres == pytest.approx(718_000, rel=0.02)


@pytest.mark.parametrize("point", [(float("nan"), 34.0), (113.0, float("inf")), (181, 34), (113, -91)])
def test_numbers_that_are_no_place_are_refused(point: tuple[float, float]) -> None:
    striped_city()
    with pytest.raises(NotAPosition):
        locate(*point)
    with pytest.raises(NotAPosition):
        nearest_cells(*point, 3)


def test_a_city_without_boundaries_says_that_a_place_is_outside() -> None:
    with pytest.raises(OutsideCity) as refusal:
        locate(*middle(0))
    assert refusal.value.nearest is None
    with translation.override("en"):
        assert str(refusal.value) == "This place is outside the city."


def test_where_lower_cells_are_not_drawn_the_lowest_drawn_one_answers() -> None:
    striped_city()
    Boundary.objects.filter(grid__code__startswith="410102001001", grid__tier=4).delete()
    Boundary.objects.filter(grid=cell("410102001002001")).delete()
    bump_version()
    assert locate(*middle(0)).code == "410102001001000"  # none of the community's cells is drawn
    assert locate(*middle(2)).code == "410102001002000"  # only its neighbour is drawn
    assert locate(*middle(3)).code == "410102001002002"


def test_closed_cells_hold_no_point() -> None:
    striped_city()
    Grid.objects.filter(code="410102001001001").update(valid_to="2026-01-01")
    bump_version()
    assert locate(*middle(0)).code == "410102001001000"


def test_nearest_cells_come_by_distance() -> None:
    striped_city()
    found = nearest_cells(*middle(4), 3)
    assert [(cell.code, round(metres)) for cell, metres in found] == [
        ("410102002001001", 0),
        ("410102001002002", 462),
        ("410102002001002", 462),
    ]
    assert len(nearest_cells(*middle(4), 100)) == 16


def test_random_points_are_found_where_a_plain_search_finds_them() -> None:
    striped_city(districts=1, fan=3)
    shapes = [
        (code, shapely.from_wkb(bytes(wkb)))
        for code, wkb in Boundary.objects.filter(grid__tier=4).order_by("grid__code").values_list("grid__code", "wkb")
    ]
    rng = random.Random(7)
    for _ in range(300):
        lon, lat = WEST + rng.random() * 27 * STEP, SOUTH + rng.random() * STEP
        expected = next(code for code, shape in shapes if shape.intersects(shapely.Point(lon, lat)))
        assert locate(lon, lat).code == expected


def test_locating_asks_the_database_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    striped_city()
    locate(*middle(0))
    with django_assert_num_queries(0):
        locate(*middle(1))


def test_locating_is_a_matter_of_microseconds() -> None:
    striped_city(districts=2, fan=5)
    points = [middle(column % 250) for column in range(2_000)]
    locate(*points[0])
    started = time.perf_counter()
    for point in points:
        locate(*point)
    assert (time.perf_counter() - started) / len(points) < 200e-6  # aim 20 µs; ten times that is a broken index
