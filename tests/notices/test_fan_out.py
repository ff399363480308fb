"""From notices to deliveries: who gets one, each once, and none is lost to a transaction that commits late."""

import time
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.common.embedded.servers import wait_for
from apps.notices.models import Delivery, FanOutMark, Notice, Way
from apps.notices.services.fan_out import FannedOut, fan_out
from tests.factories import NOW, Town, build_town
from tests.notices.wishes import WAKES, endpoint, stand, tell, wants

MINUTE = timedelta(minutes=1)
PATIENCE = 60  # seconds


def test_only_who_asked_gets_a_delivery_by_each_channel_asked_for(town: Town) -> None:
    leader, clerk = town.people.leader, town.people.street_clerk
    wants(leader, Way.EMAIL)
    wants(leader, Way.SMS)
    off = wants(clerk, Way.SMS)
    off.is_active = False
    off.save()
    tell(leader, clerk, town.people.handler)
    assert fan_out(now=NOW) == FannedOut(2)
    assert sorted(stand("notice__recipient", "channel")) == [(leader.id, "email"), (leader.id, "sms")]


def test_looking_again_doubles_nothing(town: Town) -> None:
    wants(town.people.leader, Way.EMAIL)
    endpoint("http://a.example/")
    tell(town.people.leader)
    assert fan_out(now=NOW).deliveries == 2
    assert fan_out(now=NOW + MINUTE).deliveries == 0
    tell(town.people.leader)
    assert fan_out(now=NOW + 2 * MINUTE).deliveries == 2
    assert Delivery.objects.count() == 4


def test_a_channel_tells_nothing_of_the_past_and_nobody_is_sent_what_is_stale(town: Town) -> None:
    setting = wants(town.people.leader, Way.EMAIL)
    tell(town.people.leader, now=NOW - timedelta(days=2))
    setting.since = NOW
    setting.save()
    tell(town.people.leader, now=NOW - MINUTE)
    tell(town.people.leader, now=NOW)
    fan_out(now=NOW)
    assert stand("notice__created_at") == [NOW]


def test_urgency_is_that_of_the_kind_or_of_the_single_notice(town: Town) -> None:
    wants(town.people.leader, Way.SMS)
    tell(town.people.leader)
    tell(town.people.leader, text=WAKES)
    tell(town.people.leader, is_urgent=True)
    fan_out(now=NOW)
    assert stand("is_urgent") == [False, True, True]


@pytest.mark.parametrize(
    ("scope", "hears"),
    [
        ({}, {"leader", "far_leader", "handler", "other_handler", "stranger"}),
        ({"grid": "city"}, {"leader", "far_leader", "handler", "other_handler"}),
        ({"grid": "district"}, {"leader", "handler", "other_handler"}),
        ({"grid": "street"}, {"leader"}),
        ({"department": "chengguan"}, {"handler"}),
        ({"department": "chengguan", "grid": "other_district"}, set()),
    ],
)
def test_a_system_hears_what_people_of_its_area_and_department_are_told(
    town: Town, scope: dict[str, str], hears: set[str]
) -> None:
    values: dict[str, Any] = {}
    if "grid" in scope:
        values["grid"] = getattr(town, scope["grid"])
    if "department" in scope:
        values["department"] = getattr(town.departments, scope["department"])
    endpoint("http://a.example/", **values)
    names = {"leader", "far_leader", "handler", "other_handler", "stranger"}
    tell(*(getattr(town.people, name) for name in names))
    fan_out(now=NOW)
    assert {person for (person,) in Delivery.objects.values_list("notice__recipient")} == {
        getattr(town.people, name).id for name in hears
    }


