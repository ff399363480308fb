"""Changing the working calendar: seeding it from the published holidays, correcting a day."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import chinese_calendar
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.common.queue import after_commit
from apps.issues.models import CalendarDay, CalendarEdit, Issue, WorkingPeriod
from apps.issues.selectors.calendar import Snapshot, forget_calendars, snapshot

PUBLISHED_YEARS = (min(chinese_calendar.holidays).year, max(chinese_calendar.holidays).year)
RECOUNT: Final = "issues.recount_clocks"
CALENDAR: Final = 0x43414C454E  # "CALEN", the advisory lock of who changes the calendar
MOST_SHOWN: Final = 100
DEFAULT_HOURS = ((time(8), time(12)), (time(14), time(18)))

UPSERT = f"""
    INSERT INTO {CalendarDay._meta.db_table} AS kept (date, is_working, name, source, updated_at)
    SELECT date, is_working, name, %(seed)s, now()
    FROM unnest(%(dates)s::date[], %(working)s::boolean[], %(names)s::text[]) AS new (date, is_working, name)
    ON CONFLICT (date) DO UPDATE
        SET is_working = excluded.is_working, name = excluded.name, updated_at = excluded.updated_at
        WHERE kept.source = %(seed)s
            AND (kept.is_working, kept.name) IS DISTINCT FROM (excluded.is_working, excluded.name)
    RETURNING xmax = 0
"""


class YearsNotPublished(ValueError):
    """The holidays of some wanted year are not in the published data."""

    def __str__(self) -> str:
        first, last = PUBLISHED_YEARS
        return _("Holidays are known from %(first)s to %(last)s only.") % {"first": first, "last": last}


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """One day as published: `name` is the Chinese name of the holiday, with 调休 on a make-up day, else empty."""

    date: date
    is_working: bool
    name: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many days were new, how many changed, and how many were left as they are."""

    added: int
    changed: int
    kept: int


def published_days(*, first_year: int, last_year: int) -> Iterator[PublishedDay]:
    """Every day of the years as the State Council's notices have it (package chinesecalendar; nothing is written).

    Raises YearsNotPublished.
    """
    if not PUBLISHED_YEARS[0] <= first_year <= last_year <= PUBLISHED_YEARS[1]:
        raise YearsNotPublished
    first = date(first_year, 1, 1)
    for number in range((date(last_year + 1, 1, 1) - first).days):
        day = first + timedelta(days=number)
        yield PublishedDay(day, chinese_calendar.is_workday(day), _holiday_name(day))


def seed_calendar(
    *, now: datetime, first_year: int = PUBLISHED_YEARS[0], last_year: int = PUBLISHED_YEARS[1]
) -> Seeded:
    """Write every day of the published years, and the customary hours if the city has none.

    Every day, not only the exceptions: so "this year is known" is a fact in the data. Days edited by hand are
    never overwritten; a second run changes nothing. Raises YearsNotPublished.
    """
    days = list(published_days(first_year=first_year, last_year=last_year))
    values: dict[str, Any] = {
        "seed": CalendarDay.Source.SEED.value,
        "dates": [day.date for day in days],
        "working": [day.is_working for day in days],
        "names": [day.name for day in days],
    }
    with editing(now=now):
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, values)
            is_new = [bool(row[0]) for row in cursor.fetchall()]
        _seed_hours(date(first_year, 1, 1))
    return Seeded(added=sum(is_new), changed=len(is_new) - sum(is_new), kept=len(days) - len(is_new))


def edit_calendar_day(
    *, day: date, is_working: bool, now: datetime, name: str = "", actor_id: int | None = None
) -> CalendarDay:
    """Say that `day` is worked or not, whatever was published; later seeding leaves it alone."""
    with editing(now=now, actor_id=actor_id):
        row, _created = CalendarDay.objects.update_or_create(
            date=day, defaults={"is_working": is_working, "name": name, "source": CalendarDay.Source.EDITED}
        )
    return row


def save_working_period(*, period: WorkingPeriod, now: datetime, actor_id: int | None = None) -> None:
    """Write working hours, new or changed."""
    with editing(now=now, actor_id=actor_id):
        period.save()


def delete_working_periods(*, periods: Iterable[WorkingPeriod], now: datetime, actor_id: int | None = None) -> None:
    """Take working hours out as if they had never been."""
    with editing(now=now, actor_id=actor_id):
        for period in periods:
            period.delete()


@contextmanager
def editing(*, now: datetime, actor_id: int | None = None) -> Iterator[None]:
    """Change the calendar inside: what it was is kept, and after the commit running clocks are counted again.

    One edit at a time, and none while a batch of clocks is being counted. Where nothing is open nothing is kept.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CALENDAR])
        before = snapshot()
        yield
        _look_again()
        changed = _changes(before, snapshot())
        if changed is not None and Issue.objects.filter(closed_at=None).exists():
            CalendarEdit.objects.create(edited_at=now, edited_by_id=actor_id, before=before.as_json(), **changed)
            after_commit(RECOUNT)


def _changes(before: Snapshot, after: Snapshot) -> dict[str, Any] | None:
    """What differs, as a CalendarEdit says it; None where nothing does."""
    days = sorted(
        day
        for day in before.days.keys() | after.days.keys()
        if before.days.get(day, day.weekday() < 5) != after.days.get(day, day.weekday() < 5)
    )
    periods = {tuple(row) for row in before.periods} ^ {tuple(row) for row in after.periods}
    firsts = [*days[:1], *(date.fromisoformat(str(row[3])) for row in periods)]
    if not firsts:
        return None
    shown = [day.isoformat() for day in days[:MOST_SHOWN]]
    return {"first_day": min(firsts), "days": shown, "has_new_hours": bool(periods)}


def _look_again() -> None:
    """Now for the rest of this transaction, and once more when others may see the change."""
    forget_calendars()
    transaction.on_commit(forget_calendars)


def _seed_hours(valid_from: date) -> None:
    if WorkingPeriod.objects.filter(district=None).exists():
        return
    WorkingPeriod.objects.bulk_create(
        WorkingPeriod(start=start, end=end, valid_from=valid_from) for start, end in DEFAULT_HOURS
    )


def _holiday_name(day: date) -> str:
    is_off, english = chinese_calendar.get_holiday_detail(day)
    if english is None:
        return ""
    name: str = chinese_calendar.Holiday(english).chinese
    return name if is_off else f"{name}调休"
