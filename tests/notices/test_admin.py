"""Who oversees notices learns that somebody was told, not what: neither by pages nor by asking in the address."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.notices.models import Delivery, Way
from apps.notices.services.delivery import deliver_turn
from tests.factories import NOW, Town, user
from tests.notices.wishes import WAKES, newest_notice, tell, wants

SAID = "Urgent matter of"
PAGES = (
    "/admin/notices/notice/",
    "/admin/notices/notice/{notice}/change/",
    "/admin/notices/notice/{notice}/history/",
    "/admin/notices/delivery/",
    "/admin/notices/delivery/{delivery}/change/",
    "/admin/notices/delivery/{delivery}/history/",
)
SHOWN = {PAGES[number] for number in (0, 1, 3, 4)}


@pytest.fixture
def leader_was_told(town: Town) -> Town:
    wants(town.people.leader, Way.EMAIL, "nonsense")
    tell(town.people.leader, text=WAKES, number="20261118-000123")
    deliver_turn(now=NOW)
    return town


def overseeing(town: Town, client: Client) -> Client:
    person = user("何监督", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=["view_notice", "view_delivery"]))
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return client


def pages(client: Client) -> dict[str, str]:
    places = {"notice": newest_notice().id, "delivery": Delivery.objects.get().id}
    return {page: client.get(page.format(**places)).text for page in PAGES}


def test_who_oversees_sees_whom_when_and_how_but_not_what(leader_was_told: Town, client: Client) -> None:
    found = pages(overseeing(leader_was_told, client))
    for page, text in found.items():
        assert not any(words in text for words in (SAID, "园田", "000123", "/i/1/")), page
    for page in SHOWN:
        assert "王长顺" in found[page] and "test.wakes" in found[page]
        assert "for the recipient only" in found[page]
    assert "no e-mail address" in found["/admin/notices/delivery/"]


def test_a_superuser_reads_it(leader_was_told: Town, client: Client) -> None:
    client.force_login(leader_was_told.people.admin)
    client.cookies["django_language"] = "en"
    found = pages(client)
    assert {page for page, text in found.items() if SAID in text} == SHOWN
    assert "000123" in found[PAGES[1]] and "/i/1/" in found[PAGES[1]]


@pytest.mark.parametrize(
    "question",
    [
        "notice/?text__contains=Urgent",
        "notice/?values__number=20261118-000123",
        "notice/?values__contains=1",
        "notice/?link=/i/1/",
        "delivery/?notice__text__contains=Urgent",
        "delivery/?notice__values__number=20261118-000123",
        "delivery/?notice__link=/i/1/",
    ],
)
def test_nobody_finds_out_by_asking_in_the_address(leader_was_told: Town, client: Client, question: str) -> None:
    assert overseeing(leader_was_told, client).get(f"/admin/notices/{question}").status_code == 400


@pytest.mark.parametrize("page", ["notice", "delivery"])
def test_search_finds_people_and_no_words(leader_was_told: Town, client: Client, page: str) -> None:
    browser = overseeing(leader_was_told, client)
    row = "for the recipient only"
    assert row in browser.get(f"/admin/notices/{page}/?q=王长顺").text
    for words in ("Urgent", "园田", "20261118-000123", "/i/1/"):
        assert row not in browser.get(f"/admin/notices/{page}/", {"q": words}).text


def test_a_sentence_whose_places_nobody_filled_can_be_looked_at(town: Town, client: Client) -> None:
    wants(town.people.leader, Way.EMAIL, "a@city.cn")
    tell(town.people.leader, text="%(nothing)s")
    deliver_turn(now=NOW)
    client.force_login(town.people.admin)
    found = pages(client)
    assert {page for page, text in found.items() if "%(nothing)s" in text} == SHOWN
    assert "the text and its values do not fit" in found["/admin/notices/delivery/"]
