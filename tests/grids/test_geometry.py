"""Measures on the ellipsoid."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from apps.grids.geometry import area_m2, distances_m, metres_per_degree


def test_the_whole_earth_has_the_area_that_the_books_give() -> None:
    assert area_m2(shapely.box(-180, -90, 180, 90)) == pytest.approx(510_065_621_724_088, rel=1e-9)


@given(st.floats(-170, 170), st.floats(-80, 79))
def test_an_area_does_not_depend_on_how_it_is_cut(lon: float, lat: float) -> None:
    whole = area_m2(shapely.box(lon, lat, lon + 1, lat + 1))
    halves = area_m2(shapely.box(lon, lat, lon + 0.4, lat + 1)) + area_m2(shapely.box(lon + 0.4, lat, lon + 1, lat + 1))
    assert halves == pytest.approx(whole, rel=1e-9)


def test_a_degree_is_as_long_as_the_tables_say() -> None:
    assert metres_per_degree(0) == pytest.approx((111_319.5, 110_574.3), abs=0.1)
    assert metres_per_degree(45) == pytest.approx((78_846.8, 111_131.7), abs=0.1)


def test_distances_are_zero_inside_and_metres_outside() -> None:
    square = shapely.box(113, 34, 113.01, 34.01)
    assert distances_m(113.005, 34.005, [square]) == [0.0]
    assert distances_m(113.02, 34.005, [square])[0] == pytest.approx(924.0, abs=0.5)
