"""Carrying deliveries out of the house. Claim in a short transaction, send outside of any, then record.

A claim is a lease: the row's next attempt is pushed past the longest turn and committed before anything is sent. Who
dies in between leaves a row that falls due again, so a delivery may go out twice, never not at all; receivers tell a
second copy by the delivery's key. A record counts only while the claim's number of attempts still stands.
"""

import json
import logging
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from apps.common import queue
from apps.notices.backoff import MOST_ATTEMPTS, back_off
from apps.notices.channels import email, sms, webhooks
from apps.notices.channels.parcels import DeliveryFailed, Outcome, Parcel
from apps.notices.models import Delivery, Way
from apps.notices.selectors import Due, due_deliveries, quiet_until_of
from apps.notices.services.fan_out import fan_out
from apps.notices.services.patience import heed

logger = logging.getLogger(__name__)

DELIVER: Final = "notices.deliver"
BATCH: Final = 50  # a channel and turn
LEASE: Final = timedelta(minutes=5)  # a turn of a channel begins nothing after TURN_SECONDS
ERROR_LENGTH: Final = 200
DELIVERING: Final = 0x4E4F54494345  # "NOTICE", the advisory lock of one deliverer at a time
DELIVERY: Final = Delivery._meta.db_table

WRITE = f"""
    UPDATE {DELIVERY} AS delivery SET state = said.state, attempts = said.attempts,
        next_attempt_at = said.next_attempt_at, last_error = said.last_error, sent_at = said.sent_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS said (id bigint, claim integer, state varchar(10), attempts integer,
        next_attempt_at timestamptz, last_error varchar(200), sent_at timestamptz)
    WHERE delivery.id = said.id AND delivery.attempts = said.claim
        AND delivery.state IN ('{Delivery.State.WAITING}', '{Delivery.State.HELD}')
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a row becomes. `claim`: the attempts it must still have; if another has taken it over, nothing happens."""

    id: int
    claim: int
    state: Delivery.State
    attempts: int
    next_attempt_at: datetime
    last_error: str = ""
    sent_at: datetime | None = None


@dataclass
class Delivered:
    """What became of the deliveries of one turn; `has_more` when it may have left some that are due."""

    sent: int = 0
    waiting: int = 0
    held: int = 0
    given_up: int = 0
    has_more: bool = False

    def count(self, changes: Iterable[Change]) -> None:
        """Add these."""
        for change in changes:
            setattr(self, change.state, getattr(self, change.state) + 1)


