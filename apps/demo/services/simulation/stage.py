"""The stage of a simulation: the city's cells, points and categories, read once from the database."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from apps.demo.services.past import COMMON, FIELD_WEIGHTS, GRAVE_WEIGHT
from apps.demo.simulation.arrivals import Arrivals, Places, Subject
from apps.demo.simulation.plan import Plan
from apps.grids.models import Boundary, Tier
from apps.grids.selectors import tree
from apps.issues.deadlines import WorkCalendar
from apps.issues.models import Category, Standard
from apps.issues.routing import nearest_power
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import catalogue

POINTS: Final = 6  # tried of each cell, beside its inner point
TOWARD_CORNER: Final = 0.6


@dataclass(frozen=True)
class Stage:
    """What all shards share."""

    plan: Plan
    places: Places
    subjects: tuple[Subject, ...]
    arrivals: Arrivals
    calendar: WorkCalendar


def read_stage(plan: Plan) -> Stage:
    """Read it. Six queries; the boundaries of a whole city take about a second."""
    places, subjects, calendar = _places(), tuple(_subjects()), work_calendar(None)
    return Stage(plan, places, subjects, Arrivals(plan, places, subjects, calendar), calendar)


def _places() -> Places:
    rows = Boundary.objects.filter(grid__tier=Tier.LEVEL3, grid__valid_to=None).order_by("grid__code")
    points, cells, index = {}, defaultdict(list), tree()
    for grid, wkb in rows.values_list("grid_id", "wkb"):
        district = index.cell(grid).district_id
        if district is not None:
            cells[district].append(grid)
            points[grid] = _points(shapely.from_wkb(bytes(wkb)))
    return Places(cells, points, {district: index.cell(district).code for district in cells})


def _points(polygon: shapely.Geometry) -> list[tuple[float, float]]:
    """The inner point, and points on the way from it to corners, as far as they lie inside."""
    inner = shapely.get_coordinates(shapely.point_on_surface(polygon))
    corners = shapely.get_coordinates(polygon)
    tried = inner + (corners[:: max(1, len(corners) // POINTS)] - inner) * TOWARD_CORNER
    inside = tried[shapely.contains_xy(polygon, tried[:, 0], tried[:, 1])]
    return [(float(x), float(y)) for x, y in np.round(np.vstack([inner, inside]), 7)]


def _subjects() -> list[Subject]:
    concluding = dict(Standard.objects.filter(is_default=True).values_list("category_id", "concluding"))
    minors = Category.objects.filter(level=Category.Level.MINOR, is_active=True).order_by("code")
    return [
        Subject(
            minor.id,
            minor.sentence or minor.name,
            concluding.get(minor.id, "已处理"),
            _weight(minor),
            _is_local(minor),
            minor.is_grave,
        )
        for minor in minors
    ]


def _weight(minor: Category) -> float:
    if minor.is_grave:
        return GRAVE_WEIGHT
    return FIELD_WEIGHTS.get(minor.code[:2], 0.3) * COMMON.get(minor.code, 1.0)


def _is_local(minor: Category) -> bool:
    known = catalogue()
    power = nearest_power(known.powers, known.matter(minor.id, is_urgent=False), Tier.LEVEL3)
    return power is not None and power.may_handle and not minor.is_grave
