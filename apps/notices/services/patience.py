"""Systems that answer "later" (429, 503) are left alone for a while; what waits for them loses no try by that.

Without it whoever takes ten a minute would be asked for each of a thousand at once, and most of them would use up their
tries unsent. A 429 costs not even the one that met it a try; a 503 does, for it may be said of that very message.
Patience ends: who has said nothing but "later" for an hour is treated like a server that is away.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from apps.notices.backoff import back_off
from apps.notices.channels.parcels import Outcome
from apps.notices.models import WebhookEndpoint

PATIENCE: Final = timedelta(hours=1)


def heed(outcomes: Iterable[Outcome], now: datetime) -> dict[int, datetime]:
    """Note who asks to be left alone, and who no longer does, one statement each; returns until when, by endpoint."""
    by_endpoint: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.parcel.endpoint_id is not None:
            by_endpoint[outcome.parcel.endpoint_id].append(outcome)
    rests = {endpoint_id: _heed_one(endpoint_id, its, now) for endpoint_id, its in by_endpoint.items()}
    return {endpoint_id: until for endpoint_id, until in rests.items() if until}


def _heed_one(endpoint_id: int, outcomes: Sequence[Outcome], now: datetime) -> datetime | None:
    has_taken = any(outcome.is_tried and outcome.failure is None for outcome in outcomes)
    refusal = next((outcome.failure for outcome in outcomes if outcome.failure and outcome.failure.is_busy), None)
    before = outcomes[0].parcel.refused_since
    until: datetime | None = None
    since: datetime | None = None
    if refusal:
        since = now if has_taken or before is None else before
        if now - since < PATIENCE:
            until = now + back_off(1, secrets.randbelow(1_000) / 1_000, refusal.retry_after)
    if refusal or (has_taken and before):
        WebhookEndpoint.objects.filter(id=endpoint_id).update(refused_since=since, rests_until=until)
    return until
