"""What the board shows: queue, captions, counts, and what has changed since the browser last looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from apps.dispatch.selectors.areas import Area
from apps.dispatch.selectors.lines import Line, lines_of
from apps.issues.models import Card, Handover, Issue, State
from apps.issues.selectors.queue import MOST_COUNTED, PAGE, SHOWN, Filters, Page, count_open, queue_page
from apps.issues.selectors.visibility import visible_issues
from apps.staff.selectors import Scope

CAPTIONS: Final = 5
LONGEST_LIST: Final = 200
CAPTIONED: Final = ("category", "reporter", "reporter_post")  # what a caption's sentence needs

VIEWS: Final[Mapping[str, Promise]] = {
    "desk": pgettext_lazy("queue", "At this desk"),
    "unsigned": pgettext_lazy("queue", "To sign"),
    "assign": pgettext_lazy("queue", "To assign"),
    "check": pgettext_lazy("queue", "To conclude"),
    "soon": pgettext_lazy("queue", "Due soon"),
    "late": pgettext_lazy("queue", "Overdue"),
    "cards": pgettext_lazy("queue", "With a card"),
    "all": pgettext_lazy("queue", "All open"),
}
COUNTED: Final = ("unsigned", "assign", "check", "soon", "late", "cards")


@dataclass(frozen=True, slots=True)
class Count:
    """One figure of the bar; `words` is capped: 1000+."""

    view: str
    label: str
    words: str
    is_some: bool


def view_filters(area: Area, view: str) -> Filters:
    """The filters that stand for one of VIEWS."""
    everywhere = Filters(grid_id=area.cell.id)
    desk = replace(everywhere, desks=area.desks)
    return {
        "desk": desk,
        "unsigned": replace(desk, state=State.ESCALATED, is_signed=False),
        "assign": replace(desk, state=State.ESCALATED, is_signed=True),
        "check": replace(desk, state=State.FED_BACK),
        "soon": replace(everywhere, is_soon=True),
        "late": replace(everywhere, is_overdue=True),
        "cards": replace(everywhere, card=Card.SUPERVISED),
        "all": everywhere,
    }[view]


def counts(scope: Scope, area: Area, at: datetime) -> list[Count]:
    """The figures of the bar, none beyond a thousand. One query each."""
    return [_count(scope, area, view, at) for view in COUNTED]


def _count(scope: Scope, area: Area, view: str, at: datetime) -> Count:
    number = count_open(scope, view_filters(area, view), at=at)
    words = f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number)
    return Count(view, str(VIEWS[view]), words, number > 0)


def captions(scope: Scope, area: Area) -> list[Line]:
    """The newest reports that wait to be signed at the area's platforms, the newest first. One query."""
    unsigned = Handover.objects.filter(issue_id=OuterRef("pk"), ended_at=None, signed_at=None)
    waiting = visible_issues(scope).filter(
        Exists(unsigned),
        holder_grid_id__in=area.desks,
        holder_department=None,
        state=State.ESCALATED,
        closed_at=None,
    )
    newest = waiting.select_related(*CAPTIONED).order_by("-filed_at", "-id")[:CAPTIONS]
    return [Line(issue, is_unsigned=True, is_escalated=False) for issue in newest]


def page(scope: Scope, filters: Filters, at: datetime, after: str | None = None) -> tuple[list[Line], Page]:
    """One page of the queue. Four queries. Raises BadCursor."""
    found = queue_page(scope, filters, at=at, after=after, size=PAGE)
    return lines_of(found.rows), found


@dataclass(frozen=True, slots=True)
class Changes:
    """What the browser must redraw, and how many rows of the list it does not show yet."""

    lines: list[Line]
    fresh: int


def changes(scope: Scope, filters: Filters, known: Mapping[int, int], at: datetime, *, is_cut: bool = False) -> Changes:
    """What has changed since the browser drew rows `known` (id → version). At most six queries.

    is_cut: the browser shows the first rows only, more follow. Then what comes after them is not news.
    Rows that have left the list are given back as gone; only their reader's next refresh takes them away. Rows the
    person may no longer see are left as they are: there is nothing to tell about them.
    """
    size = min(max(PAGE, len(known)), LONGEST_LIST)
    listed = queue_page(scope, filters, at=at, size=size).rows
    shown = {issue.id for issue in listed}
    elsewhere = _seen_elsewhere(scope, {id: version for id, version in known.items() if id not in shown})
    changed = [issue for issue in listed if known.get(issue.id, issue.version) != issue.version] + elsewhere
    gone = _gone(scope, filters, [issue.id for issue in elsewhere], at)
    return Changes(lines_of(changed, gone=gone) if changed else [], _fresh(listed, known, is_cut=is_cut))


def _fresh(listed: Sequence[Issue], known: Mapping[int, int], *, is_cut: bool) -> int:
    places = [place for place, issue in enumerate(listed) if issue.id in known]
    end = places[-1] if is_cut and places else len(listed)
    return sum(1 for issue in listed[:end] if issue.id not in known)


def _seen_elsewhere(scope: Scope, known: Mapping[int, int]) -> list[Issue]:
    """The known ones beyond the page that have changed."""
    if not known:
        return []
    found = visible_issues(scope).filter(pk__in=known.keys()).select_related(*SHOWN)
    return [issue for issue in found if issue.version != known[issue.id]]


def _gone(scope: Scope, filters: Filters, ids: list[int], at: datetime) -> set[int]:
    """Those of the ids that the list would no longer show on any page."""
    if not ids:
        return set()
    still = visible_issues(scope).filter(filters.as_q(at), pk__in=ids, closed_at=None)
    return set(ids) - set(still.values_list("pk", flat=True))


def version_of(scope: Scope, issue_id: int) -> int | None:
    """The version of an issue that lies open in the pane, None if the person does not see it. One query."""
    return visible_issues(scope).filter(pk=issue_id).values_list("version", flat=True).first()
