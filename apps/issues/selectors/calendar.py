"""The working calendar as the clocks need it, kept in the process and never older than a few seconds."""

import json
import time as clock
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from apps.issues.deadlines import WorkCalendar, WorkingSpan, overlay
from apps.issues.models import CalendarDay, CalendarEdit, WorkingPeriod

FRESH_SECONDS = 5.0

# One statement, one snapshot: the version and, only if it is a new one, the rows it stands for. The version is made
# of the content, not of `updated_at`: a slow transaction may commit an older time, an UPDATE may leave it alone.
READ = f"""
    WITH days AS (
        SELECT array_agg(date ORDER BY date) AS dates, array_agg(is_working ORDER BY date) AS working
        FROM {CalendarDay._meta.db_table}
    ), periods AS (
        SELECT json_agg(json_build_array(district_id, start, "end", valid_from, valid_to) ORDER BY id)::text AS rows
        FROM {WorkingPeriod._meta.db_table}
    ), content AS (
        SELECT *, md5(concat_ws('/', dates::text, working::text, rows)) AS version FROM days, periods
    )
    SELECT version, dates, working, rows FROM content WHERE version <> %s
"""


@dataclass(frozen=True)
class _Rows:
    """What the tables held at one moment, and the calendars made of it so far."""

    version: str = ""
    days: Mapping[date, bool] = field(default_factory=dict)
    spans: Mapping[int | None, tuple[WorkingSpan, ...]] = field(default_factory=dict)
    calendars: dict[int | None, WorkCalendar] = field(default_factory=dict)


Period = tuple[int | None, str, str, str, str | None]
"""A row of working hours: district, start, end, valid from, valid to; times and days as text."""


@dataclass(frozen=True)
class Snapshot:
    """The calendar at one moment, to be kept: the days that differ from Monday to Friday, and the rows of hours."""

    days: Mapping[date, bool]
    periods: Sequence[Period]

    def as_json(self) -> dict[str, Any]:
        """As a CalendarEdit keeps it."""
        return {"days": {day.isoformat(): works for day, works in self.days.items()}, "periods": list(self.periods)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        days = {date.fromisoformat(day): works for day, works in kept["days"].items()}
        return cls(days, [(row[0], row[1], row[2], row[3], row[4]) for row in kept["periods"]])

    def has_own_hours(self, district_id: int | None) -> bool:
        """Whether the district has hours of its own; else the city's calendar is its."""
        return any(row[0] == district_id for row in self.periods)

    def calendar(self, district_id: int | None) -> WorkCalendar:
        """The calendar of a district, or of the city (None), as it was. To be kept: its tables are filled on use."""
        return _calendar(_Rows(days=self.days, spans=_spans(self.periods)), district_id)


def snapshot() -> Snapshot:
    """The calendar as it stands in the database at this moment. One query."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [""])
        _version, dates, working, periods = cursor.fetchone()
    days = zip(dates or (), working or (), strict=True)
    return Snapshot({day: works for day, works in days if works != (day.weekday() < 5)}, json.loads(periods or "[]"))


@dataclass
class _Kept:
    rows: _Rows = field(default_factory=_Rows)
    checked_at: float = float("-inf")


_kept = _Kept()


def work_calendar(district_id: int | None) -> WorkCalendar:
    """The calendar of a district, or of the city (None); districts without hours of their own share the city's.

    Costs no query within 5 s of the last look, else exactly one (about 2 ms). So a change is felt everywhere
    within 5 s, and at once in the process that made it through `services.calendar`.
    """
    moment = clock.monotonic()
    if moment - _kept.checked_at >= FRESH_SECONDS:
        _kept.rows = _read(_kept.rows)
        _kept.checked_at = moment
    rows = _kept.rows
    key = district_id if district_id in rows.spans else None
    if key not in rows.calendars:
        rows.calendars[key] = _calendar(rows, key)
    return rows.calendars[key]


def calendar_at(moment: datetime, district_id: int | None) -> WorkCalendar:
    """The same as it was at that moment: before the first change after it, if there was any. One query."""
    edit = CalendarEdit.objects.filter(edited_at__gt=moment).order_by("edited_at", "id").first()
    return Snapshot.from_json(edit.before).calendar(district_id) if edit else work_calendar(district_id)


def calendar_version(district_id: int | None = None) -> str:
    """The fingerprint of the rows behind `work_calendar`, to be kept beside a computed due time."""
    work_calendar(district_id)
    return _kept.rows.version


def forget_calendars() -> None:
    """Look again at the next call, e.g. after a change made in this process."""
    _kept.checked_at = float("-inf")


def day_names(first: date, last: date) -> dict[date, str]:
    """Names of holidays and make-up days from `first` to `last`, both included."""
    named = CalendarDay.objects.filter(date__range=(first, last)).exclude(name="")
    return dict(named.order_by("date").values_list("date", "name"))


def _read(known: _Rows) -> _Rows:
    with connection.cursor() as cursor:
        cursor.execute(READ, [known.version])
        found = cursor.fetchone()
    if found is None:
        return known
    version, dates, working, periods = found
    return _Rows(version, dict(zip(dates or (), working or (), strict=True)), _spans(json.loads(periods or "[]")))


def _spans(periods: Sequence[Period]) -> dict[int | None, tuple[WorkingSpan, ...]]:
    spans: dict[int | None, list[WorkingSpan]] = defaultdict(list)
    for district_id, start, end, valid_from, valid_to in periods:
        last = date.fromisoformat(valid_to) if valid_to else None
        first = date.fromisoformat(valid_from)
        if last is None or first <= last:  # dates that run backwards are valid on no day
            span = WorkingSpan(time.fromisoformat(start), time.fromisoformat(end), first, last)
            spans[district_id].append(span)
    return {district_id: tuple(found) for district_id, found in spans.items()}


def _calendar(rows: _Rows, district_id: int | None) -> WorkCalendar:
    city = rows.spans.get(None, ())
    own = rows.spans.get(district_id, ()) if district_id is not None else ()
    return WorkCalendar(rows.days, overlay(city, own), ZoneInfo(settings.TIME_ZONE))