def test_a_system_hears_the_kinds_it_asked_for(town: Town) -> None:
    endpoint("http://a.example/", kinds=["test.wakes"])
    endpoint("http://b.example/", kinds=["other", "test.wakes"])
    endpoint("http://c.example/", kinds=["issue.arrived"])
    endpoint("http://d.example/", is_active=False)
    tell(town.people.leader)
    tell(town.people.leader, text=WAKES)
    fan_out(now=NOW)
    assert sorted(stand("endpoint__url")) == ["http://a.example/", "http://b.example/", "http://b.example/"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_turn_costs_the_same_however_much_was_told(
    town: Town, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wants(town.people.leader, Way.EMAIL)
    fan_out(now=NOW)
    with django_assert_num_queries(2 + 2):  # the savepoint of the test's own transaction
        fan_out(now=NOW)
    for _ in range(count):
        tell(town.people.leader)
    with django_assert_num_queries(4 + 2):
        assert fan_out(now=NOW).deliveries == count


def test_much_is_done_in_steps(town: Town) -> None:
    wants(town.people.leader, Way.EMAIL)
    fan_out(now=NOW)
    for _ in range(5):
        tell(town.people.leader)
    assert [fan_out(now=NOW, step=2) for _ in range(4)] == [
        FannedOut(2, has_more=True),
        FannedOut(2, has_more=True),
        FannedOut(1),
        FannedOut(0),
    ]


def others_have_ended() -> None:
    """Wait for the transactions of other workers' tests: a mark settles when all of the server that are older end."""
    newest, until = transactions("xmax"), time.monotonic() + PATIENCE
    while transactions("xmin") < newest and time.monotonic() < until:
        time.sleep(0.02)


def transactions(end: str) -> int:
    """xmin: the oldest transaction still open; xmax: the next one to begin."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_snapshot_{end}(pg_current_snapshot())::text::bigint")
        [number] = cursor.fetchone() or (0,)
    return int(number)


@pytest.mark.django_db(transaction=True)
def test_a_notice_that_commits_after_younger_ones_is_not_lost(transactional_db: None) -> None:
    town = build_town()
    wants(town.people.leader, Way.EMAIL)
    fan_out(now=NOW)
    late = psycopg2.connect(**connection.get_connection_params())
    try:
        with late.cursor() as cursor:
            cursor.execute(
                'INSERT INTO notices_notice (recipient_id, channel, text, "values", link, created_at)'
                " VALUES (%s, 'in_app', 'late', '{}', '', %s)",
                [town.people.leader.id, NOW],
            )
        tell(town.people.leader)
        for minutes in range(0, 20, 2):  # many turns, each old enough to settle, while it is still open
            fan_out(now=NOW + minutes * MINUTE)
        assert Delivery.objects.count() == 1
        late.commit()
    finally:
        late.close()
    assert fan_out(now=NOW + 30 * MINUTE).deliveries == 1
    assert sorted(stand("notice__text")) == ["Beyond the powers of %(from)s", "late"]
    for minutes in range(32, 40, 2):
        others_have_ended()
        fan_out(now=NOW + minutes * MINUTE)
    mark = FanOutMark.objects.get()
    assert mark.settled_id == mark.seen_id == Notice.objects.order_by("-id")[0].id


@pytest.mark.django_db(transaction=True)
def test_after_a_dump_is_restored_elsewhere_the_mark_begins_anew(transactional_db: None) -> None:
    town = build_town()
    wants(town.people.leader, Way.EMAIL)
    tell(town.people.leader)
    fan_out(now=NOW)
    FanOutMark.objects.update(mark_xid=2**40)
    for minutes in range(2, 10, 2):
        tell(town.people.leader)
        others_have_ended()
        assert fan_out(now=NOW + minutes * MINUTE).deliveries == 1
    mark = FanOutMark.objects.get()
    assert mark.settled_id > Notice.objects.order_by("id")[0].id


@pytest.mark.django_db(transaction=True)
def test_who_comes_second_walks_away(transactional_db: None) -> None:
    town = build_town()
    wants(town.people.leader, Way.EMAIL)
    fan_out(now=NOW)
    tell(town.people.leader)
    other = psycopg2.connect(**connection.get_connection_params())
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM notices_fanoutmark FOR UPDATE")
        assert fan_out(now=NOW) == FannedOut()
    finally:
        other.close()
    assert wait_for(lambda: fan_out(now=NOW) == FannedOut(1), 10)  # beside tests in other databases of the server
