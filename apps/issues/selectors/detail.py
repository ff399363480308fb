"""One issue with everything a page or the API shows of it, in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.issues.models import Handover, Issue, IssueEvent, Photo
from apps.issues.selectors.acting import Standing, is_own_work, standing_from
from apps.issues.selectors.numbers import id_in_number
from apps.issues.selectors.queue import SHOWN
from apps.issues.selectors.targets import Targets, targets_for
from apps.issues.selectors.timeline import Line, timeline
from apps.issues.selectors.visibility import visible_issues
from apps.issues.selectors.whys import Why, why_there
from apps.issues.selectors.wording import caption_text, holder_words
from apps.issues.workflow import Holder, Move
from apps.staff.models import Department
from apps.staff.selectors import Scope


@dataclass(frozen=True, slots=True)
class Detail:
    """What one person sees of one issue. `moves`: what this person may do now; `targets` when that includes assign."""

    issue: Issue
    handovers: tuple[Handover, ...]
    events: tuple[IssueEvent, ...]
    lines: tuple[Line, ...]
    why: Why
    photos: tuple[Photo, ...]
    standing: Standing
    targets: Targets | None
    holder: str
    caption: str

    @property
    def moves(self) -> tuple[Move, ...]:
        return self.standing.moves

    @property
    def open_handover(self) -> Handover | None:
        return next((row for row in self.handovers if row.ended_at is None), None)


def detail(number: str, scope: Scope, at: datetime) -> Detail | None:
    """None for an unknown number and for an issue the person may not see: the two look the same.

    Five queries (issue, handovers, events, photos, departments), at most three more for who may act and assign.
    """
    issue = visible_issues(scope).filter(pk=id_in_number(number) or 0).select_related(*SHOWN).first()
    if issue is None or issue.number != number.strip():
        return None
    return _detail(issue, scope, at)


def detail_by_id(issue_id: int, scope: Scope, at: datetime) -> Detail | None:
    """The same by id."""
    issue = visible_issues(scope).filter(pk=issue_id).select_related(*SHOWN).first()
    return _detail(issue, scope, at) if issue is not None else None


def _detail(issue: Issue, scope: Scope, at: datetime) -> Detail:
    handovers = tuple(issue.handovers.order_by("id"))
    events = tuple(issue.events.select_related("actor").order_by("seq"))
    departments = _departments(handovers, events)
    has_worked = any(is_own_work(event, scope.user_id) for event in events)
    standing = standing_from(issue, handovers, scope, at, has_worked=has_worked)
    may_assign = any(move.needs_target for move in standing.moves)
    return Detail(
        issue=issue,
        handovers=handovers,
        events=events,
        lines=(lines := timeline(events, departments)),
        why=why_there(events, lines),
        photos=tuple(issue.photos.order_by("id")),
        standing=standing,
        targets=targets_for(issue, at) if may_assign else None,
        holder=holder_words(Holder(issue.holder_grid_id, issue.holder_department_id), departments),
        caption=caption_text(issue),
    )


def _departments(handovers: Sequence[Handover], events: Sequence[IssueEvent]) -> dict[int, Department]:
    ids = {row.to_department_id for row in handovers} | {row.holder_department_id for row in events}
    return Department.objects.in_bulk([id for id in ids if id is not None])
