"""One reader of the feed's Redis Stream per process, and the listeners it fans out to. Knows no person and no page.

An entry is a hint (an id and a few numbers), so a listener that misses some is told so and reads the rows again:
memory per listener is bounded, and nobody waits for a slow one.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from apps.common.feed import STREAM

logger = logging.getLogger(__name__)

BLOCK_MILLISECONDS = 5_000
READ_AT_ONCE = 500
WAITING_HINTS = 256  # per listener; one that lets more pile up is dropped and comes back with its last id
REPLAY_HINTS = 1_000  # a longer absence is answered with "reset": read the rows again
REPLAYS_AT_ONCE = 4
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)

StreamId = tuple[int, int]
NUMBERS = ("issue", "version", "district", "grid", "department", "holder_grid")


@dataclass(frozen=True, slots=True)
class Hint:
    """One entry of the stream; `message` is its text for the wire, made once for all listeners."""

    id: StreamId
    fields: dict[str, Any]
    message: bytes


@dataclass(frozen=True, slots=True)
class Signal:
    """Something about the feed itself: `trouble` (it cannot be read), `recovered`, `reset` (hints are missing)."""

    name: str

    @property
    def message(self) -> bytes:
        """Its text for the wire."""
        return f"event: {self.name}\ndata: {{}}\n\n".encode()


class Dropped(Exception):
    """The listener was too slow; it may come back and name the last id it saw."""


@dataclass(eq=False)
class Listener:
    """One open board. `hears` says which hints its reader may know of; it is replaced when the posts change."""

    hears: Callable[[dict[str, Any]], bool]
    last_id: StreamId = (0, 0)
    _waiting: deque[Hint | Signal] = field(default_factory=deque)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _is_dropped: bool = False
    _room: int = WAITING_HINTS

    def offer(self, item: Hint | Signal) -> bool:
        """Queue what concerns the listener; False once it has let too much pile up."""
        if isinstance(item, Hint) and not self.hears(item.fields):
            return True
        if len(self._waiting) >= self._room:
            self._is_dropped = True
            self._waiting.clear()
        else:
            self._waiting.append(item)
        self._bell.set()
        return not self._is_dropped

    async def take(self, seconds: float) -> bytes:
        """Return everything that waits as text for the wire, `b""` after `seconds` of silence. Raises `Dropped`."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._bell.wait()
                    self._bell.clear()
                    if self._is_dropped:
                        raise Dropped
                    if news := self._news():
                        return news
        except TimeoutError:
            return b""

    def _news(self) -> bytes:
        """Everything that waits, without what a replay has brought already: that may be nothing."""
        parts = [item.message for item in self._waiting if self._is_news(item)]
        self._waiting.clear()
        self._room = WAITING_HINTS
        return b"".join(parts)

    def prepend(self, missed: list[Hint]) -> None:
        """Put what a replay brought before what came in meanwhile; it does not count as slowness."""
        self._waiting.extendleft(reversed(missed))
        self._room += len(missed)
        self._bell.set()

    def _is_news(self, item: Hint | Signal) -> bool:
        """False for a hint that a replay has already brought."""
        if isinstance(item, Signal):
            return True
        if item.id <= self.last_id:
            return False
        self.last_id = item.id
        return True


