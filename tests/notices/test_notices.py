"""Telling people, and the page on which they read it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from apps.notices.models import Notice
from apps.notices.selectors import newest, unread_count
from apps.notices.services import Message, Saying, Words, mark_read, notify, notify_all, notify_piled
from tests.factories import NOW, Town

TEXT = "Beyond the powers of %(from)s"  # any msgid of the catalogue will do


def tell(town: Town, *names: str, link: str = "/i/1/") -> int:
    people = [getattr(town.people, name).id for name in names]
    return notify(recipients=people, text=TEXT, values={"from": "园田社区"}, link=link, now=NOW)


def test_each_recipient_is_told_once(town: Town) -> None:
    assert tell(town, "leader", "leader", "dispatcher") == 2
    told = Notice.objects.get(recipient=town.people.leader)
    assert (told.values, told.link, told.created_at, told.read_at) == ({"from": "园田社区"}, "/i/1/", NOW, None)
    assert told.channel == Notice.Channel.IN_APP


def test_nobody_to_tell_costs_no_query(town: Town, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert notify(recipients=[], text=TEXT, values={}, link="", now=NOW) == 0


def test_many_messages_are_one_statement(town: Town, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    leader, clerk = town.people.leader.id, town.people.street_clerk.id
    with django_assert_num_queries(1):
        written = notify_all(
            messages=[Message([leader], TEXT, {"from": f"{n}"}) for n in range(50)] + [Message([leader, clerk], "Hi")],
            now=NOW,
        )
    assert written == 52
    assert Notice.objects.filter(recipient=leader).count() == 51


def test_the_sentence_is_in_the_readers_language(town: Town) -> None:
    tell(town, "leader")
    notice = Notice.objects.get()
    with translation.override("en"):
        assert notice.sentence == "Beyond the powers of 园田社区"


def test_pages_go_from_newest_to_oldest_without_a_gap(town: Town) -> None:
    for _ in range(5):
        tell(town, "leader")
    tell(town, "dispatcher")
    reader = town.people.leader
    first = newest(reader, size=2)
    second = newest(reader, first.older, size=2)
    last = newest(reader, second.older, size=2)
    ids = [notice.id for page in (first, second, last) for notice in page.notices]
    assert len(ids) == 5
    assert ids == sorted(ids, reverse=True)
    assert last.older is None


def test_a_full_last_page_offers_no_older_one(town: Town) -> None:
    for _ in range(2):
        tell(town, "leader")
    assert newest(town.people.leader, size=2).older is None


def test_only_unread_ones_are_counted_and_never_beyond_a_hundred(town: Town) -> None:
    leader = town.people.leader
    assert unread_count(leader) == 0
    notify_all(messages=[Message([leader.id], TEXT, {"from": "x"})] * 130, now=NOW)
    assert Notice.objects.count() == 130
    assert unread_count(leader) == 100
    mark_read(recipient_id=leader.id, now=NOW)
    assert unread_count(leader) == 0


def test_marking_all_spares_what_came_after_the_page_was_shown(town: Town) -> None:
    tell(town, "leader")
    shown = newest(town.people.leader).notices[0].id
    tell(town, "leader")
    assert mark_read(recipient_id=town.people.leader.id, up_to=shown, now=NOW + timedelta(minutes=1)) == 1
    assert unread_count(town.people.leader) == 1


@pytest.fixture
def reader(town: Town, client: Client) -> Client:
    client.force_login(town.people.leader)
    return client


def test_a_stranger_is_sent_to_the_log_in(town: Town, client: Client) -> None:
    answer = client.get("/notices/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/notices/")


def test_the_page_shows_ones_own_notices_only(town: Town, reader: Client) -> None:
    tell(town, "leader")
    notify(recipients=[town.people.dispatcher.id], text="%(from)s", values={"from": "别人的事"}, link="", now=NOW)
    page = reader.get("/notices/", headers={"Accept-Language": "en"}).content.decode()
    assert "园田社区" in page
    assert "别人的事" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_however_many_there_are(
    town: Town, reader: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        tell(town, "leader")
    reader.get("/notices/")
    with django_assert_num_queries(PAGE_QUERIES):
        reader.get("/notices/")


PAGE_QUERIES = 5  # session, person, posts for the rail, the page, the bell


@pytest.mark.parametrize("before", ["", "abc", "-1", "9" * 40, "１２", "1;DROP"])
def test_a_strange_cursor_shows_the_newest(town: Town, reader: Client, before: str) -> None:
    tell(town, "leader")
    answer = reader.get("/notices/", {"before": before})
    assert answer.status_code == 200
    assert "园田社区" in answer.content.decode()


def test_opening_marks_as_read_and_leads_there(town: Town, reader: Client) -> None:
    tell(town, "leader")
    notice = Notice.objects.get()
    answer = reader.post(f"/notices/{notice.id}/open/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/i/1/")
    notice.refresh_from_db()
    assert notice.read_at is not None


def test_anothers_notice_does_not_exist_for_me(town: Town, reader: Client) -> None:
    tell(town, "dispatcher")
    assert reader.post(f"/notices/{Notice.objects.get().id}/open/").status_code == 404
    assert reader.post(f"/notices/{'9' * 30}/open/").status_code == 404
    assert Notice.objects.get().read_at is None


def test_a_link_never_leaves_the_site(town: Town, reader: Client) -> None:
    tell(town, "leader", link="//elsewhere.example/")
    assert reader.post(f"/notices/{Notice.objects.get().id}/open/").headers["Location"] == "/notices/"


def test_all_are_read_at_one_press(town: Town, reader: Client) -> None:
    tell(town, "leader")
    tell(town, "leader")
    shown = newest(town.people.leader).notices[0].id
    assert reader.post("/notices/read/", {"up_to": shown}).status_code == 302
    assert unread_count(town.people.leader) == 0


@pytest.mark.parametrize("up_to", ["", "x", "9" * 40])
def test_a_bad_limit_marks_nothing(town: Town, reader: Client, up_to: str) -> None:
    tell(town, "leader")
    assert reader.post("/notices/read/", {"up_to": up_to}).status_code == 302
    assert unread_count(town.people.leader) == 1


def test_a_pile_of_the_same_words_becomes_one_sentence_with_a_count(
    town: Town, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    leader, clerk = town.people.leader.id, town.people.street_clerk.id
    late, soon = Words("%(number)s is late", "%(count)s are late"), Words("%(number)s is soon", "%(count)s are soon")
    sayings = [
        Saying([leader, clerk] if n < 3 else [leader], late, {"number": n}, f"/i/{n}/", "/list/") for n in range(4)
    ]
    sayings += [Saying([leader], soon, {"number": 9}, "/i/9/", "/list/"), Saying([], soon, {}, "", "")]
    with django_assert_num_queries(1):
        assert notify_piled(sayings=sayings, few=3, now=NOW) == 5
    told = [(row.recipient_id, row.text, row.values, row.link) for row in Notice.objects.order_by("id")]
    assert sorted(told[:4], key=str) == sorted(
        [(leader, late.many, {"count": 4}, "/list/")]
        + [(clerk, late.one, {"number": n}, f"/i/{n}/") for n in range(3)],
        key=str,
    )
    assert told[4:] == [(leader, soon.one, {"number": 9}, "/i/9/")]


def test_a_pile_of_nothing_costs_no_query(town: Town, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert notify_piled(sayings=[], few=3, now=NOW) == 0
