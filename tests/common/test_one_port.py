import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from apps.common import one_port
from apps.common.one_port import BODY_BYTES, Message, OnePort, Receive, Scope, Send


class Recorder:
    """An ASGI application that keeps what it was given."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        more = True
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


def run(application: Coroutine[Any, Any, None]) -> None:
    asyncio.run(application)


def exchange(
    path: str, pieces: list[Message], headers: list[tuple[bytes, bytes]]
) -> tuple[Recorder, Recorder, list[Message]]:
    """Send one request through the door; return the live side, the pages' side and the answer."""
    live, pages, answer = Recorder(), Recorder(), []
    waiting = iter(pieces)

    async def receive() -> Message:
        try:
            return next(waiting)
        except StopIteration:
            await asyncio.sleep(3600)
            raise

    async def send(message: Message) -> None:
        answer.append(message)

    scope = {"type": "http", "path": path, "headers": headers, "method": "POST"}
    run(OnePort(live=live, pages=pages)(scope, receive, send))
    return live, pages, answer


def piece(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


LENGTH = [(b"content-length", b"1")]


@pytest.mark.parametrize(("path", "side"), [("/live/board/", 0), ("/live", 1), ("/", 1), ("/board/live/", 1)])
def test_only_the_feed_goes_to_the_event_loop(path: str, side: int) -> None:
    sides = exchange(path, [piece(b"")], LENGTH)
    assert [len(one.scopes) for one in sides[:2]] == [1 - side, side]


def test_a_page_gets_the_whole_body_in_order() -> None:
    pieces = [piece(bytes([n]) * 700_000, more=True) for n in range(5)]
    _live, pages, answer = exchange("/m/report", [*pieces, piece(b"end")], LENGTH)
    assert pages.body == b"".join(one["body"] for one in pieces) + b"end"
    assert answer[0]["status"] == 200


def test_a_request_without_a_body_is_not_waited_for() -> None:
    _live, pages, _answer = exchange("/", [], [])
    assert pages.body == b""


def test_too_much_is_refused_after_it_was_heard_out() -> None:
    lump = bytes(BODY_BYTES // 2)
    heard = [piece(lump, more=True), piece(lump, more=True), piece(b"x", more=True), piece(b"end")]
    _live, pages, answer = exchange("/m/report", heard, LENGTH)
    assert not pages.scopes
    assert answer[0]["status"] == 413
    assert "32 MB" in answer[1]["body"].decode()


def test_exactly_the_limit_is_accepted() -> None:
    _live, pages, _answer = exchange("/m/report", [piece(bytes(BODY_BYTES))], LENGTH)
    assert len(pages.body) == BODY_BYTES


def test_a_sender_who_falls_silent_is_told_so_and_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_port, "SILENCE_SECONDS", 0.05)
    _live, pages, answer = exchange("/m/report", [piece(b"half", more=True)], LENGTH)
    assert not pages.scopes
    assert answer[0]["status"] == 408


def test_a_sender_who_leaves_gets_no_page() -> None:
    _live, pages, answer = exchange("/m/report", [piece(b"half", more=True), {"type": "http.disconnect"}], LENGTH)
    assert not pages.scopes
    assert not answer


def test_a_header_that_passes_for_another_is_dropped() -> None:
    headers = [(b"x_forwarded_proto", b"https"), (b"x-request-id", b"abc")]
    _live, pages, _answer = exchange("/", [], headers)
    assert pages.scopes[0]["headers"] == [(b"x-request-id", b"abc")]


def test_a_process_warms_up_before_it_says_that_it_has_started() -> None:
    answer: list[str] = []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        return {"type": next(asked)}

    async def send(message: Message) -> None:
        answer.append(message["type"])

    async def warm_up() -> None:
        answer.append("warm")

    run(OnePort(live=Recorder(), pages=Recorder(), warm_up=warm_up)({"type": "lifespan"}, receive, send))
    assert answer == ["warm", "lifespan.startup.complete", "lifespan.shutdown.complete"]
