"""What may be the same matter as a report about to be filed, or as an issue: same minor class, near, and recent.

Near: at most the rule's radius away where both have a point; else in the same or a neighbouring cell. Recent: filed at
most the rule's window ago. The cells come from the locator in memory, so the index on (grid, -id) finds the
candidates and filing keeps no index more.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from apps.grids.geometry import metres_per_degree
from apps.grids.selectors import cells_beside, cells_within
from apps.issues.models import Category, Issue, State
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.visibility import visible_issues
from apps.issues.workflow import CLOSED
from apps.staff.selectors import Scope

MOST_SIMILAR: Final = 5
_GONE: Final = (State.REJECTED, State.CANCELLED, State.MERGED)  # no report is helped by pointing at one of these
_COLUMNS: Final = ("category_id", "filed_at", "state", "lon", "lat", "grid_id", "reporter_id")


@dataclass(frozen=True, slots=True)
class Here:
    """Where the report is about: its cell, and its WGS-84 point if there is one."""

    grid_id: int
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Similar:
    """What anybody may know of a similar issue; `issue` only for who may see it.

    `ref` names it to the person who asked, and to nobody else: it tells neither number nor id.
    """

    id: int
    ref: str
    category: Category
    state: State
    filed_at: datetime
    metres: float | None  # None: one of the two has no point
    is_same_cell: bool
    is_own: bool  # the person who asks reported it
    issue: Issue | None

    @property
    def is_open(self) -> bool:
        """Whether somebody still works at it."""
        return self.state not in CLOSED


def similar_issues(*, category_id: int, here: Here, at: datetime, viewer: Scope) -> list[Similar]:
    """At most five, the nearest first, those without a distance last, the newest first among equals.

    Nothing where no rule in use holds for the category. Two queries, one where nothing is similar. Raises
    NotAPosition.
    """
    rule = catalogue().duplicate_rule(category_id)
    if rule is None:
        return []
    window = timedelta(hours=rule.window_hours)
    rows = Issue.objects.filter(category_id=category_id, filed_at__range=(at - window, at))
    return _nearest(rows.exclude(state__in=_GONE), here, rule.radius_m, viewer)


def similar_to(issue: Issue, viewer: Scope) -> list[Similar]:
    """The same around an issue, filed before or after it: open ones that the viewer may see. Two queries at most."""
    rule = catalogue().duplicate_rule(issue.category_id)
    if rule is None:
        return []
    window = timedelta(hours=rule.window_hours)
    about = (issue.filed_at - window, issue.filed_at + window)
    rows = Issue.objects.filter(category_id=issue.category_id, filed_at__range=about, closed_at=None)
    near = _nearest(rows.exclude(pk=issue.pk), Here(issue.grid_id, issue.lon, issue.lat), rule.radius_m, viewer)
    return [one for one in near if one.issue is not None]


def _nearest(rows: QuerySet[Issue], here: Here, radius_m: int, viewer: Scope) -> list[Similar]:
    """At most five of the rows that are near."""
    found = [
        (row, metres)
        for row in rows.filter(grid_id__in=_cells(here, radius_m)).only(*_COLUMNS)
        if (metres := _metres(here, row)) is None or metres <= radius_m
    ]
    nearest = sorted(found, key=lambda pair: _order(here, *pair))[:MOST_SIMILAR]
    seen = _seen((row.pk for row, _metres in nearest), viewer)
    return [_similar(here, row, metres, seen.get(row.pk), viewer) for row, metres in nearest]


def ref_of(issue_id: int, user_id: int) -> str:
    """What names an issue to one person who may not know its number."""
    return salted_hmac("issues.similar", f"{user_id}:{issue_id}", algorithm="sha256").hexdigest()[:24]


def _cells(here: Here, radius_m: int) -> list[int]:
    """Its own and the neighbouring ones, and whatever else the circle reaches."""
    cells = {here.grid_id, *cells_beside(here.grid_id)}
    if here.lon is not None and here.lat is not None:
        cells.update(cells_within(here.lon, here.lat, radius_m))
    return sorted(cells)


def _metres(here: Here, row: Issue) -> float | None:
    """The distance, right to a millimetre within a kilometre; None where one of the two has no point."""
    if here.lon is None or here.lat is None or row.lon is None or row.lat is None:
        return None
    east, north = metres_per_degree(here.lat)
    return math.hypot((row.lon - here.lon) * east, (row.lat - here.lat) * north)


def _order(here: Here, row: Issue, metres: float | None) -> tuple[bool, float, bool, float]:
    far = math.inf if metres is None else metres
    return metres is None, far, row.grid_id != here.grid_id, -row.filed_at.timestamp()


def _seen(ids: Iterable[int], viewer: Scope) -> dict[int, Issue]:
    """Those of them that the viewer may see, by id."""
    wanted = list(ids)
    return {issue.pk: issue for issue in visible_issues(viewer).filter(pk__in=wanted)} if wanted else {}


def _similar(here: Here, row: Issue, metres: float | None, issue: Issue | None, viewer: Scope) -> Similar:
    return Similar(
        id=row.pk,
        ref=ref_of(row.pk, viewer.user_id),
        category=catalogue().categories[row.category_id],
        state=State(row.state),
        filed_at=row.filed_at,
        metres=metres,
        is_same_cell=row.grid_id == here.grid_id,
        is_own=row.reporter_id == viewer.user_id,
        issue=issue,
    )
