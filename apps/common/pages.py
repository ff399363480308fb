"""Django's WSGI in threads, under an ASGI server: one crossing into a thread and one back for an answer that is whole.

a2wsgi by itself crosses five times for a small answer (the body, the start, the piece, the end, the thread), and every
crossing waits for the interpreter's lock: a quarter of the work of a light page (docs/adr/0007). Its translation of the
request is kept. Files and other streams still go piece by piece through a bounded queue.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from a2wsgi.asgi_typing import HTTPScope
from a2wsgi.wsgi import build_environ

from apps.common.one_port import BODY, Message, Receive, Scope, Send

Header = tuple[str, str]
WSGIApplication = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]

PIECE = 64 * 2**10  # Django's files come in pieces of 4 KB; each would be a crossing
WAITING_PIECES = 16  # of a stream: up to a megabyte may wait for a slow reader before it holds the thread
PIECE_SECONDS = 60.0  # the server takes a piece when the one before has mostly left: 1 KB/s is enough
CROWDED_SECONDS = 5.0  # while streams hold more than half of the threads: pages must not wait for slow readers

logger = logging.getLogger(__name__)


class ReaderGone(Exception):
    """Nothing of a stream was taken for too long; whoever reads no more must not hold a thread."""


class _Streams:
    """How many threads are held by streams just now, and how long a reader may therefore take nothing."""

    def __init__(self, threads: int) -> None:
        self._most, self.held = max(1, threads // 2), 0

    @property
    def patience(self) -> float:
        """Seconds."""
        return PIECE_SECONDS if self.held <= self._most else CROWDED_SECONDS


class Pages:
    """ASGI application. Needs the request's body as a file in the scope, as `OnePort` leaves it."""

    def __init__(self, app: WSGIApplication, threads: int) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="pages")
        self._streams = _Streams(threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = cast(dict[str, Any], build_environ(cast(HTTPScope, scope), scope[BODY]))
        answer = _Answer(self._app, environ, send, asyncio.get_running_loop(), self._streams)
        context = contextvars.copy_context()  # as a2wsgi has it
        try:
            for message in await answer.made(self._threads, context):
                await send(message)
            await answer.sent()
        except ReaderGone as gone:
            logger.warning("the reader of %s took nothing for %s s: given up", scope["path"], gone)
        except BaseException:
            answer.give_up()
            raise


class _Answer:
    """One answer. `_make` runs in a thread, everything else in the event loop."""

    def __init__(
        self,
        app: WSGIApplication,
        environ: dict[str, Any],
        send: Send,
        loop: asyncio.AbstractEventLoop,
        streams: _Streams,
    ) -> None:
        self._loop, self._streams = loop, streams
        self._app, self._environ, self._send = app, environ, send
        self._start: Message = {}
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue(WAITING_PIECES)
        self._sender: asyncio.Task[None] | None = None

    async def made(self, threads: ThreadPoolExecutor, context: contextvars.Context) -> list[Message]:
        """The messages of a whole answer; a stream is on its way, and nothing is left."""
        try:
            return await self._loop.run_in_executor(threads, context.run, self._make)
        finally:
            self._streams.held -= self._sender is not None

    def _make(self) -> list[Message]:
        body = self._app(self._environ, self._start_response)
        try:
            if getattr(body, "streaming", True):  # only an answer that says so is whole
                self._stream(body)
                return []
            return [self._start, {"type": "http.response.body", "body": b"".join(body)}]
        finally:
            getattr(body, "close", lambda: None)()

    async def sent(self) -> None:
        """Wait until a stream has left."""
        if self._sender is not None:
            await self._queue.put(None)
            await self._sender

    def give_up(self) -> None:
        """Nothing more will come of a stream that broke."""
        if self._sender is not None:
            self._sender.cancel()

    def _start_response(self, status: str, headers: list[Header], exc_info: object = None) -> Callable[[bytes], None]:
        self._start = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers],
        }
        return _no_write

    def _stream(self, body: Iterable[bytes]) -> None:
        self._put(self._start)
        for piece in _pieces(body):
            self._put({"type": "http.response.body", "body": piece, "more_body": True})
        self._put({"type": "http.response.body", "body": b""})

    def _put(self, message: Message) -> None:
        asyncio.run_coroutine_threadsafe(self._enqueue(message), self._loop).result()

    async def _enqueue(self, message: Message) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
            self._streams.held += 1
        if self._sender.done():
            self._sender.result()  # raises what ended it
        await self._queue.put(message)

    async def _send_all(self) -> None:
        patience = PIECE_SECONDS
        try:
            while (message := await self._queue.get()) is not None:
                patience = self._streams.patience
                async with asyncio.timeout(patience):
                    await self._send(message)
        except TimeoutError as stalled:
            raise ReaderGone(patience) from stalled
        finally:
            while not self._queue.empty():  # a thread that waits for room must hear of the end
                self._queue.get_nowait()


def _no_write(_data: bytes) -> None:
    raise NotImplementedError("the old write() of WSGI; Django never calls it")


def _pieces(body: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger pieces."""
    gathered = bytearray()
    for chunk in body:
        gathered += chunk
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
