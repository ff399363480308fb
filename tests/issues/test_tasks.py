"""The doorbells: known by name, answered by a real worker, safe to ring twice."""

import json
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection

from apps.common import heartbeat, queue
from apps.common.clock import now
from apps.common.embedded.servers import wait_for
from apps.issues.models import Issue, IssueEvent, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.tasks import ROUTE_WAITING, SWEEP, record_late, route_waiting, sweep
from grid_mgmt.celery import app
from tests.factories import Town, build_town
from tests.issues.reports import filed, story
from tests.processes import ProductProcess


def test_every_bell_that_is_rung_by_name_exists() -> None:
    app.loader.import_default_modules()
    rung = {ROUTE_WAITING, SWEEP} | {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert rung <= set(app.tasks)


def test_ringing_twice_routes_once(town: Town, broker: redis.Redis) -> None:
    forget_catalogue()
    filed(town, town.categories.noise)
    route_waiting()
    route_waiting()
    assert IssueEvent.objects.filter(kind="assign").count() == 1


def test_a_ring_is_answered_before_the_work_so_that_the_next_report_rings_again(
    town: Town, broker: redis.Redis
) -> None:
    broker.set("ring:issues.route_waiting", 1)
    route_waiting()
    assert not broker.exists("ring:issues.route_waiting")


@pytest.mark.parametrize(("count", "rings"), [(1, 0), (5, 1)])
def test_what_a_short_turn_of_routing_leaves_rings_again(
    town: Town, broker: redis.Redis, django_capture_on_commit_callbacks: Any, count: int, rings: int
) -> None:
    forget_catalogue()
    for _ in range(count):
        filed(town, town.categories.noise)
    with django_capture_on_commit_callbacks(execute=True):
        route_waiting(batch=2, most_batches=2)
    rung = [json.loads(message)["headers"]["task"] for message in broker.lrange(app.conf.task_default_queue, 0, -1)]
    assert rung.count(ROUTE_WAITING) == rings


def test_a_sweep_leaves_a_sign_of_life_and_no_lock(town: Town, broker: redis.Redis) -> None:
    sweep()
    age = heartbeat.age("sweep", now())
    assert age is not None
    assert age.total_seconds() < 30
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


def test_putting_on_record_leaves_a_sign_of_life(town: Town, broker: redis.Redis) -> None:
    assert heartbeat.age("record_late", now()) is None
    record_late()
    assert heartbeat.age("record_late", now()) is not None


@pytest.fixture
def standing_town(transactional_db: None, broker: redis.Redis) -> Town:
    """There before the worker starts, which keeps the catalogue it first saw for five seconds."""
    town = build_town()
    forget_catalogue()
    return town


@pytest.mark.django_db(transaction=True)
def test_a_filed_report_is_routed_by_the_worker_on_its_own(
    standing_town: Town, celery_worker_process: ProductProcess
) -> None:
    town = standing_town
    issues = [filed(town, town.categories.rubbish, now=now()) for _ in range(3)]
    assert wait_for(lambda: not Issue.objects.filter(state=State.COLLECTED).exists(), 20), celery_worker_process.said()
    assert [story(issue)[-1] for issue in issues] == [("report_up", "escalated", town.district.id)] * 3
    assert list(Issue.objects.values_list("version", flat=True)) == [4, 4, 4]
    queue.after_commit(ROUTE_WAITING)  # a bell rung for nothing
    assert wait_for(lambda: celery_worker_process.said().count("issues.route_waiting") >= 2, 10)
    assert IssueEvent.objects.count() == 3 * 4
