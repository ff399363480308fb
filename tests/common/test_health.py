from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.common import heartbeat, queue
from apps.common.clock import now

T = datetime(2013, 2, 8, 9, 0, tzinfo=UTC)


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis.from_url("unix:///nowhere/valkey.sock", socket_connect_timeout=0.2)
    for module in ("apps.common.heartbeat", "apps.common.health"):
        monkeypatch.setattr(f"{module}.redis_client", lambda: away)


def test_the_age_of_a_heartbeat_is_the_time_since(broker: redis.Redis) -> None:
    heartbeat.beat("sweep", T)
    assert heartbeat.age("sweep", T + timedelta(seconds=42)) == timedelta(seconds=42)


def test_what_never_happened_has_no_age(broker: redis.Redis) -> None:
    assert heartbeat.age("sweep", T) is None


def test_without_a_broker_a_heartbeat_neither_fails_nor_lies(no_broker: None) -> None:
    heartbeat.beat("sweep", T)
    assert heartbeat.age("sweep", T) is None


def test_alive_asks_no_database(client: Client) -> None:  # no django_db mark: a query would fail the test
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"alive": True})
    assert "no-store" in response["Cache-Control"]


def test_it_is_asked_for_and_not_posted_to(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.head("/healthz").status_code == 200


@pytest.mark.django_db
def test_ready_when_all_three_are_well(
    client: Client, broker: redis.Redis, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    heartbeat.beat("sweep", now())
    with django_assert_num_queries(1):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["ready"] is True


@pytest.mark.django_db
def test_not_ready_before_the_first_sweep(client: Client, broker: redis.Redis) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["sweep"]["reason"] == "no sweep has run yet"


@pytest.mark.django_db
@pytest.mark.parametrize(("missed", "ready"), [(2.9, True), (3.2, False)])
def test_three_missed_sweeps_are_too_many(client: Client, broker: redis.Redis, missed: float, ready: bool) -> None:
    heartbeat.beat("sweep", now() - timedelta(seconds=missed * settings.SWEEP_SECONDS))
    assert client.get("/readyz").json()["ready"] is ready


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["deliver", "record_late"])
@pytest.mark.parametrize(("minutes", "ready"), [(9.9, True), (10.1, False)])
def test_what_nobody_would_miss_for_days_is_missed_after_minutes(
    client: Client, broker: redis.Redis, name: str, minutes: float, ready: bool
) -> None:
    heartbeat.beat("sweep", now())
    assert client.get("/readyz").json()["checks"][name]["reason"] == "it has not run yet"
    heartbeat.beat(name, now() - timedelta(minutes=minutes))
    answer = client.get("/readyz").json()
    assert answer["ready"] is ready
    assert ("reason" in answer["checks"][name]) is not ready


@pytest.mark.django_db
def test_not_ready_without_a_broker(client: Client, no_broker: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["broker"] == {"ok": False, "reason": "the broker does not answer"}
    assert response.json()["checks"]["database"] == {"ok": True}


def test_not_ready_without_a_database_and_says_no_more_than_that(
    client: Client, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Callable[[], None]:
        raise OperationalError("connection to 10.0.0.1 as grid_mgmt failed")

    monkeypatch.setattr(connection, "cursor", away)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == {"ok": False, "reason": "the database does not answer"}
    assert "10.0.0.1" not in response.content.decode()


def test_the_client_is_one_per_process() -> None:
    assert queue.redis_client() is queue.redis_client()
