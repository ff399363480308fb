"""Webhooks: one signed POST a notice. Endpoints are served side by side, each one's parcels in their order.

Nothing is followed, nothing is read beyond the status, and every try ends after REQUEST_SECONDS, however slowly the
other side drips.
"""

import asyncio
import json
import logging
import ssl
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import certifi
import httpx
from django.conf import settings

from apps.notices import kinds
from apps.notices.channels.parcels import TURN_SECONDS, DeliveryFailed, Outcome, Parcel
from apps.notices.channels.signatures import headers_for
from apps.notices.channels.targets import Address, addresses_of, parse_url
from apps.notices.channels.texts import absolute, sentence

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 10.0
AT_ONCE: Final = 16  # endpoints
POLITE_BYTES: Final = 16_384  # of an answer are read away, so that the connection can be used again
POLITE_SECONDS: Final = 1.0
HEALS: Final = frozenset({408, 425, 429})
TOO_SOON: Final = 429  # never said of a message
COME_BACK_LATER: Final = frozenset({TOO_SOON, 503})  # said by the whole system; 503 perhaps of this one message
AGENT: Final = "grid_mgmt-webhook/1"


class TooSoon(DeliveryFailed):
    """The other side takes only so many at a time."""


def send(parcels: Sequence[Parcel], *, now: datetime) -> Iterator[list[Outcome]]:
    """Send all, and hand out the outcomes when the last endpoint has answered; `now` becomes the timestamp."""
    lanes: dict[int | None, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        lanes[parcel.endpoint_id].append(parcel)
    yield asyncio.run(_send_lanes(list(lanes.values()), now))


def body_of(parcel: Parcel) -> bytes:
    """The JSON of one delivery, the same at every try (docs/notices.md lists its fields)."""
    content = {
        "id": str(parcel.key),
        "kind": kinds.kind_of(parcel.text),
        "is_urgent": parcel.is_urgent,
        "created_at": parcel.created_at.isoformat(),
        "recipient": {"number": parcel.recipient, "name": parcel.recipient_name},
        "texts": {language: sentence(parcel, language) for language, _ in settings.LANGUAGES},
        "values": dict(parcel.values),
        "link": absolute(parcel.link) or parcel.link,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


async def _send_lanes(lanes: Sequence[Sequence[Parcel]], now: datetime) -> list[Outcome]:
    places = asyncio.Semaphore(AT_ONCE)
    end = time.monotonic() + TURN_SECONDS

    async def send_lane(parcels: Sequence[Parcel]) -> list[Outcome]:
        async with places:
            return await _send_lane(parcels, now, end)

    return [outcome for lane in await asyncio.gather(*map(send_lane, lanes)) for outcome in lane]


async def _send_lane(parcels: Sequence[Parcel], now: datetime, end: float) -> list[Outcome]:
    """One endpoint's parcels; once it is closed, the rest fails without a try, or, if it is only busy, is not tried.

    A client of its own for each: a connection that was checked for one name is never used for another.
    """
    outcomes: list[Outcome] = []
    closed: DeliveryFailed | None = None
    async with _client() as client:
        for parcel in parcels:
            if closed:
                outcomes.append(Outcome(parcel, closed, is_tried=not closed.is_busy))
                continue
            if time.monotonic() > end:
                outcomes.append(Outcome(parcel, is_tried=False))
                continue
            failure = await _try(client, parcel, now)
            closed = failure if failure and failure.is_closed else None
            outcomes.append(Outcome(parcel, failure, is_tried=not isinstance(failure, TooSoon)))
    return outcomes


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        trust_env=False,  # a proxy of the environment would connect to addresses that nobody looked at
        follow_redirects=False,
        verify=_trusted(settings.WEBHOOK_CA_FILE),
        timeout=httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
    )


@cache
def _trusted(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or certifi.where())


async def _try(client: httpx.AsyncClient, parcel: Parcel, now: datetime) -> DeliveryFailed | None:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            await _post(client, parcel, now)
    except DeliveryFailed as failure:
        return failure
    except TimeoutError:
        return DeliveryFailed(f"no answer within {REQUEST_SECONDS:g} s", can_heal=True, is_closed=True)
    except (httpx.HTTPError, OSError) as error:
        return DeliveryFailed(f"{type(error).__name__}: {error}", can_heal=True, is_closed=True)
    except Exception as error:  # or it would take the outcomes of every other endpoint with it
        logger.exception("delivery %s broke", parcel.key)
        return DeliveryFailed(f"{type(error).__name__}: {error}", can_heal=True)
    return None


async def _post(client: httpx.AsyncClient, parcel: Parcel, now: datetime) -> None:
    url = parse_url(parcel.address)
    body = body_of(parcel)
    headers = {
        "host": url.netloc.decode("ascii"),
        "content-type": "application/json",
        "user-agent": AGENT,
        **headers_for(key=str(parcel.key), body=body, keys=parcel.secrets, now=now),
    }
    addresses = await addresses_of(url, settings.WEBHOOK_ALLOWED_NETWORKS)
    for number, address in enumerate(addresses, start=1):
        try:
            return await _post_to(client, url, address, headers, body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
    return None


async def _post_to(
    client: httpx.AsyncClient, url: httpx.URL, address: Address, headers: dict[str, str], body: bytes
) -> None:
    """To this address and no other; TLS still asks for the certificate of the name."""
    extensions = {"sni_hostname": url.raw_host.decode("ascii").strip("[]")}
    there = url.copy_with(host=f"[{address}]" if address.version == 6 else str(address))
    async with client.stream("POST", there, content=body, headers=headers, extensions=extensions) as response:
        await _read_away(response)
        _judge(response)


async def _read_away(response: httpx.Response) -> None:
    size = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(POLITE_SECONDS):
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > POLITE_BYTES:
                    return


def _judge(response: httpx.Response) -> None:
    """Any 2xx is an answer. What may heal is tried again; all else, redirects too, is given up at once."""
    status = response.status_code
    if response.is_success:
        return
    seconds = response.headers.get("retry-after", "")
    failed = TooSoon if status == TOO_SOON else DeliveryFailed
    raise failed(
        f"answered {status} {response.reason_phrase}".strip(),
        can_heal=status in HEALS or status >= 500,
        is_busy=status in COME_BACK_LATER,
        retry_after=timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 7 else None,
    )
