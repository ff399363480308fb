"""When a limit that starts now is due, what is left of it, and how the working day turns."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.issues.deadlines.calendar import DAY, MICROSECOND, WorkCalendar, to_micros, to_moment
from apps.issues.deadlines.units import LONGEST, BadLimit, Limit, NoWorkingTime, OutOfRange, Unit

FIRST_YEAR, LAST_YEAR = 1900, 2199  # moments outside are refused, so no sum can leave what a datetime holds
HORIZON = 60  # years searched for working time before giving up


def add_limit(start: datetime, limit: Limit, calendar: WorkCalendar) -> datetime:
    """The earliest moment at which `limit` has run since `start`: 12:00 sharp is 12:00, never 14:00.

    Raises `OutOfRange` or `NoWorkingTime`; so do all functions below.
    """
    return ends(start, (limit.micros,), limit.unit, calendar)[0]


def add_time(start: datetime, span: timedelta, unit: Unit, calendar: WorkCalendar) -> datetime:
    """Like `add_limit` for `span` (zero or more) of the unit's clock, e.g. what a paused clock had left."""
    if not timedelta(0) <= span <= 2 * LONGEST * DAY:  # a limit and its extensions
        raise BadLimit
    return ends(start, (span // MICROSECOND,), unit, calendar)[0]


def time_between(start: datetime, end: datetime, unit: Unit, calendar: WorkCalendar) -> timedelta:
    """Time on the unit's clock from `start` to `end`; negative if `end` is earlier."""
    if end < start:
        return -time_between(end, start, unit, calendar)
    if unit.is_continuous:
        return (to_micros(end) - to_micros(start)) * MICROSECOND
    first, last = local_year(start, calendar), local_year(end, calendar)
    worked = calendar.year(last).worked_until(to_micros(end)) - calendar.year(first).worked_until(to_micros(start))
    return timedelta(microseconds=worked + sum(calendar.year(year).total for year in range(first, last)))


def remaining(now: datetime, due: datetime, unit: Unit, calendar: WorkCalendar) -> timedelta:
    """Time left on the unit's clock, negative once overdue.

    A work clock stands still outside working time: zero may mean "due at noon, now lunch". Whether something
    is overdue is asked of the moments (`now >= due`), never of this.
    """
    return time_between(now, due, unit, calendar)


def next_working_moment(after: datetime, calendar: WorkCalendar) -> datetime:
    """The opening hour of the first working day that opens strictly after `after`: the daily alarm.

    At 07:00 of a working day that is 08:00 today; from 08:00 on it is the next working day's 08:00.
    """
    moment, first = to_micros(after), local_year(after, calendar)
    for year in range(first, first + HORIZON):
        openings = calendar.year(year).openings
        index = bisect_right(openings, moment)
        if index < len(openings):
            return to_moment(openings[index], calendar)
    raise NoWorkingTime


def first_working_moment(at: datetime, calendar: WorkCalendar) -> datetime:
    """`at` itself if it is working time, else the start of the next span (12:00 sharp gives 14:00)."""
    moment, first = to_micros(at), local_year(at, calendar)
    for year in range(first, first + HORIZON):
        table = calendar.year(year)
        index = bisect_right(table.ends, moment)
        if index < len(table.ends):
            return to_moment(max(moment, table.starts[index]), calendar)
    raise NoWorkingTime


def ends(start: datetime, spans: tuple[int, ...], unit: Unit, calendar: WorkCalendar) -> list[datetime]:
    """When each of `spans` (microseconds of the unit's clock) has run since `start`."""
    moment, year = to_micros(start), local_year(start, calendar)
    if unit.is_continuous:
        return [to_moment(moment + span, calendar) for span in spans]
    return [to_moment(_working_end(moment, year, span, calendar), calendar) for span in spans]


def carried(
    start: datetime, moments: Sequence[datetime], *, before: WorkCalendar, after: WorkCalendar
) -> list[datetime]:
    """The moments that lie as much working time after `start` by the calendar `after` as these do by `before`.

    None of them lies before `start`. For a work clock; the start is looked up once for all.
    """
    begin, year = to_micros(start), local_year(start, before)
    worked = before.year(year).worked_until(begin)
    base = after.year(year).worked_until(begin)
    found = []
    for at in moments:
        last = local_year(at, before)
        span = before.year(last).worked_until(to_micros(at)) - worked
        span += sum(before.year(passed).total for passed in range(year, last))
        found.append(to_moment(_end_of(base + span, year, after) if span else begin, after))
    return found


def _working_end(moment: int, year: int, span: int, calendar: WorkCalendar) -> int:
    return _end_of(calendar.year(year).worked_until(moment) + span, year, calendar) if span else moment


def _end_of(target: int, year: int, calendar: WorkCalendar) -> int:
    """The earliest moment at which `target` has been worked since the beginning of the year."""
    for searched in range(year, year + HORIZON):
        table = calendar.year(searched)
        if target <= table.total:
            index = bisect_left(table.worked, target)
            return table.ends[index] - (table.worked[index] - target)
        target -= table.total
    raise NoWorkingTime


def local_year(moment: datetime, calendar: WorkCalendar) -> int:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise OutOfRange
    return moment.astimezone(calendar.tz).year
