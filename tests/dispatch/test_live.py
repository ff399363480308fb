"""`/live/` through the real site with a real session, and as the ASGI application that the site runs."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from apps.common.feed import STREAM
from apps.dispatch import hub, live
from apps.dispatch.live import LiveFeed
from apps.staff.models import Post, User
from tests.factories import Town


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The feed's threads keep their database connections; each test has threads of its own and ends them."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as threads:
        monkeypatch.setattr(live, "threads", threads)
        yield
        threads.submit(connections.close_all).result()


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


def publish(broker: Any, issue: int, grid: int, department: int = 0) -> str:
    entry = {"kind": "sign", "issue": issue, "version": 2, "district": 0, "grid": grid, "department": department}
    return str(broker.xadd(STREAM, {**entry, "holder_grid": grid}).decode())


class Tab:
    """One open stream, driven the way a server drives an ASGI application."""

    def __init__(self, feed: LiveFeed, session: str, headers: dict[str, str], reads: bool = True) -> None:
        cookies = {"cookie": f"sessionid={session}"} if session else {}
        names = {**cookies, **headers}.items()
        self.scope = {
            "type": "http",
            "path": "/live/",
            "method": "GET",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in names],
        }
        self.feed = feed
        self.reads = reads
        self.status = 0
        self.text = ""
        self.is_ended = False
        self.left = asyncio.Event()
        self.news = asyncio.Event()

    async def run(self) -> None:
        await self.feed(self.scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message["body"].decode()
            self.is_ended = not message.get("more_body", False)
        self.news.set()
        while not self.reads and "data:" in self.text:
            await asyncio.sleep(3600)  # the network takes no more

    async def until(self, holds: Callable[[], bool], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.news.clear()
                await self.news.wait()

    def issues(self) -> list[int]:
        lines = (line for line in self.text.splitlines() if line.startswith('data: {"issue"'))
        return [json.loads(line[6:])["issue"] for line in lines]


@asynccontextmanager
async def opened(feed: LiveFeed, session: str, *, reads: bool = True, **headers: str) -> Any:
    """A tab whose stream runs and is known to the hub."""
    tab = Tab(feed, session, {name.replace("_", "-"): value for name, value in headers.items()}, reads)
    running = asyncio.create_task(tab.run())
    await tab.until(lambda: bool(tab.text) or tab.is_ended)
    await asyncio.sleep(0.1)
    yield tab
    tab.left.set()
    await asyncio.wait_for(running, 5)


def play(scene: Callable[[LiveFeed], Coroutine[Any, Any, None]], url: str | None = None) -> None:
    async def run() -> None:
        feed = LiveFeed(url)
        try:
            await scene(feed)
        finally:
            await feed.hub.close()

    asyncio.run(run())


def test_a_dispatcher_hears_of_the_district_and_of_nothing_else(
    transactional_db: None, broker: Any, town: Town
) -> None:
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session) as tab:
            publish(broker, issue=1, grid=town.far_cell.id)
            publish(broker, issue=2, grid=town.cell.id)
            await tab.until(lambda: tab.issues() == [2])

    play(scene)


def test_a_listener_resumes_after_the_last_event_it_names(transactional_db: None, broker: Any, town: Town) -> None:
    session = session_of(town.people.dispatcher)
    seen = publish(broker, issue=1, grid=town.cell.id)
    publish(broker, issue=2, grid=town.far_cell.id)
    newest = publish(broker, issue=3, grid=town.cell.id)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session, last_event_id=seen) as tab:
            await tab.until(lambda: tab.issues() == [3])
            assert f"id: {newest}" in tab.text
            publish(broker, issue=4, grid=town.cell.id)
            await tab.until(lambda: tab.issues() == [3, 4])

    play(scene)


def test_a_tab_that_takes_the_stream_over_names_the_last_event_in_the_address(
    transactional_db: None, broker: Any, town: Town
) -> None:
    session = session_of(town.people.dispatcher)
    seen = publish(broker, issue=1, grid=town.cell.id)
    publish(broker, issue=2, grid=town.cell.id)

    async def scene(feed: LiveFeed) -> None:
        tab = Tab(feed, session, {})
        tab.scope["query_string"] = f"after={seen}".encode()
        running = asyncio.create_task(tab.run())
        await tab.until(lambda: tab.issues() == [2])
        tab.left.set()
        await running

    play(scene)


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/live/", "GET", 401), ("/live/", "POST", 405), ("/live/x", "GET", 404)]
)
def test_nobody_listens_without_signing_in(transactional_db: None, path: str, method: str, status: int) -> None:
    async def scene(feed: LiveFeed) -> None:
        for session in ("", "made-up"):
            tab = Tab(feed, session, {})
            tab.scope |= {"path": path, "method": method}
            await asyncio.wait_for(tab.run(), 5)
            assert (tab.status, tab.text, tab.is_ended) == (status, "", True)

    play(scene)


def test_silence_is_broken_by_beats(
    transactional_db: None, broker: Any, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session) as tab:
            await tab.until(lambda: tab.text.count("event: beat") >= 2)

    play(scene)


def test_a_stream_ends_when_its_reader_signs_out(
    transactional_db: None, broker: Any, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(live, "RECHECK_SECONDS", 0.1)
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session) as tab:
            assert not tab.is_ended
            await asyncio.to_thread(_in_own_connection, Session.objects.filter(session_key=session).delete)
            await tab.until(lambda: tab.is_ended)

    play(scene)


def test_a_reader_whose_post_ends_hears_no_more(
    transactional_db: None, broker: Any, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(live, "RECHECK_SECONDS", 0.1)
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session) as tab:
            publish(broker, issue=1, grid=town.cell.id)
            await tab.until(lambda: tab.issues() == [1])
            mine = Post.objects.filter(user=town.people.dispatcher)
            await asyncio.to_thread(_in_own_connection, mine.delete)
            beats = tab.text.count("beat")
            await tab.until(lambda: tab.text.count("beat") > beats + 8)
            publish(broker, issue=2, grid=town.cell.id)
            await asyncio.sleep(0.3)
            assert tab.issues() == [1]
            assert not tab.is_ended

    play(scene)


def test_a_reader_that_takes_nothing_is_let_go(
    transactional_db: None, broker: Any, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", 0.3)
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        tab = Tab(feed, session, {}, reads=False)
        running = asyncio.create_task(tab.run())
        await tab.until(lambda: bool(tab.text))
        await asyncio.sleep(0.1)
        for number in range(hub.WAITING_HINTS * 2):
            publish(broker, issue=number, grid=town.cell.id)
        await asyncio.wait_for(running, 5)
        assert feed.hub.listener_count == 0

    play(scene)


def test_without_redis_the_reader_is_told_to_poll(transactional_db: None, town: Town) -> None:
    session = session_of(town.people.dispatcher)

    async def scene(feed: LiveFeed) -> None:
        async with opened(feed, session) as tab:
            await tab.until(lambda: "event: trouble" in tab.text)
            assert tab.status == 200
            assert not tab.is_ended

    play(scene, "unix:///nowhere/valkey.sock")


def test_the_real_site_streams(town: Town, live_site: str, broker: Any) -> None:
    seen = publish(broker, issue=1, grid=town.cell.id)
    publish(broker, issue=2, grid=town.cell.id)
    cookies = {"sessionid": session_of(town.people.dispatcher)}
    headers = {"Last-Event-ID": seen}
    with httpx.stream("GET", f"{live_site}/live/", cookies=cookies, headers=headers, timeout=10) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-store"
        data = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        assert next(data) == {"issue": 2, "version": 2, "kind": "sign"}
        began = time.perf_counter()
        publish(broker, issue=3, grid=town.cell.id)
        assert next(data)["issue"] == 3
        assert time.perf_counter() - began < 1


def _in_own_connection(change: Callable[[], object]) -> None:
    try:
        change()
    finally:
        connections.close_all()
