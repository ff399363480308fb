"""Coordinate systems: known pairs, and round trips everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.grids.crs import Crs, gcj02_to_bd09, to_wgs84, wgs84_to_gcj02

china = st.tuples(st.floats(73, 137), st.floats(1.5, 55))
METRE = 1 / 111_000


def point(lon: float, lat: float) -> np.ndarray:
    return np.array([[lon, lat]])


@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [  # the published vectors of eviltransform: Shanghai, Shenzhen, Beijing
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
)
def test_gcj02_is_shifted_as_other_libraries_shift_it(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(point(*wgs)) == pytest.approx(point(*gcj), abs=1e-12)
    assert to_wgs84(point(*gcj), Crs.GCJ02) == pytest.approx(point(*wgs), abs=1e-11)


def test_bd09_is_shifted_as_other_libraries_shift_it() -> None:
    """The published vector of coordtransform."""
    shifted = gcj02_to_bd09(point(116.404, 39.915))
    assert shifted == pytest.approx(point(116.41036949371029, 39.92133699351021), abs=1e-12)


@given(china)
def test_gcj02_there_and_back_is_the_same_place(place: tuple[float, float]) -> None:
    assert to_wgs84(wgs84_to_gcj02(point(*place)), Crs.GCJ02) == pytest.approx(point(*place), abs=1e-10)


@given(china)
def test_bd09_there_and_back_is_the_same_place(place: tuple[float, float]) -> None:
    shifted = gcj02_to_bd09(wgs84_to_gcj02(point(*place)))
    assert to_wgs84(shifted, Crs.BD09) == pytest.approx(point(*place), abs=1e-10)


@given(st.tuples(st.floats(112.7, 114.2), st.floats(34.2, 35.0)))
def test_in_zhengzhou_the_shift_is_some_hundred_metres(place: tuple[float, float]) -> None:
    moved = np.abs(wgs84_to_gcj02(point(*place)) - point(*place)).max()
    assert 200 * METRE < moved < 1_000 * METRE


@given(st.floats(-180, 71), st.floats(-85, 85))
def test_outside_china_nothing_moves(lon: float, lat: float) -> None:
    assert (to_wgs84(point(lon, lat), Crs.GCJ02) == point(lon, lat)).all()


@given(china)
def test_cgcs2000_and_wgs84_are_taken_as_they_are(place: tuple[float, float]) -> None:
    assert (to_wgs84(point(*place), Crs.CGCS2000) == point(*place)).all()
    assert (to_wgs84(point(*place), Crs.WGS84) == point(*place)).all()


def test_whole_rings_are_converted_in_order() -> None:
    ring = np.array([[113.0, 34.0], [113.1, 34.0], [113.1, 34.1]])
    together = to_wgs84(ring, Crs.GCJ02)
    assert [row.tolist() for row in together] == [to_wgs84(ring[i : i + 1], Crs.GCJ02)[0].tolist() for i in range(3)]
