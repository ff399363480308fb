"""The arithmetic of a due time told day by day, for people who ask why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from apps.issues.deadlines.calendar import DAY, MICROSECOND, Reason, WorkCalendar, to_micros, to_moment
from apps.issues.deadlines.clocks import add_limit, time_between
from apps.issues.deadlines.recount import Pauses
from apps.issues.deadlines.units import Limit, Unit


@dataclass(frozen=True, slots=True)
class Step:
    """One day of the arithmetic: what counted on it, and what was left of the limit afterwards."""

    day: date
    is_working: bool
    reason: Reason
    is_known: bool
    spans: tuple[tuple[datetime, datetime], ...]
    used: timedelta
    left: timedelta


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the arithmetic without a pause, and the pause that follows it: from, until."""

    steps: tuple[Step, ...]
    pause: tuple[datetime, datetime] | None = None


def explain(start: datetime, limit: Limit, calendar: WorkCalendar) -> list[Step]:
    """The same sum as `add_limit`, walked day by day: the last span of the last step ends at the due time."""
    add_limit(start, limit, calendar)  # refuses what would walk for ever
    return list(_walk(start, limit.micros, 0, limit.unit, calendar))


def explain_running(
    start: datetime, limit: Limit, pauses: Pauses, calendar: WorkCalendar, *, used: timedelta = timedelta(0)
) -> list[Stretch]:
    """The same for a clock that stood still in between; without pauses one stretch. `used`: of the limit, before.

    Paused at the very moment it would be due, it is due when the pause ends: the last stretch is then empty.
    """
    add_limit(start, limit, calendar)
    moment, left, found = start, max(limit.micros - used // MICROSECOND, 0), list[Stretch]()
    for begins, stops in pauses:
        until = time_between(moment, max(begins, moment), limit.unit, calendar) // MICROSECOND
        if stops <= moment or until > left:
            continue
        found.append(Stretch(tuple(_walk(moment, until, left - until, limit.unit, calendar)), (begins, stops)))
        moment, left = stops, left - until
    return [*found, Stretch(tuple(_walk(moment, left, 0, limit.unit, calendar)))]


def _walk(start: datetime, span: int, rest: int, unit: Unit, calendar: WorkCalendar) -> Iterator[Step]:
    """`span` microseconds of the unit's clock from `start` on; `rest` is left beyond them."""
    moment, left = to_micros(start), span
    day = start.astimezone(calendar.tz).date()
    while left > 0:
        step = _step(day, moment, left, unit, calendar)
        left -= step.used // MICROSECOND
        day += DAY
        yield replace(step, left=step.left + rest * MICROSECOND) if rest else step


def _step(day: date, moment: int, left: int, unit: Unit, calendar: WorkCalendar) -> Step:
    """What `day` gives to the clock after `moment`, at most `left` microseconds."""
    whole_day = (midnight(day, calendar), midnight(day + DAY, calendar))
    spans: list[tuple[datetime, datetime]] = []
    used = 0
    for opens, closes in [whole_day] if unit.is_continuous else calendar.hours_on(day):
        begin = max(opens, moment)
        end = min(closes, begin + left - used)
        if begin < end:
            spans.append((to_moment(begin, calendar), to_moment(end, calendar)))
            used += end - begin
    return Step(
        day=day,
        is_working=unit.is_continuous or calendar.is_working(day),
        reason=Reason.CONTINUOUS if unit.is_continuous else calendar.reason(day),
        is_known=unit.is_continuous or calendar.knows(day),
        spans=tuple(spans),
        used=used * MICROSECOND,
        left=(left - used) * MICROSECOND,
    )


def midnight(day: date, calendar: WorkCalendar) -> int:
    return to_micros(datetime.combine(day, time(), calendar.tz))
