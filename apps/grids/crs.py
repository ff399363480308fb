"""Chinese coordinate systems to WGS-84 and back. Pure: arrays of (longitude, latitude) in degrees.

GCJ-02 is what 高德, 腾讯 and most Chinese maps draw: WGS-84 shifted by a few hundred metres, by a formula that was
never published; this is the one that all libraries share (Krasovsky ellipsoid, two series of sines), good to about a
metre. BD-09 is Baidu's, GCJ-02 shifted once more. CGCS2000 agrees with WGS-84 within decimetres and is taken as equal.
The inverse has no formula: it is iterated (domain §7.1), until a millionth of a metre.
"""

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]

_AXIS_M = 6_378_245.0
_E2 = 0.00669342162296594323
_BAIDU_PI = math.pi * 3000 / 180
_ROUNDS = 12


class Crs(StrEnum):
    """What a file's coordinates may be."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"
    CGCS2000 = "cgcs2000"


def to_wgs84(coordinates: Coordinates, source: Crs) -> Coordinates:
    """Return the same places in WGS-84. Points outside China are in WGS-84 already, in every system."""
    if source == Crs.GCJ02:
        return _inverse(wgs84_to_gcj02, coordinates)
    if source == Crs.BD09:
        return _inverse(wgs84_to_gcj02, _inverse(gcj02_to_bd09, coordinates))
    return coordinates.astype(np.float64)


def wgs84_to_gcj02(coordinates: Coordinates) -> Coordinates:
    """Shift WGS-84 the way Chinese maps do."""
    lon, lat = coordinates[:, 0], coordinates[:, 1]
    east, north = _shift(lon - 105.0, lat - 35.0)
    sine = np.sin(np.radians(lat))
    root = np.sqrt(1 - _E2 * sine**2)
    d_lon = np.degrees(east * root / (_AXIS_M * np.cos(np.radians(lat))))
    d_lat = np.degrees(north * root**3 / (_AXIS_M * (1 - _E2)))
    return np.where(_in_china(coordinates), coordinates + np.column_stack([d_lon, d_lat]), coordinates)


def gcj02_to_bd09(coordinates: Coordinates) -> Coordinates:
    """Shift GCJ-02 once more, the way Baidu does."""
    lon, lat = coordinates[:, 0], coordinates[:, 1]
    length = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BAIDU_PI)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BAIDU_PI)
    shifted = np.column_stack([length * np.cos(angle) + 0.0065, length * np.sin(angle) + 0.006])
    return np.where(_in_china(coordinates), shifted, coordinates)


def _inverse(forward: Callable[[Coordinates], Coordinates], target: Coordinates) -> Coordinates:
    """Find what `forward` maps to the target: the shift changes so slowly that each round wins three digits."""
    guess = target.astype(np.float64)
    for _ in range(_ROUNDS):
        error = target - forward(guess)
        guess = guess + error
        if np.abs(error).max(initial=0.0) < 1e-12:
            break
    return guess


def _in_china(coordinates: Coordinates) -> NDArray[np.bool_]:
    lon, lat = coordinates[:, :1], coordinates[:, 1:2]
    return (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)


def _shift(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres east and north, from degrees east and north of 105° E, 35° N."""
    root = np.sqrt(np.abs(x))
    common = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    return east, north
