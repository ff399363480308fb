"""The daily anchor 日锚: after each day, one root that stands for everything written until then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from time import monotonic, sleep
from typing import Final

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.models import DayAnchor, IssueEvent
from apps.issues.selectors.history import day_root

EVENT: Final = IssueEvent._meta.db_table
ANCHORING: Final = 7_301_904  # any number of our own: the lock of who anchors
SETTLED: Final = timedelta(minutes=30)  # after midnight: what was begun before it stands on the day's own sheet

PATIENCE: Final = 20.0  # seconds to wait for whoever is writing events right now
PAUSE: Final = 0.05

# a day ends where the first event of a later day was written; a moment yet to come ends none: that clock runs ahead
_LAST_OF_DAYS: Final = f"""
    SELECT day, max(id) FROM (
        SELECT id, max((at AT TIME ZONE %(zone)s)::date) FILTER (WHERE at <= %(now)s) OVER (ORDER BY id) AS day
        FROM {EVENT} WHERE id > %(last)s AND id <= %(settled)s) written
    WHERE day < %(end)s GROUP BY day ORDER BY day
"""
# who inserts holds this lock from before an id is drawn until the end of the transaction
_WRITERS: Final = f"""
    SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = '{EVENT}'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
"""


class NotNow(Refused):
    """Days cannot be anchored at this moment. Nothing was anchored."""


class StillWriting(NotNow):
    """Somebody has been writing events in one transaction for longer than we waited. Nothing was anchored."""

    sentence = _("Events are still being written in one long transaction. Nothing was anchored; try again later.")


class OthersAnchor(NotNow):
    """Another process is anchoring: what it does needs no second, and if it hangs, no queue behind it."""

    sentence = _("Another run is anchoring days at this moment. Nothing was anchored; try again later.")


def anchor_days(*, now: datetime) -> list[DayAnchor]:
    """Anchor every finished day that has no anchor yet, oldest first; returns the new ones. Safe to call at any time.

    A day is finished half an hour after midnight. One scan of the events since the last anchor finds the days; each
    day is written by itself, so what was done stays done. Raises OthersAnchor while somebody else does it, and
    StillWriting when a transaction that writes events stays open for PATIENCE seconds.
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
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ANCHORING])
        if not cursor.fetchone()[0]:
            raise OthersAnchor
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
    if before and before.day + timedelta(days=1) >= end.date():
        return  # nothing to do, nobody to wait for
    last = before.last_event if before else 0
    zone, settled = timezone.get_default_timezone_name(), _settled_id()
    with connection.cursor() as cursor:
        values: dict[str, str | int | date] = {
            "zone": zone,
            "now": now,
            "last": last,
            "settled": settled,
            "end": end.date(),
        }
        cursor.execute(_LAST_OF_DAYS, values)
        newest: dict[date, int] = dict(cursor.fetchall())
    day = before.day + timedelta(days=1) if before else min(newest, default=end.date())
    for earlier in [one for one in newest if one < day]:
        last = max(last, newest[earlier])
    while day < end.date():
        last = max(last, newest.get(day, 0))
        yield day, last
        day += timedelta(days=1)


def _settled_id() -> int:
    """An id up to which no event can appear any more: whoever was writing when it was seen has ended.

    Ids are drawn before transactions commit: a lower one can become visible after a higher one.
    """
    newest = IssueEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    writing = still = _writers()
    until = monotonic() + PATIENCE
    while writing & still:
        if monotonic() >= until:
            raise StillWriting
        sleep(PAUSE)
        still = _writers()
    return newest


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {row[0] for row in cursor.fetchall()}


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
