"""One issue passes from one holder to the next: the open handover ends, the next begins with its own clock, the
issue's row repeats it, and one event tells it. Every move is made with these two functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.expressions import RawSQL

from apps.common.feed import publish_after_commit
from apps.grids.selectors import tree
from apps.issues.deadlines import Ladder, Limit, Unit, resume
from apps.issues.models import Handover, Issue, IssueEvent, LinkKind, Rung, State, TierLimit
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.limits import clock_for
from apps.issues.workflow import Holder

PURPOSES: Mapping[str, TierLimit.Purpose] = {
    State.COLLECTED: TierLimit.Purpose.DISPATCH,
    State.ESCALATED: TierLimit.Purpose.DISPATCH,
    State.ASSIGNED: TierLimit.Purpose.HANDLE,
    State.HANDLING: TierLimit.Purpose.HANDLE,
    State.SUSPENDED: TierLimit.Purpose.HANDLE,
    State.FED_BACK: TierLimit.Purpose.CHECK,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the event says beside the issue's new values. `payload["text"]` are the person's words."""

    kind: str
    at: datetime
    actor_id: int | None = None
    post_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return str(self.payload.get("text", ""))


def hand_over(
    *,
    issue: Issue,
    to: Holder,
    kind: LinkKind,
    state: State,
    entry: Entry,
    giver: Holder | None = None,
    returned: Handover | None = None,
) -> Handover:
    """End the open handover, begin the next one with a fresh clock, and record it. The issue's row must be locked.

    `giver`: who hands it over, where that is not its present holder. `returned`: the holding that the same department
    gave back before; it goes on with what it had left then (reference: domain §2.6). Four statements. `issue` carries
    the new values afterwards.
    """
    giver = giver or Holder(issue.holder_grid_id, issue.holder_department_id)
    end_open_handover(issue=issue, entry=entry)
    tier = tree().cell(to.grid_id).tier
    limit, ladder = clock_for(
        category_id=issue.category_id, tier=tier, purpose=PURPOSES[state], district_id=issue.district_id, now=entry.at
    )
    if returned is not None and returned.ended_at is not None:
        limit, ladder = _what_was_left(returned, issue, entry.at)
    handover = Handover.objects.create(
        issue_id=issue.id,
        kind=kind,
        from_grid_id=giver.grid_id,
        from_department_id=giver.department_id,
        to_grid_id=to.grid_id,
        to_department_id=to.department_id,
        actor_id=entry.actor_id,
        instruction=entry.text,
        started_at=ladder.started_at,
        limit_amount=limit.amount,
        limit_unit=limit.unit.value,
        due_at=ladder.due_at,
        rung_at=ladder.rung_at,
        rung_kinds=ladder.rung_kinds,
    )
    issue.state = state
    issue.holder_grid_id, issue.holder_department_id = to
    issue.due_at, issue.next_action_at = ladder.due_at, ladder.steps[0].at
    issue.rung, issue.step = Rung.ON_TIME, 0
    record(issue=issue, entry=entry)
    return handover


def _what_was_left(returned: Handover, issue: Issue, now: datetime) -> tuple[Limit, Ladder]:
    """The returned holding's clock, going on now: rungs that were ahead keep their time, those behind come at once."""
    assert returned.ended_at is not None
    unit, calendar = Unit(returned.limit_unit), work_calendar(issue.district_id)
    before = Ladder.of(returned.started_at, returned.due_at, returned.rung_at, returned.rung_kinds)
    running = resume(before, paused_at=returned.ended_at, now=now, unit=unit, calendar=calendar)
    steps = tuple(step._replace(at=max(step.at, now)) for step in running.steps)
    return Limit(returned.limit_amount, unit), Ladder(now, max(running.due_at, now), steps)


def close(*, issue: Issue, entry: Entry, state: State = State.CONCLUDED) -> None:
    """End the open handover and the issue. The last holder stays on its row; it has no clock any more."""
    end_open_handover(issue=issue, entry=entry)
    issue.state = state
    issue.closed_at = entry.at
    issue.due_at, issue.next_action_at = None, None
    issue.rung, issue.step = Rung.ON_TIME, 0
    record(issue=issue, entry=entry)


def end_open_handover(*, issue: Issue, entry: Entry) -> None:
    """The holder's span is over; whether it was late is kept for ever."""
    is_late = RawSQL(was_late(Handover._meta.db_table, "%s"), [entry.at])  # noqa: S611 - names of our own
    ended = Handover.objects.filter(issue_id=issue.id, ended_at=None)
    ended.update(ended_at=entry.at, outcome=entry.kind, is_overdue=is_late)


def was_late(handover: str, at: str) -> str:
    """Whether a handover that ends now was late, as SQL over the names of its row and of the moment.

    One rule for one issue here and for the many that routing ends in one statement.
    """
    return f"{handover}.is_overdue OR {handover}.due_at < {at}"


def record(*, issue: Issue, entry: Entry) -> None:
    """Write the issue's row and the event that explains it, and hint at it on the live feed after the commit."""
    issue.version += 1
    issue.save(
        update_fields=[
            *("state", "holder_grid", "holder_department", "due_at", "next_action_at", "rung"),
            *("step", "card", "closed_at", "version"),
        ]
    )
    IssueEvent.objects.create(
        issue_id=issue.id,
        kind=entry.kind,
        actor_id=entry.actor_id,
        post_id=entry.post_id,
        at=entry.at,
        state=issue.state,
        holder_grid_id=issue.holder_grid_id,
        holder_department_id=issue.holder_department_id,
        due_at=issue.due_at,
        rung=issue.rung,
        payload=dict(entry.payload),
    )
    publish_after_commit([feed_entry(issue, entry.kind)])


def feed_entry(issue: Issue, kind: str) -> dict[str, str | int]:
    """The hint that goes to the live feed for one event."""
    return {
        "kind": kind,
        "issue": issue.id,
        "version": issue.version,
        "district": issue.district_id or 0,
        "grid": issue.grid_id,
        "department": issue.holder_department_id or 0,
        "holder_grid": issue.holder_grid_id,
    }
