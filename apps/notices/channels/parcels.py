"""What channels carry, and what they answer."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

logger = logging.getLogger(__name__)

TURN_SECONDS: Final = 20.0  # what was not begun by then waits for the next turn; far below the lease of a claim


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery, with everything that is needed to make it.

    language: of the reader, a code of settings.LANGUAGES. address: e-mail address, phone number or URL.
    secrets: of the webhook, newest first. attempt: 1 for the first try. refused_since: since when the webhook's system
    says nothing but "later".
    """

    id: int
    key: UUID
    attempt: int
    is_urgent: bool
    text: str
    values: Mapping[str, object]
    link: str
    created_at: datetime
    recipient: str
    recipient_name: str
    language: str
    address: str
    endpoint_id: int | None = None
    secrets: tuple[str, ...] = ()
    refused_since: datetime | None = None


class DeliveryFailed(Exception):
    """It did not arrive. `can_heal`: a later try may succeed; `is_closed`: nothing else would arrive there now.

    `is_busy`: closed by a webhook's system that answers, and asks for patience.
    """

    def __init__(
        self,
        reason: str,
        *,
        can_heal: bool,
        is_closed: bool = False,
        is_busy: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.can_heal = can_heal
        self.is_closed = is_closed or is_busy
        self.is_busy = is_busy
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a parcel. Not tried: the turn was over, or it came too soon or would have; it costs no attempt."""

    parcel: Parcel
    failure: DeliveryFailed | None = None
    is_tried: bool = True


def send_in_turn(
    parcels: Sequence[Parcel], send: Callable[[Parcel], None], seconds: float = TURN_SECONDS
) -> Iterator[list[Outcome]]:
    """Send one after the other; each outcome is handed out before the next is begun.

    Once the place is closed, the rest fails without a try: a dead server costs one timeout, not one a parcel.
    """
    end = time.monotonic() + seconds
    closed: DeliveryFailed | None = None
    for parcel in parcels:
        if closed is None and time.monotonic() > end:
            yield [Outcome(parcel, is_tried=False)]
            continue
        failure = closed or _try(parcel, send)
        closed = failure if failure and failure.is_closed else None
        yield [Outcome(parcel, failure)]


def _try(parcel: Parcel, send: Callable[[Parcel], None]) -> DeliveryFailed | None:
    try:
        send(parcel)
    except DeliveryFailed as failure:
        return failure
    except Exception as error:
        logger.exception("delivery %s broke", parcel.key)
        return DeliveryFailed(f"{type(error).__name__}: {error}", can_heal=True)
    return None
