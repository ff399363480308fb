"""Is it reported already? Open reports like the one about to be filed, and what somebody supports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.field.selectors.places import Place, Position, level3_cell, place_in
from apps.grids.selectors import locate
from apps.issues.models import Issue, Support
from apps.issues.selectors.duplicates import Here, Similar, similar_issues
from apps.staff.models import User
from apps.staff.selectors import Scope

PAGE: Final = 20


def here_of(place: Place) -> Here:
    """Where a settled report is about. Raises OutsideCity."""
    position = place.position
    if position is None:
        assert place.grid_id is not None
        return Here(place.grid_id)
    return Here(place.grid_id or locate(position.lon, position.lat).id, position.lon, position.lat)


def reported_already(category_id: int, place: Place, viewer: Scope, now: datetime) -> list[Similar]:
    """Open reports of the same kind, near and recent; at most five, in at most two queries. Raises OutsideCity."""
    found = similar_issues(category_id=category_id, here=here_of(place), at=now, viewer=viewer)
    return [one for one in found if one.is_open]


def kept_place(cell: str, position: Position | None) -> Place | None:
    """The place that was settled before, from what a draft keeps of it; None where it is no place any more."""
    if cell:
        known = level3_cell(cell)
        return place_in(known, position) if known is not None else None
    return Place(None, position) if position is not None else None


@dataclass(frozen=True)
class Page:
    """What somebody supports, the newest first; `next` is where the next page begins, None on the last one."""

    rows: Sequence[Support]
    next: int | None


def supported(user: User, before: int | None = None) -> Page:
    """One page with category, cell and state of each; what was merged stands for what goes on. One query."""
    rows = Support.objects.filter(user=user).select_related("issue__category", "issue__grid", "issue__merged_into")
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: PAGE + 1])
    return Page(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None)


def stands_for(issue: Issue) -> Issue:
    """The issue itself, or the one that it was merged into."""
    return issue.merged_into or issue
