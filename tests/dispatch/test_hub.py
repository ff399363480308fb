"""The reader of the stream and its listeners, on a real Valkey."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
import redis
from django.conf import settings

from apps.common.feed import STREAM
from apps.dispatch import hub as hubs
from apps.dispatch.hub import Dropped, Hub, Listener, parse_id


def add(broker: Any, issue: int, district: int = 1) -> str:
    entry = {"kind": "file", "issue": issue, "version": 1, "district": district, "grid": 7, "department": 0}
    return str(broker.xadd(STREAM, {**entry, "holder_grid": 7}).decode())


def everything(_fields: Mapping[str, Any]) -> bool:
    return True


def run(scene: Callable[[Hub], Coroutine[Any, Any, None]], url: str | None = None) -> None:
    async def play() -> None:
        hub = Hub(url or settings.REDIS_URL)
        try:
            async with asyncio.timeout(20):
                await scene(hub)
        finally:
            await hub.close()

    asyncio.run(play())


async def issues_heard(listener: Listener, count: int) -> list[int]:
    """The issues of the next `count` hints."""
    heard: list[int] = []
    while len(heard) < count:
        text = (await listener.take(5)).decode()
        assert text, f"silence after {heard}"
        heard += [json.loads(line[6:])["issue"] for line in text.splitlines() if line.startswith('data: {"issue')]
    return heard


def test_every_listener_hears_what_is_published_after_it_joined(broker: Any) -> None:
    add(broker, issue=1)

    async def scene(hub: Hub) -> None:
        first, second = Listener(everything), Listener(everything)
        await hub.join(first, None)
        await hub.join(second, None)
        add(broker, issue=2)
        add(broker, issue=3)
        assert await issues_heard(first, 2) == [2, 3]
        assert await issues_heard(second, 2) == [2, 3]

    run(scene)


def test_a_listener_hears_only_what_its_reader_may_know(broker: Any) -> None:
    async def scene(hub: Hub) -> None:
        listener = Listener(lambda fields: fields["district"] == 5)
        await hub.join(listener, None)
        add(broker, issue=1, district=4)
        add(broker, issue=2, district=5)
        assert await issues_heard(listener, 1) == [2]
        assert await listener.take(0.2) == b""

    run(scene)


def test_a_listener_that_comes_back_hears_exactly_what_it_missed(broker: Any) -> None:
    seen = add(broker, issue=1)
    add(broker, issue=2)
    add(broker, issue=3)

    async def scene(hub: Hub) -> None:
        stays, returns = Listener(everything), Listener(everything)
        await hub.join(stays, None)
        await hub.join(returns, parse_id(seen))
        add(broker, issue=4)
        assert await issues_heard(returns, 3) == [2, 3, 4]
        assert await issues_heard(stays, 1) == [4]
        assert await returns.take(0.2) == b""

    run(scene)


def test_coming_back_while_much_is_published_loses_and_doubles_nothing(broker: Any) -> None:
    seen = add(broker, issue=0)

    async def scene(hub: Hub) -> None:
        publishing = asyncio.create_task(asyncio.to_thread(lambda: [add(broker, issue=n) for n in range(1, 201)]))
        returning = []
        for _ in range(5):
            listener = Listener(everything)
            await hub.join(listener, parse_id(seen))
            returning.append(asyncio.create_task(issues_heard(listener, 200)))
            await asyncio.sleep(0.003)
        await publishing
        for heard in await asyncio.gather(*returning):
            assert heard == list(range(1, 201))

    run(scene)


def test_a_listener_away_for_too_long_is_told_to_read_everything_again(broker: Any) -> None:
    seen = add(broker, issue=1)
    for number in range(10):
        add(broker, issue=number)
    broker.xtrim(STREAM, maxlen=3, approximate=False)

    async def scene(hub: Hub) -> None:
        listener = Listener(everything)
        await hub.join(listener, parse_id(seen))
        assert await listener.take(1) == b"event: reset\ndata: {}\n\n"

    run(scene)


def test_a_slow_listener_is_dropped_and_holds_up_nobody(broker: Any) -> None:
    async def scene(hub: Hub) -> None:
        slow, quick = Listener(everything), Listener(everything)
        await hub.join(slow, None)
        await hub.join(quick, None)
        heard: list[int] = []
        for number in range(hubs.WAITING_HINTS + 20):
            add(broker, issue=number)
            heard += await issues_heard(quick, 1)
        assert heard == list(range(hubs.WAITING_HINTS + 20))
        with pytest.raises(Dropped):
            await slow.take(1)
        assert hub.listener_count == 1

    run(scene)


def test_a_line_that_is_no_hint_ends_nobodys_feed(broker: Any) -> None:
    async def scene(hub: Hub) -> None:
        listener = Listener(everything)
        await hub.join(listener, None)
        broker.xadd(STREAM, {"issue": "not a number"})
        add(broker, issue=2)
        assert await issues_heard(listener, 1) == [2]

    run(scene)


def test_listeners_are_told_when_the_feed_breaks_and_when_it_is_back(private_servers: Callable[[], Any]) -> None:
    valkey = private_servers().valkey
    client = redis.Redis.from_url(valkey.url(0))

    async def scene(hub: Hub) -> None:
        listener = Listener(everything)
        await hub.join(listener, None)
        add(client, issue=1)
        assert await issues_heard(listener, 1) == [1]
        await asyncio.to_thread(valkey.stop)
        assert await listener.take(10) == b"event: trouble\ndata: {}\n\n"
        late = Listener(everything)
        await hub.join(late, None)
        assert await late.take(1) == b"event: trouble\ndata: {}\n\n"
        await asyncio.to_thread(valkey.start, lambda _text: None)
        assert await listener.take(10) == b"event: recovered\ndata: {}\n\n"
        add(client, issue=2)
        assert await issues_heard(listener, 1) == [2]

    run(scene, valkey.url(0))


def test_the_last_listener_to_leave_ends_the_reading(broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "BLOCK_MILLISECONDS", 100)

    async def scene(hub: Hub) -> None:
        listener = Listener(everything)
        await hub.join(listener, None)
        assert "feed reader" in {task.get_name() for task in asyncio.all_tasks()}
        hub.leave(listener)
        await asyncio.sleep(0.3)
        assert "feed reader" not in {task.get_name() for task in asyncio.all_tasks()}

    run(scene)


@pytest.mark.parametrize("text", ["", "abc", "1-x", "-1", "1-2-3", "١-0", "9" * 30])
def test_nonsense_is_no_stream_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_id(text)
