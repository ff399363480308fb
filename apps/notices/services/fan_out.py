"""From notices to deliveries, set-based: who asked to be told by which channel, and which systems listen.

Ids are drawn before their transactions commit, so a smaller id may appear after a larger one. Each turn therefore looks
again at everything that is not settled; the unique constraint keeps it once. An id is settled when every transaction
that was open when it was the newest has ended, and a minute has passed (a transaction draws its first id a moment
before it has a number of its own).
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from apps.grids.models import Grid
from apps.notices import kinds
from apps.notices.models import ChannelSetting, Delivery, FanOutMark, Notice, Way, WebhookEndpoint
from apps.staff.models import Post

STEP: Final = 20_000  # notices looked at for the first time in one turn
SETTLES_AFTER: Final = timedelta(minutes=1)
STALE: Final = timedelta(days=1)  # after a long silence nobody wants last week's messages on their telephone
NOTICE, DELIVERY, SETTING, ENDPOINT, POST, GRID, MARK = (
    model._meta.db_table for model in (Notice, Delivery, ChannelSetting, WebhookEndpoint, Post, Grid, FanOutMark)
)

# Places in the JSON values: {"is_urgent": true} marks one notice of an ordinary kind as urgent.
FAN_OUT = f"""
    WITH news AS MATERIALIZED (
        SELECT id, recipient_id, created_at, coalesce(%(kinds)s::jsonb ->> text, '{kinds.OTHER}') AS kind,
            text = ANY(%(urgent)s::text[]) OR "values" @> '{{"is_urgent": true}}' AS is_urgent
        FROM {NOTICE} WHERE id > %(settled)s AND id <= %(upto)s AND created_at > %(oldest)s
    ), wanted AS (
        SELECT news.id, setting.channel, NULL::bigint AS endpoint_id, news.is_urgent
        FROM news JOIN {SETTING} AS setting ON setting.user_id = news.recipient_id
        WHERE setting.is_active AND setting.since <= news.created_at
        UNION ALL
        SELECT news.id, '{Way.WEBHOOK}', endpoint.id, news.is_urgent
        FROM news JOIN {ENDPOINT} AS endpoint ON endpoint.is_active AND endpoint.since <= news.created_at
            AND (endpoint.kinds = '{{}}' OR news.kind = ANY(endpoint.kinds))
        LEFT JOIN {GRID} AS area ON area.id = endpoint.grid_id
        WHERE endpoint.grid_id IS NULL AND endpoint.department_id IS NULL OR EXISTS (
            SELECT 1 FROM {POST} AS post JOIN {GRID} AS place ON place.id = post.grid_id
            WHERE post.user_id = news.recipient_id AND post.valid @> %(today)s::date
                AND (endpoint.department_id IS NULL OR post.department_id = endpoint.department_id)
                AND (area.id IS NULL OR area.tier = 0
                    OR place.tree_id = area.tree_id AND place.lft BETWEEN area.lft AND area.rght))
    )
    INSERT INTO {DELIVERY} (notice_id, channel, endpoint_id, is_urgent, state, attempts, next_attempt_at, last_error,
        created_at)
    SELECT id, channel, endpoint_id, is_urgent, '{Delivery.State.WAITING}', 0, %(now)s, '', %(now)s
    FROM wanted ORDER BY id
    ON CONFLICT DO NOTHING
"""

# The horizon is read before the notices, in one statement with the lock of the row: who comes second walks away.
LOCK_MARK = f"""
    SELECT settled_id, seen_id, mark_id, mark_xid, marked_at, pg_snapshot_xmin(snapshot)::text::bigint
    FROM {MARK} AS mark, pg_current_snapshot() AS snapshot WHERE mark.id = 1
    FOR UPDATE OF mark SKIP LOCKED
"""

# Both of one snapshot: whoever drew a smaller id than the newest visible one has a transaction below the number.
NEWEST = f"""
    SELECT max(id), pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        (SELECT max(id) FROM (SELECT id FROM {NOTICE} WHERE id > %(seen)s ORDER BY id LIMIT %(step)s) AS next)
    FROM {NOTICE}
"""

BEGIN_MARK = f"""
    INSERT INTO {MARK} (id, settled_id, seen_id, mark_id, mark_xid, marked_at)
    SELECT 1, start, start, start, 0, %(now)s
    FROM (SELECT coalesce(min(id) FILTER (WHERE created_at > %(oldest)s) - 1, max(id), 0) AS start FROM {NOTICE}) AS at
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Mark:
    settled_id: int
    seen_id: int
    mark_id: int
    mark_xid: int
    marked_at: datetime
    oldest_open_xid: int

    def is_foreign(self, next_xid: int) -> bool:
        """Whether the number comes from another cluster (a restored dump), whose transactions mean nothing here."""
        return self.mark_xid > next_xid

    def is_settled(self, now: datetime) -> bool:
        """Whether nothing more can appear below the mark."""
        return self.oldest_open_xid >= self.mark_xid and now - self.marked_at >= SETTLES_AFTER


@dataclass(frozen=True, slots=True)
class FannedOut:
    """How many deliveries came into being, and whether there are notices that nobody has looked at yet."""

    deliveries: int = 0
    has_more: bool = False


@transaction.atomic
def fan_out(*, now: datetime, step: int = STEP) -> FannedOut:
    """Make the deliveries of whatever was told since the last turn. Four statements, two when nothing is new.

    A turn that is at work already makes this one needless.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_MARK)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(BEGIN_MARK, {"now": now, "oldest": now - STALE})
            cursor.execute(LOCK_MARK)
            row = cursor.fetchone()
        if row is None:
            return FannedOut()
        mark = _Mark(*row)
        cursor.execute(NEWEST, {"seen": mark.seen_id, "step": step})
        newest, next_xid, next_id = cursor.fetchone()
        upto = next_id or mark.seen_id
        if upto <= mark.settled_id:
            return FannedOut()
        cursor.execute(FAN_OUT, _parameters(mark.settled_id, upto, now))
        made = int(cursor.rowcount)
    _move(mark, upto, next_xid, now)
    return FannedOut(made, has_more=upto < (newest or 0))


def _parameters(settled: int, upto: int, now: datetime) -> dict[str, str | int | list[str] | datetime | date]:
    return {
        "kinds": json.dumps(dict(kinds.kinds_of_texts()), ensure_ascii=False),
        "urgent": list(kinds.urgent_texts()),
        "settled": settled,
        "upto": upto,
        "oldest": now - STALE,
        "today": timezone.localdate(now),
        "now": now,
    }


def _move(mark: _Mark, upto: int, next_xid: int, now: datetime) -> None:
    changes: dict[str, object] = {"seen_id": upto}
    is_foreign = mark.is_foreign(next_xid)
    if is_foreign or mark.is_settled(now):
        changes |= {"mark_id": upto, "mark_xid": next_xid, "marked_at": now}
        if not is_foreign:
            changes["settled_id"] = mark.mark_id
    FanOutMark.objects.filter(id=1).update(**changes)
