"""A worker that dies between sending and noting it sends a second time, under the same id; and then never again."""

from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from apps.common import clock, processes, queue
from apps.common.embedded.servers import wait_for
from apps.notices.channels.signatures import is_genuine
from apps.notices.models import Delivery
from apps.notices.services.delivery import DELIVER, LEASE, Delivered, deliver_waiting
from tests.factories import build_town
from tests.notices.receivers import listening
from tests.notices.wishes import LOOPBACK, endpoint, stand, tell
from tests.processes import ProductProcess

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def test_a_worker_killed_while_the_other_side_has_the_message_sends_it_once_more(
    transactional_db: None,
    broker: redis.Redis,
    test_environment: dict[str, str],
    tmp_path: Path,
    settings: Settings,
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    environment = {**test_environment, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    worker = ProductProcess(processes.worker(concurrency=1), environment=environment, output=tmp_path / "worker.log")
    town = build_town()
    with listening() as listener:
        made = endpoint(f"{listener.url}/gate")
        tell(town.people.leader, now=clock.now())
        worker.start(lambda: " ready." in worker.said())
        queue.after_commit(DELIVER)
        try:
            assert wait_for(lambda: bool(listener.received), 20), worker.said()
        finally:
            worker.kill()
        assert stand("state", "attempts") == [("waiting", 1)]
        listener.gate.set()
        now = clock.now()
        assert deliver_waiting(now=now) == Delivered()  # the dead one's lease still runs
        assert deliver_waiting(now=now + LEASE) == Delivered(sent=1)
        assert deliver_waiting(now=now + 2 * LEASE) == Delivered()
        first, second = listener.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(Delivery.objects.get().key)
        assert first.body == second.body
        for request in (first, second):
            at = clock.now() if request is first else now + LEASE
            assert is_genuine(headers=request.headers, body=request.body, secret=made.secret, now=at)
