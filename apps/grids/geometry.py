"""Measures on the WGS-84 ellipsoid, without PROJ. Pure: shapes and numbers in, shapes and numbers out."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

EQUATOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
_E2 = FLATTENING * (2 - FLATTENING)
_E = math.sqrt(_E2)

Coordinates = NDArray[np.float64]


def to_equal_area(coordinates: Coordinates) -> Coordinates:
    """Project degrees to the cylindrical equal-area plane in metres (Snyder, USGS PP 1395, ch. 10, φs = 0)."""
    sine = np.sin(np.radians(coordinates[:, 1]))
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return np.column_stack([np.radians(coordinates[:, 0]) * EQUATOR_M, EQUATOR_M * q / 2])


def areas_m2(shapes: Sequence[BaseGeometry]) -> list[float]:
    """Return the areas in square metres of shapes given in degrees."""
    flat: Any = shapely.transform(np.asarray(shapes, dtype=object), to_equal_area)
    return [float(area) for area in shapely.area(flat)]


def area_m2(shape: BaseGeometry) -> float:
    """Return the area in square metres of a shape given in degrees."""
    return areas_m2([shape])[0]


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return how many metres one degree of longitude and of latitude are at that latitude."""
    sine2 = math.sin(math.radians(lat)) ** 2
    across = EQUATOR_M / math.sqrt(1 - _E2 * sine2)
    along = EQUATOR_M * (1 - _E2) / (1 - _E2 * sine2) ** 1.5
    return math.radians(across * math.cos(math.radians(lat))), math.radians(along)


def distances_m(lon: float, lat: float, shapes: Sequence[BaseGeometry]) -> list[float]:
    """Return the distances in metres from a point to shapes in degrees; right within a few kilometres."""
    east, north = metres_per_degree(lat)

    def to_plane(coordinates: Coordinates) -> Coordinates:
        return (coordinates - (lon, lat)) * (east, north)

    flat: Any = shapely.transform(np.asarray(shapes, dtype=object), to_plane)
    return [float(metres) for metres in shapely.distance(flat, shapely.Point(0, 0))]
