"""Is this a boundary a cell could have? Pure: GeoJSON or shapes in, shapes or a named refusal out."""

import math
from collections.abc import Mapping
from typing import Any

import shapely
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

LEAST_M2 = 1.0
"""Smaller is a slip of the hand, and the grain of every comparison of boundaries."""


class BadOutline(Exception):
    """A shape that no cell can have; `str()` says why, for a person."""

    sentence: Promise = _("This is not a boundary.")

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.sentence} ({self.detail})" if self.detail else str(self.sentence)


class NotAPolygon(BadOutline):
    """A point, a line, or no geometry at all."""

    sentence = _("A boundary must be a polygon.")


class SelfCrossing(BadOutline):
    """A ring that crosses or touches itself, a hole outside, parts that overlap; `detail` says where."""

    sentence = _("The polygon crosses itself or is not a proper area.")


class OutOfRange(BadOutline):
    """Not longitude and latitude: not finite, or beyond ±180 and ±90."""

    sentence = _("Coordinates are out of range: longitude −180 to 180, latitude −90 to 90.")


class TooSmall(BadOutline):
    """Less than a square metre."""

    sentence = _("The polygon has no area.")


def outline_from_geojson(geometry: object) -> BaseGeometry:
    """Return the polygon or multipolygon of a GeoJSON geometry, as it is, unconverted. Raises BadOutline."""
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise NotAPolygon(str(geometry.get("type", "")) if isinstance(geometry, Mapping) else "")
    try:
        shape: Any = shapely.geometry.shape(dict(geometry))
    except (ShapelyError, ValueError, TypeError, IndexError, KeyError, AttributeError) as trouble:
        raise NotAPolygon from trouble
    return checked_outline(shape)


def checked_outline(shape: BaseGeometry) -> BaseGeometry:
    """Return the shape in two dimensions, outer rings counter-clockwise (RFC 7946). Raises BadOutline."""
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise NotAPolygon(shape.geom_type if shape.geom_type not in ("Polygon", "MultiPolygon") else "")
    flat: Any = shapely.force_2d(shape)
    box = flat.bounds
    finite = bool(shapely.get_coordinates(flat).size) and math.isfinite(sum(shapely.get_coordinates(flat).ravel()))
    if not finite or box[0] < -180 or box[2] > 180 or box[1] < -90 or box[3] > 90:
        raise OutOfRange
    if not flat.is_valid:
        raise SelfCrossing(shapely.is_valid_reason(flat))
    oriented: BaseGeometry = shapely.orient_polygons(flat)
    return oriented
