"""One issue passes from one holder to the next: the open handover ends, the next begins with its own clock, the
issue's row repeats it, and one event tells it. Every move is made with these two functions.
"""

from collections.abc import Mapping
from datetime import timedelta

from apps.common.feed import publish_after_commit
from apps.grids.selectors import tree
from apps.issues.deadlines import Ladder, Limit, Unit, go_on, time_between
from apps.issues.models import Handover, Issue, LinkKind, Rung, State, TierLimit
from apps.issues.selectors.calendar import calendar_at, work_calendar
from apps.issues.selectors.limits import clock_for
from apps.issues.services.writing import Entry, write_end, write_event, write_handover, write_signature
from apps.issues.workflow import Holder

PURPOSES: Mapping[str, TierLimit.Purpose] = {
    State.COLLECTED: TierLimit.Purpose.DISPATCH,
    State.ESCALATED: TierLimit.Purpose.DISPATCH,
    State.ASSIGNED: TierLimit.Purpose.HANDLE,
    State.HANDLING: TierLimit.Purpose.HANDLE,
    State.SUSPENDED: TierLimit.Purpose.HANDLE,
    State.FED_BACK: TierLimit.Purpose.CHECK,
}


def hand_over(
    *,
    issue: Issue,
    to: Holder,
    kind: LinkKind,
    state: State,
    entry: Entry,
    giver: Holder | None = None,
    before: Handover | None = None,
) -> Handover:
    """End the open handover, begin the next one with a fresh clock, and record it. The issue's row must be locked.

    `giver`: who hands it over, where that is not its present holder. `before`: an ended holding of the same holder,
    whose clock goes on with what was left then (reference: domain §2.6). One statement, and with `before` one query.
    `issue` carries the new values afterwards.
    """
    giver = giver or Holder(issue.holder_grid_id, issue.holder_department_id)
    tier = tree().cell(to.grid_id).tier
    limit, ladder = clock_for(
        category_id=issue.category_id, tier=tier, purpose=PURPOSES[state], district_id=issue.district_id, now=entry.at
    )
    used = None
    if before is not None and before.ended_at is not None:
        limit, ladder, used = _what_was_left(before, issue, ladder)
    handover = Handover(
        issue_id=issue.id,
        kind=kind.value,
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
        used_before=used,
    )
    issue.state = state
    issue.holder_grid_id, issue.holder_department_id = to
    issue.due_at, issue.next_action_at = ladder.due_at, ladder.steps[0].at
    issue.rung, issue.step = Rung.ON_TIME, 0
    issue.version += 1
    write_handover(issue, entry, handover)
    _hint(issue, entry)
    return handover


def _what_was_left(before: Handover, issue: Issue, fresh: Ladder) -> tuple[Limit, Ladder, timedelta]:
    """The clock of the holding before, going on where a fresh one would start, and what was used of it.

    Measured by the calendar by which it was counted: days off declared since take none.
    """
    assert before.ended_at is not None
    unit, limit = Unit(before.limit_unit), Limit(before.limit_amount, Unit(before.limit_unit))
    calendar = work_calendar(issue.district_id)
    then = calendar_at(before.counted_at or before.started_at, issue.district_id)
    stood = Ladder.of(before.started_at, before.due_at, before.rung_at, before.rung_kinds)
    ladder = go_on(stood, ended_at=before.ended_at, fresh=fresh, unit=unit, calendar=calendar, measured_by=then)
    left = time_between(before.ended_at, before.due_at, unit, then)
    return limit, ladder, limit.span - left


def close(*, issue: Issue, entry: Entry, state: State = State.CONCLUDED) -> None:
    """End the open handover and the issue. The last holder stays on its row; it has no clock any more."""
    issue.state = state
    issue.closed_at = entry.at
    issue.due_at, issue.next_action_at = None, None
    issue.rung, issue.step = Rung.ON_TIME, 0
    issue.version += 1
    write_end(issue, entry)
    _hint(issue, entry)


def sign(*, issue: Issue, entry: Entry, state: State) -> None:
    """The holder has taken note of it; its clock runs on."""
    issue.state = state
    issue.version += 1
    write_signature(issue, entry)
    _hint(issue, entry)


def record(*, issue: Issue, entry: Entry) -> None:
    """Write the issue's row and the event that explains it, and hint at it on the live feed after the commit."""
    issue.version += 1
    write_event(issue, entry)
    _hint(issue, entry)


def _hint(issue: Issue, entry: Entry) -> None:
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
