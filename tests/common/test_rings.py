"""Whether a ring waits is asked over a thread's own line; a line that broke is laid anew."""

from threading import Thread

import pytest
import redis

from apps.common import queue

TASK = "tests.no_such_task"
KEY = f"ring:{TASK}"


@pytest.fixture
def rung(broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were rung, by name."""
    names: list[str] = []
    monkeypatch.setattr(queue, "_ring", lambda task, _ids: names.append(task))
    broker.delete(KEY)
    return names


def test_rings_coalesce_until_one_is_answered(broker: redis.Redis, rung: list[str]) -> None:
    queue._ring_once(TASK)
    queue._ring_once(TASK)
    assert rung == [TASK]
    assert 0 < int(str(broker.pttl(KEY))) <= queue.RING_MILLISECONDS
    queue.answer_ring(TASK)
    queue._ring_once(TASK)
    assert rung == [TASK, TASK]


def test_a_line_that_the_broker_closed_is_laid_anew(broker: redis.Redis, rung: list[str]) -> None:
    queue._ring_once(TASK)
    broker.client_kill_filter(_type="normal", skipme=True)
    queue.answer_ring(TASK)
    queue._ring_once(TASK)
    assert rung == [TASK, TASK]


def test_threads_do_not_share_a_line(broker: redis.Redis, rung: list[str]) -> None:
    lines: list[object] = []

    def ring() -> None:
        queue._ring_once(TASK)
        lines.append(queue._line.connection)

    for _ in range(2):
        thread = Thread(target=ring)
        thread.start()
        thread.join()
    assert rung == [TASK]
    assert lines[0] is not lines[1]


def test_without_a_broker_nothing_is_rung_and_nothing_is_raised(
    rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "redis_client", lambda: redis.Redis.from_url("redis://127.0.0.1:1/0"))
    monkeypatch.setattr(queue, "_line", queue._Line())
    queue._ring_once(TASK)
    assert rung == []
