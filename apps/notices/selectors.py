"""What a person has been told, by which channels they want to be told, and which deliveries are due."""

import json
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from apps.notices.channels.parcels import Parcel
from apps.notices.models import ChannelSetting, Delivery, Notice, QuietHours, Way, WebhookEndpoint
from apps.notices.quiet import Quiet, quiet_until
from apps.staff.models import User

COUNTED = 100  # nobody needs to know whether it is 100 or 4,000


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Newest first. `older` is what to pass as `before` for the next page, None at the end."""

    notices: tuple[Notice, ...]
    older: int | None


def unread_count(user: User) -> int:
    """How many notices wait unread, counted up to 100. One query on a partial index."""
    return Notice.objects.filter(recipient=user, read_at=None).order_by()[:COUNTED].count()


def newest(user: User, before: int | None = None, size: int = 50) -> NoticePage:
    """A page of the person's notices older than the id `before`. One query, whatever the page."""
    notices = Notice.objects.filter(recipient=user)
    if before is not None:
        notices = notices.filter(id__lt=before)
    found = tuple(notices.order_by("-id")[: size + 1])
    return NoticePage(found[:size], found[size - 1].id if len(found) > size else None)


DELIVERY, NOTICE, PERSON, SETTING, ENDPOINT, QUIET = (
    model._meta.db_table for model in (Delivery, Notice, User, ChannelSetting, WebhookEndpoint, QuietHours)
)

# The literal states let the partial index serve. The locks hold until the caller's transaction ends.
DUE: Final = f"""
    SELECT delivery.id, delivery.key, delivery.attempts, delivery.is_urgent, notice.text, notice."values"::text,
        notice.link, notice.created_at, person.username, person.name, person.is_active,
        coalesce(nullif(setting.language, ''), person.language),
        coalesce(endpoint.url, nullif(setting.address, ''),
            CASE delivery.channel WHEN '{Way.EMAIL}' THEN person.email ELSE person.phone END),
        coalesce(CASE delivery.channel WHEN '{Way.WEBHOOK}' THEN endpoint.is_active ELSE setting.is_active END, false),
        endpoint.id, endpoint.secret, endpoint.previous_secret, endpoint.refused_since, quiet.starts_at, quiet.ends_at
    FROM {DELIVERY} AS delivery
    JOIN {NOTICE} AS notice ON notice.id = delivery.notice_id
    JOIN {PERSON} AS person ON person.id = notice.recipient_id
    LEFT JOIN {SETTING} AS setting ON setting.user_id = person.id AND setting.channel = delivery.channel
    LEFT JOIN {ENDPOINT} AS endpoint ON endpoint.id = delivery.endpoint_id
    LEFT JOIN {QUIET} AS quiet ON quiet.user_id = person.id
    WHERE delivery.state IN ('{Delivery.State.WAITING}', '{Delivery.State.HELD}') AND delivery.channel = %s
        AND delivery.next_attempt_at <= %s AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= %s)
    ORDER BY delivery.next_attempt_at, delivery.id LIMIT %s
    FOR NO KEY UPDATE OF delivery SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come. `quiet`: the person's own quiet hours, None where the city's count."""

    parcel: Parcel
    is_unwanted: bool
    quiet: Quiet | None


def due_deliveries(way: Way, now: datetime, batch: int) -> list[Due]:
    """What is due by the channel, oldest first; locked, and passing over what another has locked. One query."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [way, now, now, batch])
        return [_due(_Row(*row)) for row in cursor.fetchall()]


class _Row(NamedTuple):
    id: int
    key: UUID
    attempts: int
    is_urgent: bool
    text: str
    values: str
    link: str
    created_at: datetime
    number: str
    name: str
    is_active: bool
    language: str
    address: str
    is_wanted: bool
    endpoint_id: int | None
    secret: str | None
    previous_secret: str | None
    refused_since: datetime | None
    quiet_from: time | None
    quiet_until: time | None


def _due(row: _Row) -> Due:
    parcel = Parcel(
        id=row.id,
        key=row.key,
        attempt=row.attempts + 1,
        is_urgent=row.is_urgent,
        text=row.text,
        values=json.loads(row.values),
        link=row.link,
        created_at=row.created_at,
        recipient=row.number,
        recipient_name=row.name,
        language=row.language or settings.LANGUAGE_CODE,
        address=row.address,
        endpoint_id=row.endpoint_id,
        secrets=tuple(secret for secret in (row.secret, row.previous_secret) if secret),
        refused_since=row.refused_since,
    )
    own = Quiet(row.quiet_from, row.quiet_until) if row.quiet_from is not None and row.quiet_until is not None else None
    return Due(parcel, not (row.is_active or row.endpoint_id) or not row.is_wanted, own)


def quiet_until_of(due: Due, now: datetime) -> datetime | None:
    """When the reader may be disturbed; None if now."""
    return quiet_until(due.quiet or settings.QUIET_HOURS, now, ZoneInfo(settings.TIME_ZONE))


@dataclass(frozen=True, slots=True)
class Wishes:
    """By which channels a person wants to be told. `quiet`: own quiet hours, None where the city's count."""

    channels: dict[str, ChannelSetting]
    quiet: Quiet | None

    @property
    def ways(self) -> list[Way]:
        """The channels that are switched on."""
        return [way for way in Way if (one := self.channels.get(way)) is not None and one.is_active]

    @property
    def quiet_that_counts(self) -> Quiet | None:
        """The person's own or the city's; None if there are none."""
        quiet: Quiet | None = self.quiet or settings.QUIET_HOURS
        return quiet if quiet and quiet.starts != quiet.ends else None


def wishes_of(user: User) -> Wishes:
    """The person's channels and quiet hours. Two queries."""
    own = {setting.channel: setting for setting in ChannelSetting.objects.filter(user=user)}
    quiet = QuietHours.objects.filter(user=user).first()
    return Wishes(own, Quiet(quiet.starts_at, quiet.ends_at) if quiet else None)
