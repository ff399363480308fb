"""One issue with everything a page or the API shows of it, in a fixed number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.issues.models import CoHandling, Handover, Issue, IssueEvent, Photo
from apps.issues.selectors.accountability import Record, records_of
from apps.issues.selectors.acting import Standing, standing_from
from apps.issues.selectors.disputes import Dispute, disputes_of
from apps.issues.selectors.facts import Told
from apps.issues.selectors.merged import GoesOnAs, goes_on_as
from apps.issues.selectors.numbers import hidden_numbers, id_in_number
from apps.issues.selectors.queue import SHOWN
from apps.issues.selectors.reporters import also_reported
from apps.issues.selectors.targets import Targets, targets_for
from apps.issues.selectors.timeline import Line, timeline
from apps.issues.selectors.visibility import visible_issues
from apps.issues.selectors.whys import Why, why_there
from apps.issues.selectors.wording import also_words, caption_text, holder_words
from apps.issues.workflow import Deed, Holder, Move
from apps.staff.models import Department
from apps.staff.selectors import Scope


@dataclass(frozen=True, slots=True)
class Detail:
    """What one person sees of one issue. `moves`: what this person may do now; `targets`: to whom, by the move's name.

    `co_handlings`: the parts of departments that help or helped, oldest first.
    """

    issue: Issue
    handovers: tuple[Handover, ...]
    events: tuple[IssueEvent, ...]
    lines: tuple[Line, ...]
    why: Why
    disputes: tuple[Dispute, ...]
    photos: tuple[Photo, ...]
    co_handlings: tuple[CoHandling, ...]
    standing: Standing
    targets: Mapping[str, Targets]
    holder: str
    caption: str
    also: int  # how many people beside the reporter reported or support it
    late: Sequence[Record] = ()  # who was late, and who answered for it then
    goes_on: GoesOnAs | None = None  # what stands for it, if it was merged

    @property
    def also_words(self) -> str:
        """How many others saw it."""
        return also_words(self.also)

    @property
    def moves(self) -> tuple[Move, ...]:
        return self.standing.moves

    @property
    def open_handover(self) -> Handover | None:
        return next((row for row in self.handovers if row.ended_at is None), None)


def detail(number: str, scope: Scope, at: datetime) -> Detail | None:
    """None for an unknown number and for an issue the person may not see: the two look the same.

    Seven queries (issue, handovers, events, joint handlings, photos, departments, supporters), two more for each desk
    from which the person may assign and for a merged issue, one for the numbers of others that its history names, and
    few for who may act for a vacant cell.
    """
    issue = visible_issues(scope).filter(pk=id_in_number(number) or 0).select_related(*SHOWN).first()
    if issue is None or issue.number != number.strip():
        return None
    return _detail(issue, scope, at)


def detail_by_id(issue_id: int, scope: Scope, at: datetime) -> Detail | None:
    """The same by id."""
    issue = visible_issues(scope).filter(pk=issue_id).select_related(*SHOWN).first()
    return _detail(issue, scope, at) if issue is not None else None


def news(events: Sequence[IssueEvent], scope: Scope) -> tuple[Line, ...]:
    """What has happened since somebody looked, as lines of the timeline. Two queries at most."""
    return timeline(events, _departments((), events), hidden_numbers(events, scope))


def _detail(issue: Issue, scope: Scope, at: datetime) -> Detail:
    handovers = tuple(issue.handovers.order_by("id"))
    events = tuple(issue.events.select_related("actor").order_by("seq"))
    co_handlings = tuple(issue.co_handlings.select_related("department").order_by("id"))
    departments = _departments(handovers, events) | {part.department_id: part.department for part in co_handlings}
    deeds = [Deed(event.kind, event.actor_id, event.state) for event in events]
    told = Told(handovers, deeds, [part for part in co_handlings if part.ended_at is None])
    standing = standing_from(issue, told, scope, at)
    return Detail(
        issue=issue,
        handovers=handovers,
        events=events,
        lines=(lines := timeline(events, departments, hidden_numbers(events, scope))),
        why=why_there(events, lines),
        disputes=disputes_of(events, lines),
        photos=tuple(issue.photos.order_by("id")),
        co_handlings=co_handlings,
        standing=standing,
        targets=_targets(issue, standing, at),
        holder=holder_words(Holder(issue.holder_grid_id, issue.holder_department_id), departments),
        caption=caption_text(issue),
        also=also_reported([issue.id]).get(issue.id, 0),
        late=records_of(issue, at) if _was_late(handovers, co_handlings) else (),
        goes_on=goes_on_as(issue, scope),
    )


def _was_late(handovers: Sequence[Handover], co_handlings: Sequence[CoHandling]) -> bool:
    return any(row.is_overdue for row in handovers) or any(part.is_overdue for part in co_handlings)


def _targets(issue: Issue, standing: Standing, at: datetime) -> dict[str, Targets]:
    """To whom each of the person's moves may send it; desks that are the same are asked once."""
    desks = {move.name: standing.desk_for(move) for move in standing.moves if move.needs_target}
    found = {desk: targets_for(issue, desk, at) for desk in set(desks.values())}
    others = {desk: targets.without(standing.holder) for desk, targets in found.items()}
    return {name: others[desk] if name == "transfer" else found[desk] for name, desk in desks.items()}


def _departments(handovers: Sequence[Handover], events: Sequence[IssueEvent]) -> dict[int, Department]:
    ids = {row.to_department_id for row in handovers} | {row.holder_department_id for row in events}
    return Department.objects.in_bulk([id for id in ids if id is not None])