@contextmanager
def only_deliverer() -> Iterator[bool]:
    """Whether nobody else is delivering. Two at once send nothing twice, but waiting for slow servers takes up workers,
    and one is enough for that: the others route and sweep.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [DELIVERING])
        is_only = bool(cursor.fetchone()[0])
    try:
        yield is_only
    finally:
        if is_only:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [DELIVERING])


def deliver_turn(*, now: datetime, batch: int = BATCH) -> Delivered:
    """Make deliveries of what was told, then deliver what is due. Short: at most a batch a channel."""
    has_more = fan_out(now=now).has_more
    done = deliver_waiting(now=now, batch=batch)
    done.has_more |= has_more
    return done


def deliver_waiting(*, now: datetime, batch: int = BATCH) -> Delivered:
    """Deliver what is due, at most `batch` a channel. Must not be called inside a transaction.

    Three statements a channel, one when nothing is due; e-mail and SMS need one more a message.
    """
    done = Delivered()
    for way in Way:
        due = _claim(way, now, batch, done)
        parcels = [row.parcel for row in due]
        for outcomes in _outcomes(way, parcels, now) if parcels else ():
            rests = heed(outcomes, now)
            changes = [_change(outcome, now, rests) for outcome in outcomes]
            _write(changes)
            done.count(changes)
    return done


@transaction.atomic(durable=True)
def _claim(way: Way, now: datetime, batch: int, done: Delivered) -> list[Due]:
    """Lock what is due, put aside what may not go out now, and take a lease on the rest."""
    rows = due_deliveries(way, now, batch)
    done.has_more |= len(rows) == batch
    aside = {row.parcel.id: change for row in rows if (change := _set_aside(row, way, now))}
    mine = [row for row in rows if row.parcel.id not in aside]
    leases = [
        Change(row.parcel.id, row.parcel.attempt - 1, Delivery.State.WAITING, row.parcel.attempt, now + LEASE)
        for row in mine
    ]
    _write([*aside.values(), *leases])
    done.count(aside.values())
    return mine


def _set_aside(row: Due, way: Way, now: datetime) -> Change | None:
    parcel = row.parcel
    if row.is_unwanted:
        words = "the account, the channel or the webhook is switched off"
        return Change(parcel.id, parcel.attempt - 1, Delivery.State.GIVEN_UP, parcel.attempt - 1, now, words)
    if parcel.attempt > MOST_ATTEMPTS:  # every lease ran out: whoever takes it up dies of it
        words = f"{MOST_ATTEMPTS} tries were begun and none came to an end"
        logger.warning("delivery %s given up: %s", parcel.key, words)
        return Change(parcel.id, parcel.attempt - 1, Delivery.State.GIVEN_UP, parcel.attempt - 1, now, words)
    until = None if parcel.is_urgent or way == Way.WEBHOOK else quiet_until_of(row, now)
    if until is None:
        return None
    return Change(parcel.id, parcel.attempt - 1, Delivery.State.HELD, parcel.attempt - 1, until)


def _outcomes(way: Way, parcels: Sequence[Parcel], now: datetime) -> Iterator[list[Outcome]]:
    """What became of each. A channel that breaks as a whole (a gateway that cannot be made, a file of certificates that
    is missing) fails for what it has not answered yet, and for no other channel.
    """
    unanswered = {parcel.id: parcel for parcel in parcels}
    try:
        for outcomes in _send(way, parcels, now):
            for outcome in outcomes:
                del unanswered[outcome.parcel.id]
            yield outcomes
    except Exception as error:
        logger.exception("channel %s broke", way)
        failure = DeliveryFailed(f"{type(error).__name__}: {error}", can_heal=True, is_closed=True)
        yield [Outcome(parcel, failure) for parcel in unanswered.values()]


def _send(way: Way, parcels: Sequence[Parcel], now: datetime) -> Iterator[list[Outcome]]:
    match way:
        case Way.WEBHOOK:
            return webhooks.send(parcels, now=now)
        case Way.EMAIL:
            return email.send(parcels)
        case Way.SMS:
            return sms.send(parcels)


def _change(outcome: Outcome, now: datetime, rests: Mapping[int, datetime]) -> Change:
    parcel, failure = outcome.parcel, outcome.failure
    state, attempts = Delivery.State.WAITING, parcel.attempt
    until = now if failure is None else rests.get(parcel.endpoint_id or 0)
    if not outcome.is_tried and until:
        return Change(parcel.id, attempts, state, attempts - 1, until, failure.reason[:ERROR_LENGTH] if failure else "")
    if failure is None:
        return Change(parcel.id, attempts, Delivery.State.SENT, attempts, now, sent_at=now)
    words = failure.reason[:ERROR_LENGTH]
    if failure.can_heal and attempts < MOST_ATTEMPTS:
        wait = back_off(attempts, secrets.randbelow(1_000) / 1_000, failure.retry_after)
        return Change(parcel.id, attempts, state, attempts, now + wait, words)
    logger.warning("delivery %s given up after %d attempts: %s", parcel.key, attempts, words)
    return Change(parcel.id, attempts, Delivery.State.GIVEN_UP, attempts, now, words)


def _write(changes: Sequence[Change]) -> None:
    if not changes:
        return
    rows = [
        {
            "id": change.id,
            "claim": change.claim,
            "state": change.state,
            "attempts": change.attempts,
            "next_attempt_at": change.next_attempt_at.isoformat(),
            "last_error": change.last_error,
            "sent_at": change.sent_at and change.sent_at.isoformat(),
        }
        for change in changes
    ]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {"rows": json.dumps(rows, ensure_ascii=False)})


def try_again(*, delivery_ids: Collection[int], now: datetime) -> int:
    """Send what was given up once more, with all its attempts; returns how many. The key stays the same."""
    with transaction.atomic():
        count = Delivery.objects.filter(id__in=delivery_ids, state=Delivery.State.GIVEN_UP).update(
            state=Delivery.State.WAITING, attempts=0, next_attempt_at=now
        )
        if count:
            queue.ring_once_after_commit(DELIVER)
    return count


def discard(*, delivery_ids: Collection[int]) -> int:
    """Delete what was given up and nobody wants to send any more; returns how many. The notices stay."""
    return Delivery.objects.filter(id__in=delivery_ids, state=Delivery.State.GIVEN_UP).delete()[0]
