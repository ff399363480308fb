"""Ringing tasks by name after the commit, so that no service ever imports a task.

A lost ring costs a minute, never a report: the sweep redoes whatever a ring should have done (docs/adr/0004).
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from redis.connection import AbstractConnection

logger = logging.getLogger(__name__)

RING_MILLISECONDS = 2_000
Desk = Callable[[str, dict[str, int | str]], None]
_desks: list[Desk] = []


@cache
def redis_client() -> redis.Redis:
    """Return this process's Redis client: short timeouts, because nobody may wait for a hint."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=1)


@contextmanager
def answered_by(desk: Desk) -> Iterator[None]:
    """Give every ring of this process to `desk(task, ids)` instead of the broker, and let live hints and heartbeats go.

    For whoever is the worker themselves and lives in another time: a simulated year must not wake the real city.
    """
    _desks.append(desk)
    try:
        yield
    finally:
        _desks.remove(desk)


def is_answered_here() -> bool:
    """Whether this process answers its own rings now."""
    return bool(_desks)


def after_commit(task: str, **ids: int | str) -> None:
    """Ring the registered task `task` with `ids` once the current transaction has committed.

    A broker that is down is logged and otherwise ignored: the truth is in the database.
    """
    transaction.on_commit(partial(_ring, task, ids))


def ring_once_after_commit(task: str) -> None:
    """Ring a draining task that takes no arguments, unless its ring is still waiting to be answered.

    Rings coalesce on a short-lived key. The task MUST call `answer_ring` before it looks for work:
    then a commit that found the key set is always seen by the ring that is still to come.
    """
    transaction.on_commit(partial(_ring_once, task))


def answer_ring(task: str) -> None:
    """Say that the ring of `task` is being answered; later commits ring again."""
    try:
        redis_client().delete(_ring_key(task))
    except redis.RedisError:
        logger.warning("ring key of %s not cleared: broker unreachable", task)


def _ring_key(task: str) -> str:
    return f"ring:{task}"


@cache
def _wish_to_ring(task: str) -> list[bytes]:
    """The command that answers None if a ring waits, as it goes over the line."""
    words = (b"SET", _ring_key(task).encode(), b"1", b"NX", b"PX", b"%d" % RING_MILLISECONDS)
    return [b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]


class _Line(threading.local):
    """A thread's own connection to the broker: every filing asks, and the client's way costs three times as much."""

    connection: AbstractConnection | None = None


_line = _Line()


def _ask(command: list[bytes]) -> object:
    """Send a packed command and return the answer. Raises RedisError, but not for a broker that was restarted."""
    kept, _line.connection = _line.connection, None
    if kept is not None and kept.pid == os.getpid():
        try:
            return _exchanged(kept, command)
        except redis.ConnectionError:
            logger.info("connecting to the broker again")
    pool = redis_client().connection_pool
    return _exchanged(pool.connection_class(**pool.connection_kwargs), command)


def _exchanged(connection: AbstractConnection, command: list[bytes]) -> object:
    connection.send_packed_command(command, check_health=False)  # type: ignore[no-untyped-call]
    answer: object = connection.read_response()
    _line.connection = connection
    return answer


def _ring_once(task: str) -> None:
    if _desks:
        _desks[-1](task, {})
        return
    try:
        if _ask(_wish_to_ring(task)) is None:
            return
    except redis.RedisError:
        logger.warning("task %s not rung: broker unreachable; the sweep will do its work", task)
        return
    _ring(task, {})


def _ring(task: str, ids: dict[str, int | str]) -> None:
    if _desks:
        _desks[-1](task, ids)
        return
    try:
        # signature().delay() honours eager mode where send_task does not
        current_app.signature(task, kwargs=ids).delay()
    except Exception:
        logger.warning("task %s not rung: broker unreachable; the sweep will do its work", task, exc_info=True)
