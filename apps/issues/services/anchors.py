"""The daily anchor 日锚: after each day, one root that stands for everything written until then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from apps.issues.models import DayAnchor, IssueEvent
from apps.issues.selectors.history import day_root

EVENT: Final = IssueEvent._meta.db_table
ANCHORING: Final = 7_301_904  # any number of our own: the lock of who anchors
SETTLED: Final = timedelta(minutes=30)  # after midnight: whatever was being written has been committed or given up

_LAST_OF_DAYS: Final = f"""
    SELECT (at AT TIME ZONE %s)::date AS day, max(id) FROM {EVENT} WHERE id > %s AND at < %s GROUP BY day ORDER BY day
"""


def anchor_days(*, now: datetime) -> list[DayAnchor]:
    """Anchor every finished day that has no anchor yet, oldest first; returns the new ones. Safe to call at any time.

    A day is finished half an hour after midnight. One scan of the events since the last anchor finds the days; each
    day is written by itself, so what was done stays done. Two at once: the second waits, and finds nothing left.
    """
    with _alone():
        before = DayAnchor.objects.order_by("-day").first()
        made: list[DayAnchor] = []
        for day, up_to in list(_unanchored(before, now)):
            before = _anchor(before, day, up_to, now)
            made.append(before)
    return made


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ANCHORING])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ANCHORING])


def _unanchored(before: DayAnchor | None, now: datetime) -> Iterator[tuple[date, int]]:
    """Days without an anchor, each with the id of its last event: that of the day before where nothing happened.

    An event that was written late, after a later day's, belongs to the day of its id.
    """
    end = timezone.localtime(now - SETTLED).replace(hour=0, minute=0, second=0, microsecond=0)
    last = before.last_event if before else 0
    with connection.cursor() as cursor:
        cursor.execute(_LAST_OF_DAYS, [timezone.get_default_timezone_name(), last, end])
        newest: dict[date, int] = dict(cursor.fetchall())
    day = before.day + timedelta(days=1) if before else min(newest, default=end.date())
    for earlier in [one for one in newest if one < day]:
        last = max(last, newest[earlier])
    while day < end.date():
        last = max(last, newest.get(day, 0))
        yield day, last
        day += timedelta(days=1)


def _anchor(before: DayAnchor | None, day: date, up_to: int, now: datetime) -> DayAnchor:
    above, previous = (before.last_event, bytes(before.root)) if before else (0, b"")
    found = day_root(previous, above, up_to)
    return DayAnchor.objects.create(
        day=day,
        first_event=above,
        last_event=up_to,
        events=found.events,
        issues=found.issues,
        previous=previous,
        root=found.root,
        made_at=now,
    )
