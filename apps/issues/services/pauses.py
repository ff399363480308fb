"""The pause ledger 挂账台账: a clock stands still until a date, and runs on by itself or when somebody lifts the pause.

Pausing stores the ladder as it will be at the planned end, so that the sweep needs no arithmetic to resume; an early
end shifts it back by the same rule (apps.issues.deadlines.ladder).
"""

from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.deadlines import CannotCount, Ladder, Unit, recount, resume, shift
from apps.issues.models import Handover, Issue, Pause
from apps.issues.selectors.calendar import calendar_at, work_calendar
from apps.issues.services.clocks import next_alarm

LONGEST: Final = timedelta(days=366)  # reference: domain §2.6, at most one year


class BadPauseEnd(Refused):
    """The planned end lies in the past or more than a year ahead."""

    sentence = _("A pause must end in the future, within one year.")
    field = "until"


class PausedBefore(Refused):
    """One pause for each holding."""

    sentence = _("This clock was paused before; it may be paused only once.")
    status = 409


class NotPaused(Refused):
    """There is no pause to lift."""

    sentence = _("This clock is not paused.")
    status = 409


def pause_clock(
    *, issue: Issue, until: datetime, now: datetime, reason: str = "", actor_id: int | None = None
) -> Pause:
    """Let the open clock stand still until then. The issue's row must be locked; its new values are left to `record`.

    Raises BadPauseEnd, PausedBefore.
    """
    if not now < until <= now + LONGEST:
        raise BadPauseEnd
    handover = Handover.objects.get(issue_id=issue.id, ended_at=None)
    if handover.pauses.exists():
        raise PausedBefore
    unit, calendar = Unit(handover.limit_unit), work_calendar(issue.district_id)
    running = ladder_by_now(issue, handover)
    paused = resume(running, paused_at=now, now=until, unit=unit, calendar=calendar, done=issue.step)
    keep_ladder(issue, handover, paused, now)
    issue.next_action_at = until
    return Pause.objects.create(handover=handover, started_at=now, until=until, reason=reason, actor_id=actor_id)


def resume_clock(*, issue: Issue, now: datetime) -> Pause:
    """End the pause, at its planned end at the latest. The issue's row must be locked; `record` saves its new values.

    Raises NotPaused.
    """
    pause = Pause.objects.filter(handover__issue_id=issue.id, handover__ended_at=None, ended_at=None).first()
    if pause is None:
        raise NotPaused
    handover = Handover.objects.get(id=pause.handover_id)
    unit, calendar = Unit(handover.limit_unit), work_calendar(issue.district_id)
    paused = ladder_by_now(issue, handover)
    pause.ended_at = min(now, pause.until)
    pause.save(update_fields=["ended_at"])
    running = shift(paused, since=pause.until, to=pause.ended_at, unit=unit, calendar=calendar)
    keep_ladder(issue, handover, running, now)
    ahead = handover.rung_at[issue.step :]
    issue.next_action_at = ahead[0] if ahead else next_alarm(issue.district_id, now)
    return pause


def ladder_by_now(issue: Issue, handover: Handover) -> Ladder:
    """The running ladder that the handover keeps, by the calendar of today.

    A change of the calendar may still wait to be counted here; once the ladder is written anew, nobody could tell any
    more by which calendar it was counted before. One query, one more after a change.
    """
    running = Ladder.of(handover.started_at, handover.due_at, handover.rung_at, handover.rung_kinds)
    unit, after = Unit(handover.limit_unit), work_calendar(issue.district_id)
    before = calendar_at(handover.counted_at or handover.started_at, issue.district_id)
    if unit.is_continuous or before is after:
        return running
    pauses = [(one.started_at, one.ended_at or one.until) for one in handover.pauses.order_by("started_at")]
    try:
        return recount(running, done=issue.step, pauses=pauses, unit=unit, before=before, after=after)
    except CannotCount:  # no working time for decades: the clock stays as it was, as a recount leaves it
        return running


def keep_ladder(issue: Issue, handover: Handover, running: Ladder, now: datetime) -> None:
    """Write the ladder to the handover, and its due time to both; `record` saves the issue."""
    handover.counted_at = now
    handover.due_at, handover.rung_at, handover.rung_kinds = running.due_at, running.rung_at, running.rung_kinds
    handover.save(update_fields=["due_at", "rung_at", "rung_kinds", "counted_at"])
    issue.due_at = running.due_at
