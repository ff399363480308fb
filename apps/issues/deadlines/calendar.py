"""Which days and hours are working time: days off and make-up days, and dated working periods.

Inside, a moment is a whole number of microseconds since 1970 (UTC): exact, and fast to compare. A calendar
keeps one table per year with the running total of working time at the end of every span, so that a due time
is two bisections however long the limit is.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from apps.issues.deadlines.units import BadSpan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkingSpan:
    """Hours that count on working days from `valid_from` to `valid_to`, both included (None: no end)."""

    start: time
    end: time
    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        """Raise `BadSpan` when hours or dates run backwards."""
        if self.end <= self.start or (self.valid_to is not None and self.valid_to < self.valid_from):
            raise BadSpan

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


DEFAULT_SPANS = (
    WorkingSpan(time(8), time(12), date.min),
    WorkingSpan(time(14), time(18), date.min),
)


class Reason(StrEnum):
    """Why a day counts or does not."""

    WEEKDAY = "weekday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"  # Monday to Friday, listed as off
    MAKE_UP = "makeup"  # Saturday or Sunday, listed as working (调休)
    CONTINUOUS = "continuous"  # the unit counts every hour


class _Year(NamedTuple):
    """The working spans of one local year, in order; all numbers are microseconds."""

    starts: list[int]
    ends: list[int]
    worked: list[int]  # working time since 1 January, at the end of each span
    openings: list[int]  # start of each working day's first span

    @property
    def total(self) -> int:
        return self.worked[-1] if self.worked else 0

    def worked_until(self, moment: int) -> int:
        last = bisect_right(self.starts, moment) - 1
        return self.worked[last] - max(0, self.ends[last] - moment) if last >= 0 else 0


@dataclass(frozen=True, eq=False)
class WorkCalendar:
    """Which days and hours are working time. Build it once and keep it: year tables are filled on first use.

    `days` overrides Monday–Friday day by day. A working day with no valid span has the default hours, so
    that a hole in the rows never stops a clock. Overlapping spans count once.
    """

    days: Mapping[date, bool]
    spans: tuple[WorkingSpan, ...] = DEFAULT_SPANS
    tz: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    _years: dict[int, _Year] = field(init=False, repr=False, default_factory=dict)
    _known: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        days = dict(self.days)  # a copy: the tables must not outlive a change made by the caller
        counts = Counter(day.year for day in days)
        object.__setattr__(self, "days", MappingProxyType(days))
        object.__setattr__(self, "_known", frozenset(year for year, count in counts.items() if count >= 365))

    def knows(self, day: date) -> bool:
        """Whether the calendar holds that whole year; else Monday–Friday is only a guess worth a warning."""
        return day.year in self._known

    def is_working(self, day: date) -> bool:
        listed = self.days.get(day)
        return day.weekday() < 5 if listed is None else listed

    def reason(self, day: date) -> Reason:
        """Why `is_working(day)` says what it says."""
        if self.is_working(day):
            return Reason.WEEKDAY if day.weekday() < 5 else Reason.MAKE_UP
        return Reason.HOLIDAY if day.weekday() < 5 else Reason.WEEKEND

    def spans_on(self, day: date) -> tuple[WorkingSpan, ...]:
        """The spans whose hours count if `day` is a working day, by starting hour."""
        valid = [span for span in self.spans if span.is_valid_on(day)] or DEFAULT_SPANS
        return tuple(sorted(valid, key=lambda span: span.start))

    def hours_on(self, day: date) -> list[tuple[int, int]]:
        """Working time of that day as disjoint (start, end) in microseconds; empty on a day off."""
        hours: list[tuple[int, int]] = []
        for span in self.spans_on(day) if self.is_working(day) else ():
            start, end = (to_micros(datetime.combine(day, at, self.tz)) for at in (span.start, span.end))
            if hours and start <= hours[-1][1]:
                hours[-1] = hours[-1][0], max(end, hours[-1][1])
            elif start < end:
                hours.append((start, end))
        return hours

    def year(self, year: int) -> _Year:
        """The table of one local year, built on first use (about 1 ms)."""
        if year not in self._years:
            self._years[year] = self._table(year)
        return self._years[year]

    def _table(self, year: int) -> _Year:
        table = _Year([], [], [], [])
        first = date(year, 1, 1)
        for number in range((date(year + 1, 1, 1) - first).days):
            hours = self.hours_on(first + number * DAY)
            table.openings.extend(start for start, _end in hours[:1])
            for start, end in hours:
                table.worked.append(table.total + end - start)
                table.starts.append(start)
                table.ends.append(end)
        return table


def overlay(base: Iterable[WorkingSpan], own: Iterable[WorkingSpan]) -> tuple[WorkingSpan, ...]:
    """A district's `own` spans, and the city's `base` spans on the days for which the district has none."""
    mine, rest = tuple(own), tuple(base)
    for span in mine:
        rest = tuple(part for other in rest for part in _outside(other, span))
    return mine + rest


def _outside(span: WorkingSpan, taken: WorkingSpan) -> Iterator[WorkingSpan]:
    """The parts of `span` whose dates lie before and after those of `taken`."""
    last = span.valid_to or date.max
    if span.valid_from < taken.valid_from:
        yield replace(span, valid_to=min(last, taken.valid_from - DAY))
    if taken.valid_to is not None and taken.valid_to < last:
        yield replace(span, valid_from=max(span.valid_from, taken.valid_to + DAY))


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch. A naive datetime is a mistake of the caller and raises TypeError."""
    return (moment - EPOCH) // MICROSECOND


def to_moment(micros: int, calendar: WorkCalendar) -> datetime:
    return (EPOCH + timedelta(microseconds=micros)).astimezone(calendar.tz)
