"""When something that must happen again and again last happened, asked by /readyz.

Kept in Redis, not in a table: a sign of life is worthless a minute later, and must cost the database nothing. With
Redis away nobody knows, which `age` says as None; /readyz then has the broker's absence to report anyway.
"""

import logging
from datetime import datetime, timedelta

import redis

from apps.common.queue import is_answered_here, redis_client

logger = logging.getLogger(__name__)


def beat(name: str, now: datetime) -> None:
    """Note that `name` happened at `now`. Never fails: a sign of life must not stop the living."""
    if is_answered_here():
        return
    try:
        redis_client().set(_key(name), now.isoformat())
    except redis.RedisError:
        logger.warning("heartbeat %s not noted: Redis unreachable", name)


def age(name: str, now: datetime) -> timedelta | None:
    """How long ago `name` last happened; None when it never did or nobody knows."""
    try:
        noted = redis_client().get(_key(name))
    except redis.RedisError:
        return None
    return now - datetime.fromisoformat(noted.decode()) if isinstance(noted, bytes) else None


def _key(name: str) -> str:
    return f"heartbeat:{name}"