class Hub:
    """Reads the stream while anybody listens, and survives a Redis that goes away and comes back."""

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(  # the client's types name every answer of every protocol
            url,
            socket_connect_timeout=1,
            socket_timeout=BLOCK_MILLISECONDS / 1000 + 5,
            decode_responses=True,
            protocol=2,  # whose answers are the same in every version of the client
        )
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._in_trouble = False
        self._replays = asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._position: StreamId | None = None
        self._positioned = asyncio.Event()

    @property
    def listener_count(self) -> int:
        """How many boards are open here."""
        return len(self._listeners)

    async def join(self, listener: Listener, after: StreamId | None) -> None:
        """Give `listener` everything after `after`, gap-free, then what comes. Without `after`: only what comes."""
        self._listeners.add(listener)
        if self._reader is None or self._reader.done():
            self._positioned.clear()
            self._position = None
            self._reader = asyncio.create_task(self._read_while_anybody_listens(), name="feed reader")
        await self._positioned.wait()  # the live reading covers all that a replay from now on may miss
        if self._in_trouble:
            listener.offer(Signal("trouble"))
        elif after is not None:
            await self._replay(listener, after)

    def leave(self, listener: Listener) -> None:
        """Forget `listener`; after the last one the reading ends by itself within BLOCK_MILLISECONDS."""
        self._listeners.discard(listener)

    async def close(self) -> None:
        """End the reading and the connections."""
        self._listeners.clear()
        while self._reader is not None and not self._reader.done():
            self._reader.cancel()  # the client can swallow a cancellation that meets its own time limit: insist
            await asyncio.wait({self._reader}, timeout=0.2)
        await self._client.aclose()

    async def _replay(self, listener: Listener, after: StreamId) -> None:
        try:
            async with self._replays:
                oldest = await self._client.xrange(STREAM, count=1)
                missed = await self._client.xrange(STREAM, min=f"({_text(after)}", count=REPLAY_HINTS + 1)
        except (RedisError, OSError):
            listener.offer(Signal("reset"))
            return
        is_trimmed = bool(oldest) and after < parse_id(oldest[0][0])
        heard = [hint for hint in map(_hint, missed) if hint is not None and listener.hears(hint.fields)]
        if is_trimmed or len(missed) > REPLAY_HINTS or len(heard) >= WAITING_HINTS:
            listener.offer(Signal("reset"))
            return
        listener.prepend(heard)

    async def _read_while_anybody_listens(self) -> None:
        failures = 0
        while self._listeners:
            try:
                if self._position is None:
                    self._position = await self._newest_id()
                self._say_recovered()
                await self._read_once()
                failures = 0
            except (RedisError, OSError) as problem:
                self._say_trouble(problem)
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def _newest_id(self) -> StreamId:
        newest = await self._client.xrevrange(STREAM, count=1)
        return parse_id(newest[0][0]) if newest else (0, 0)

    async def _read_once(self) -> None:
        assert self._position is not None
        answer = await self._client.xread({STREAM: _text(self._position)}, count=READ_AT_ONCE, block=BLOCK_MILLISECONDS)
        for _stream, entries in answer or ():
            for entry in entries:
                self._position = parse_id(entry[0])
                hint = _hint(entry)
                if hint is not None:
                    self._fan_out(hint)

    def _fan_out(self, item: Hint | Signal) -> None:
        slow = [listener for listener in self._listeners if not listener.offer(item)]
        for listener in slow:
            logger.info("a live listener was too slow and is dropped")
            self._listeners.discard(listener)

    def _say_trouble(self, problem: Exception) -> None:
        if not self._in_trouble:
            logger.warning("live feed unreadable, boards poll meanwhile: %s", problem)
            self._in_trouble = True
            self._fan_out(Signal("trouble"))
        self._positioned.set()

    def _say_recovered(self) -> None:
        if self._in_trouble:
            logger.info("live feed readable again")
            self._in_trouble = False
            self._fan_out(Signal("recovered"))
        self._positioned.set()


def parse_id(text: str) -> StreamId:
    """`"1700000000000-3"` → (1700000000000, 3). Raises ValueError for anything else."""
    milliseconds, _, sequence = text.partition("-")
    if not (milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) <= 20):
        raise ValueError(text)
    if sequence and not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 20):
        raise ValueError(text)
    return int(milliseconds), int(sequence or 0)


def _text(stream_id: StreamId) -> str:
    return f"{stream_id[0]}-{stream_id[1]}"


def _hint(entry: tuple[str, dict[str, str]]) -> Hint | None:
    """A hint of one entry, None for one that cannot be understood: a bad line must not end everybody's feed."""
    stream_id, raw = entry
    try:
        fields: dict[str, Any] = {name: int(raw.get(name) or 0) for name in NUMBERS} | {"kind": raw.get("kind", "")}
    except (TypeError, ValueError):
        logger.warning("feed entry %s is not a hint", stream_id)
        return None
    told = {"issue": fields["issue"], "version": fields["version"], "kind": fields["kind"]}
    return Hint(parse_id(stream_id), fields, f"id: {stream_id}\ndata: {json.dumps(told)}\n\n".encode())
