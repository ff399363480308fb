"""`/live/`: the feed as server-sent events, a small ASGI application of its own.

It is not a Django view: under Django's ASGI handler every open stream would keep a thread (and, once the session was
read there, a database connection) for as long as the board is open. Here a listener is a coroutine and a few kilobytes,
and what needs the database runs in two threads that all listeners share. Any other path goes to Django.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import Error as DatabaseTrouble
from django.db import close_old_connections
from django.http import HttpRequest, QueryDict, parse_cookie

from apps.common import clock
from apps.dispatch.hub import Dropped, Hub, Listener, StreamId, parse_id
from apps.dispatch.selectors.hints import Hears, hears_nothing, what_may_be_heard

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 60.0  # how long a stream may outlive a logout or the end of a post
SEND_SECONDS = 20.0
RETRY_MILLISECONDS = 2_000
BEAT = b"event: beat\ndata: {}\n\n"  # an event, not a comment: the page must be able to hear silence
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")


class LiveFeed:
    """ASGI application. One hub per process, made with the first listener."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._redis_url = redis_url or settings.REDIS_URL
        self._hub: Hub | None = None

    @property
    def hub(self) -> Hub:
        """The process's reader of the stream."""
        if self._hub is None:
            self._hub = Hub(self._redis_url)
        return self._hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_key = _session_key(scope)
        status, hears = await _admit(scope, session_key)
        if hears is None:
            await _refuse(send, status)
            return
        listener = Listener(hears)
        await _until_gone(receive, self._stream(listener, _resume_point(scope), session_key, send))

    async def _stream(self, listener: Listener, after: StreamId | None, session_key: str, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await _say(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            await self.hub.join(listener, after)
            await _talk(listener, session_key, send)
        except Dropped:
            logger.info("live listener was too slow")
        except TimeoutError:
            logger.info("live listener stopped reading")
        finally:
            self.hub.leave(listener)
        await _end(send)


async def _talk(listener: Listener, session_key: str, send: Send) -> None:
    """Send what is offered, a beat in every silence, and look again now and then whether the reader still may."""
    now = asyncio.get_running_loop().time
    look_again = now() + RECHECK_SECONDS
    while True:
        await _say(send, await listener.take(HEARTBEAT_SECONDS) or BEAT)
        if now() >= look_again:
            if not await _still_may(listener, session_key):
                return
            look_again = now() + RECHECK_SECONDS


async def _still_may(listener: Listener, session_key: str) -> bool:
    try:
        hears = await _authorise(session_key)
    except DatabaseTrouble:
        return True  # hints name rows nobody can read just now; ask again in a minute
    listener.hears = hears or hears_nothing
    return hears is not None


async def _admit(scope: Scope, session_key: str) -> tuple[int, Hears | None]:
    """The status of the answer and, with 200, what may be heard."""
    if scope["path"] != "/live/":
        return 404, None
    if scope["method"] != "GET":
        return 405, None
    try:
        hears = await _authorise(session_key)
    except DatabaseTrouble:
        logger.warning("live feed: database unreachable, listener refused", exc_info=True)
        return 503, None
    return (401, None) if hears is None else (200, hears)


async def _authorise(session_key: str) -> Hears | None:
    """What the session's person may hear of; None when nobody is signed in."""
    return await sync_to_async(_look_up, thread_sensitive=False, executor=threads)(session_key)


def _look_up(session_key: str) -> Hears | None:
    close_old_connections()
    try:
        request = HttpRequest()
        request.session = SessionStore(session_key)
        user = get_user(request)
        return what_may_be_heard(user.pk, clock.now()) if user.is_authenticated else None
    finally:
        close_old_connections()


async def _until_gone(receive: Receive, stream: Any) -> None:  # noqa: ANN401 - a coroutine
    """Run `stream` until it ends or the browser has closed the connection."""
    streaming = asyncio.ensure_future(stream)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({streaming, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not streaming.done():
            streaming.cancel()
        results = await asyncio.gather(streaming, return_exceptions=True)
    if isinstance(results[0], Exception):
        logger.error("live stream ended by a fault", exc_info=results[0])


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _say(send: Send, body: bytes) -> None:
    """Send a piece. Raises TimeoutError when the reader takes nothing for too long."""
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _end(send: Send) -> None:
    try:
        async with asyncio.timeout(1):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (TimeoutError, OSError):
        return


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _session_key(scope: Scope) -> str:
    cookies = parse_cookie(_header(scope, b"cookie"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def _resume_point(scope: Scope) -> StreamId | None:
    """The last id the browser saw: its header on a reconnect, `?after=` when another tab takes the stream over."""
    query = QueryDict(scope.get("query_string", b""), encoding="latin-1")
    given = _header(scope, b"last-event-id") or query.get("after") or ""
    try:
        return parse_id(given)
    except ValueError:
        return None


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
