"""The way from the event loop into Django's threads and back."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from io import BytesIO
from typing import Any

import pytest
from django.http import HttpResponse

from apps.common.one_port import BODY, Message, OnePort, Scope
from apps.common.pages import PIECE, WAITING_PIECES, Pages, WSGIApplication

FLAG: ContextVar[str] = ContextVar("flag", default="")


class Whole(HttpResponse):
    """An answer of Django's that notes that it was closed."""

    was_closed = False

    def close(self) -> None:
        self.was_closed = True
        super().close()


def ask(app: WSGIApplication, body: bytes = b"", slow: Callable[[], Any] | None = None) -> list[Message]:
    """Send one request through the one port; return the messages of the answer."""
    answer: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if slow is not None:
            await slow()
        answer.append(message)

    async def live(scope: Scope, receive: Any, send: Any) -> None:
        raise AssertionError("a page")

    scope = {
        "type": "http",
        "path": "/页/",
        "method": "POST",
        "query_string": b"a=1",
        "http_version": "1.1",
        "headers": [(b"content-length", str(len(body)).encode()), (b"x-thing", b"one"), (b"x-thing", b"two")],
    }
    asyncio.run(OnePort(live=live, pages=Pages(app, threads=2))(scope, receive, send))
    return answer


def test_a_whole_answer_is_two_messages_and_is_closed_in_its_thread() -> None:
    response = Whole(b"")

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Whole:
        response.content = environ["wsgi.input"].read() + environ["QUERY_STRING"].encode()
        start("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return response

    assert ask(app, "正文".encode()) == [
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        },
        {"type": "http.response.body", "body": "正文a=1".encode()},
    ]
    assert response.was_closed


def test_headers_and_the_path_arrive_as_wsgi_wants_them() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Callable[..., object]) -> HttpResponse:
        seen.update(environ)
        start("200 OK", [])
        return HttpResponse()

    ask(app)
    assert seen["PATH_INFO"].encode("latin1").decode() == "/页/"
    assert seen["HTTP_X_THING"] == "one,two"


def test_a_stream_arrives_whole_in_larger_pieces() -> None:
    parts = [bytes([number % 256]) * 4096 for number in range(100)]

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterator[bytes]:
        start("200 OK", [])
        return iter(parts)

    start, *pieces, end = ask(app)
    assert start["status"] == 200
    assert b"".join(piece["body"] for piece in pieces) == b"".join(parts)
    assert len(pieces) == -(-len(parts) * 4096 // PIECE)
    assert (end["body"], end.get("more_body", False)) == (b"", False)


def test_a_slow_reader_holds_no_thread_while_little_waits() -> None:
    made = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterator[bytes]:
        start("200 OK", [])
        for _ in range(WAITING_PIECES // 2):
            yield b"x" * PIECE
        made.set()

    async def slow() -> None:
        await asyncio.to_thread(made.wait, 10)  # the first byte leaves only when the thread is free again

    assert sum(len(message.get("body", b"")) for message in ask(app, slow=slow)) == WAITING_PIECES // 2 * PIECE
    assert made.is_set()


def test_an_endless_stream_waits_for_its_reader() -> None:
    ahead: list[int] = []
    made, read = 0, 0

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterator[bytes]:
        nonlocal made
        start("200 OK", [])
        for _ in range(4 * WAITING_PIECES):
            made += 1
            yield b"x" * PIECE

    async def slow() -> None:
        nonlocal read
        read += 1
        await asyncio.sleep(0.002)
        ahead.append(made - read)

    ask(app, slow=slow)
    assert max(ahead) <= WAITING_PIECES + 2


@pytest.mark.parametrize("pieces", [1, WAITING_PIECES, 4 * WAITING_PIECES])
def test_a_reader_that_takes_nothing_more_gives_the_thread_back(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr("apps.common.pages.PIECE_SECONDS", 0.2)
    closed = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterator[bytes]:
        start("200 OK", [])
        try:
            for _ in range(pieces):
                yield b"x" * PIECE
        finally:
            closed.set()

    async def never() -> None:
        await asyncio.Event().wait()

    assert ask(app, slow=never) == []
    assert closed.is_set()


def test_stalled_readers_leave_half_of_the_threads_to_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.pages.CROWDED_SECONDS", 0.2)
    took: list[str] = []

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Any:
        start("200 OK", [])
        return HttpResponse("page") if environ["PATH_INFO"] == "/" else (b"x" * PIECE for _ in range(99))

    async def crowd() -> None:
        pages = Pages(app, threads=4)

        async def ask_for(path: str, send: Any) -> None:
            scope = {"type": "http", "path": path, "method": "GET", "query_string": b"", "http_version": "1.1"}
            await pages({**scope, "headers": [], BODY: BytesIO()}, stay, send)

        async def stay() -> Message:
            await asyncio.Event().wait()
            raise AssertionError("nobody rings")

        async def never(message: Message) -> None:
            await asyncio.Event().wait()

        async def take(message: Message) -> None:
            took.append(message["type"])

        stalled = []
        for _ in range(4):
            stalled.append(asyncio.create_task(ask_for("/long", never)))
            await asyncio.sleep(0.05)
        await asyncio.wait_for(ask_for("/", take), 5)
        done, waiting = await asyncio.wait(stalled, timeout=0.5)
        assert (len(done), len(waiting)) == (2, 2)  # who began before the crowd takes its time
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await asyncio.sleep(0.2)  # their threads hear of it with their next piece

    asyncio.run(crowd())
    assert took == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("before", [0, 3])
def test_what_breaks_in_the_application_reaches_the_server(before: int) -> None:
    closed = threading.Event()

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(before):
                yield b"x" * PIECE
            raise ValueError("broken")

        def close(self) -> None:
            closed.set()

    def app(environ: dict[str, Any], start: Callable[..., object]) -> Broken:
        start("200 OK", [])
        return Broken()

    with pytest.raises(ValueError, match="broken"):
        ask(app)
    assert closed.is_set()


def test_the_thread_sees_the_context_of_its_request() -> None:
    def app(environ: dict[str, Any], start: Callable[..., object]) -> HttpResponse:
        start("200 OK", [])
        return HttpResponse(FLAG.get())

    token = FLAG.set("here")
    try:
        assert ask(app)[1]["body"] == b"here"
    finally:
        FLAG.reset(token)
