"""The pages of the daily anchors: who audits reads and prints them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.issues.services.anchors import anchor_days
from apps.staff.models import Role, User
from tests.factories import NOW, Town, post
from tests.issues.test_history import TOMORROW
from tests.issues.test_moves import filed


def reader(person: User) -> Client:
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(person)
    return browser


@pytest.fixture
def auditor(town: Town) -> User:
    person = User.objects.create(username="auditor", name="安计")
    post(person, town.city, Role.AUDIT_ADMIN)
    return person


def test_who_audits_reads_the_anchors_a_month_at_a_time(town: Town, auditor: User) -> None:
    filed(town)
    anchor_days(now=NOW + timedelta(days=40))
    page = reader(auditor).get("/history/").content.decode()
    assert page.count('class="item"') == 31
    newest, oldest = NOW.date() + timedelta(days=39), NOW.date()
    assert str(newest) in page
    assert f'href="/history/{oldest}/"' not in page
    older = newest - timedelta(days=30)
    assert f"?before={older}" in page
    rest = reader(auditor).get(f"/history/?before={older}").content.decode()
    assert rest.count('class="item"') == 9
    assert f'href="/history/{oldest}/"' in rest


def test_a_day_is_a_sheet_with_its_root_in_groups(town: Town, auditor: User) -> None:
    filed(town)
    [anchor] = anchor_days(now=TOMORROW)
    page = reader(auditor).get(f"/history/{anchor}/").content.decode()
    shown = "".join(re.findall(r"<li>([0-9a-f]{4})</li>", page))
    assert shown == bytes(anchor.root).hex()
    assert "this is the first day" in page


@pytest.mark.parametrize("path", ["/history/2012-01-01/", "/history/2012-02-31/", "/history/x/"])
def test_a_day_without_anchor_is_not_found(town: Town, auditor: User, path: str) -> None:
    assert reader(auditor).get(path).status_code == 404


@pytest.mark.parametrize("who", ["leader", "dispatcher", "handler", "viewer"])
def test_others_are_told_that_it_is_not_for_them(town: Town, who: str) -> None:
    person = getattr(town.people, who)
    assert {reader(person).get(path).status_code for path in ("/history/", f"/history/{NOW.date()}/")} == {403}


def test_the_pages_ask_little(town: Town, auditor: User, django_assert_max_num_queries: Any) -> None:
    filed(town)
    anchor_days(now=NOW + timedelta(days=40))
    browser = reader(auditor)
    with django_assert_max_num_queries(7):
        browser.get("/history/")
