"""A worker that dies in the middle of its work leaves everything as it was; the next one does it, once."""

from datetime import timedelta

import pytest
import redis
from django.db import connection

from apps.common import clock, queue
from apps.common.embedded.servers import wait_for
from apps.issues.models import Handover, Issue, IssueEvent, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.routing import route_waiting
from tests.factories import build_town
from tests.issues.reports import broken_chains, filed, refused_by_the_database
from tests.processes import ProductProcess

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

COUNT = 12
LONG_AGO = clock.now() - timedelta(days=30)
MID_BATCH = 2.0  # seconds for which the database holds the worker in the middle of a batch


@pytest.fixture
def waiting(transactional_db: None, broker: redis.Redis) -> list[Issue]:
    """Reports of a month ago that nobody has routed; their rings are lost, and no worker lives yet."""
    town = build_town()
    forget_catalogue()
    issues = [filed(town, town.categories.rubbish, now=LONG_AGO) for _ in range(COUNT)]
    broker.flushdb()
    return issues


def in_the_middle() -> bool:
    """Whether some other session sleeps inside our trigger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def no_other_session() -> bool:
    """Whether the database has noticed that the worker is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND state <> 'idle'"
        )
        return not cursor.fetchone()[0]


def ring_and_kill(worker: ProductProcess, task: str, condition: str) -> None:
    """Ring the task, wait until it is in the middle of its batch, and kill -9 the worker with all its children."""
    with refused_by_the_database("issues_issueevent", condition, sleep=MID_BATCH):
        queue.after_commit(task)
        assert wait_for(in_the_middle, 20), worker.said()
        worker.kill()
        assert wait_for(no_other_session, 20)


def restart(worker: ProductProcess) -> None:
    said = len(worker.said())
    worker.start(lambda: " ready." in worker.said()[said:])


def test_a_worker_killed_while_routing_routes_nothing_twice(
    waiting: list[Issue], celery_worker_process: ProductProcess
) -> None:
    ring_and_kill(celery_worker_process, "issues.route_waiting", f"NEW.issue_id = {waiting[COUNT // 2].id}")
    assert Issue.objects.filter(state=State.COLLECTED).count() == COUNT
    assert (IssueEvent.objects.count(), Handover.objects.count()) == (COUNT, COUNT)

    restart(celery_worker_process)
    queue.after_commit("issues.sweep")  # as beat rings it every half minute
    assert wait_for(lambda: not Issue.objects.filter(state=State.COLLECTED).exists(), 20), celery_worker_process.said()
    assert IssueEvent.objects.count() == COUNT * 4
    assert Handover.objects.count() == COUNT * 4
    assert route_waiting(now=clock.now()) == 0
    assert broken_chains() == []
    assert check_invariants(now=clock.now()).findings == []


def test_a_worker_killed_while_sweeping_moves_nothing_twice(
    waiting: list[Issue], celery_worker_process: ProductProcess
) -> None:
    route_waiting(now=LONG_AGO)
    ring_and_kill(
        celery_worker_process,
        "issues.sweep",
        f"NEW.kind = 'escalate' AND NEW.issue_id = {waiting[COUNT // 2].id}",
    )
    done = dict.fromkeys(("remind", "overdue"), COUNT)  # the batches before the kill were committed
    assert {kind: IssueEvent.objects.filter(kind=kind).count() for kind in done} == done
    assert not IssueEvent.objects.filter(kind="escalate").exists()

    restart(celery_worker_process)
    queue.after_commit("issues.sweep")
    moved = IssueEvent.objects.filter(kind="escalate")
    assert wait_for(lambda: moved.count() == COUNT, 20), celery_worker_process.said()
    assert {kind: IssueEvent.objects.filter(kind=kind).count() for kind in done} == done
    assert moved.values("issue").distinct().count() == COUNT
    assert broken_chains() == []
    assert check_invariants(now=clock.now()).findings == []
