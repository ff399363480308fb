"""The live feed: one Redis Stream of hints. An entry says that something changed; readers re-read the rows."""

import logging
from collections.abc import Iterable
from functools import partial

import redis
from django.db import transaction

from apps.common.queue import redis_client

logger = logging.getLogger(__name__)

STREAM = "feed"
STREAM_LENGTH = 10_000

Entry = dict[str, str | int]


def publish_after_commit(entries: Iterable[Entry]) -> None:
    """Append hints to the stream once the transaction has committed; a feed that is down loses hints only."""
    ready = list(entries)
    if ready:
        transaction.on_commit(partial(_publish, ready))


def _publish(entries: list[Entry]) -> None:
    try:
        pipe = redis_client().pipeline(transaction=False)
        for entry in entries:
            pipe.xadd(STREAM, entry, maxlen=STREAM_LENGTH, approximate=True)  # type: ignore[arg-type]
        pipe.execute()
    except redis.RedisError:
        logger.warning("%d live hints dropped: feed unreachable; boards fall back to polling", len(entries))
