"""One ASGI root for one port: the live feed in the event loop, pages in threads.

A page's thread must never wait for a slow phone, or eight slow uploads would stop the site. So a request's body is
read here, in the event loop, into memory and then a temporary file, and only a complete one is given a thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]  # every framework types its three arguments its own way

LIVE_PREFIX = "/live/"
BODY = "grid_mgmt.body"  # in the scope: the whole body as a file, for pages that would rather read than receive
BODY_BYTES = 32 * 2**20  # the largest body anybody may send: a photo, with room to spare
BODY_IN_MEMORY = 256 * 2**10
BODY_DISCARDED = 256 * 2**20  # read past the limit up to here, so that the sender hears the answer
SILENCE_SECONDS = 30.0  # between two pieces of a body
PIECE = 2**20


class BodyTooLarge(Exception):
    """The body is larger than anybody needs to send."""


class SenderSilent(Exception):
    """The sender stopped in the middle of the body."""


class SenderGone(Exception):
    """The sender closed the connection in the middle of the body."""


class OnePort:
    """Hands `/live/` to `live` and every other path to `pages`; answers the lifespan messages itself.

    `warm_up` runs before the process takes its first request.
    """

    def __init__(
        self, *, live: Application, pages: Application, warm_up: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self.live = live
        self.pages = pages
        self.warm_up = warm_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"].startswith(LIVE_PREFIX):
            await self.live(_without_lookalikes(scope), receive, send)
        else:
            await self._page(_without_lookalikes(scope), receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup" and self.warm_up is not None:
                await self.warm_up()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        with SpooledTemporaryFile(max_size=BODY_IN_MEMORY) as body:
            try:
                if _has_body(scope):
                    await _read_body(receive, body)
            except BodyTooLarge:
                await _refuse(
                    send, 413, f"超过 {BODY_BYTES >> 20} MB，无法上传。More than {BODY_BYTES >> 20} MB was sent."
                )
            except SenderSilent:
                await _refuse(send, 408, "上传中断，请重试。The upload stopped halfway; please try again.")
            except SenderGone:
                return
            else:
                body.seek(0)
                await self.pages({**scope, BODY: body}, _replay(body), send)


def _without_lookalikes(scope: Scope) -> Scope:
    """Drop headers with an underscore: `X_Forwarded_Proto` would pass for the one that only the proxy may set."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if b"_" not in name]}


def _has_body(scope: Scope) -> bool:
    names = {name for name, _value in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


async def _read_body(receive: Receive, body: IO[bytes]) -> None:
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise SenderSilent from None
        if message["type"] == "http.disconnect":
            raise SenderGone
        piece = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size <= BODY_BYTES:
            body.write(piece)
        elif size > BODY_DISCARDED:
            raise BodyTooLarge
    if size > BODY_BYTES:
        raise BodyTooLarge


def _replay(body: IO[bytes]) -> Receive:
    async def receive() -> Message:
        piece = body.read(PIECE)
        return {"type": "http.request", "body": piece, "more_body": len(piece) == PIECE}

    return receive


async def _refuse(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
