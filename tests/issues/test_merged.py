"""Who reported a duplicate: told of their own report, in nobody's words, and shown how the matter stands."""

import html
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.issues.models import Issue, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.merged import goes_on_as
from apps.issues.selectors.visibility import visible_issues
from apps.issues.workflow import Give
from apps.notices.kinds import kind_of
from apps.notices.models import Notice
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_moves import filed, move
from tests.issues.test_rulings import declined_twice

SECRET = "王长顺家门口"


def duplicate_of(main: Issue, town: Town, reporter: User) -> Issue:
    """A report from the next cell, merged into `main`, of somebody who may not see `main`."""
    double = filed(town, cell=town.next_cell)
    Issue.objects.filter(pk=double.pk).update(reporter=reporter)
    return move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})


def newest_for(person: User) -> Notice:
    found = Notice.objects.filter(recipient=person).order_by("id").last()
    assert found is not None
    return found


def page(person: User, address: str, language: str = "en") -> str:
    browser = Client(headers={"Accept-Language": language})
    browser.force_login(person)
    answer = browser.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.text)


@pytest.mark.parametrize(
    ("name", "state", "given", "kind"),
    [
        ("reject", State.REJECTED, {}, "issue.report_reject"),
        ("cancel", State.CANCELLED, {}, "issue.report_cancel"),
        ("suspend", State.SUSPENDED, {Give.UNTIL: "2026-12-31"}, "issue.report_suspend"),
        ("adjudicate", State.ASSIGNED, {}, "issue.ruling"),
    ],
)
def test_nobody_reads_what_was_written_about_somebody_elses_report(
    town: Town, name: str, state: State, given: dict[Give, Any], kind: str
) -> None:
    main = declined_twice(town) if name == "adjudicate" else filed(town)
    if name == "suspend":
        main = move(main, "handle", town.people.dispatcher)
    double = duplicate_of(main, town, town.people.next_leader)
    target = {"to_department_id": town.departments.chengguan.id} if name == "adjudicate" else {}
    actor = town.people.city_dispatcher if name == "suspend" else town.people.dispatcher
    main = move(main, name, actor, SECRET, given=given, **target)
    assert main.state == state
    told = newest_for(town.people.next_leader)
    assert (told.values["number"], told.values["cell"]) == (double.number, town.next_cell.name)
    assert "text" not in told.values
    assert (told.link, kind_of(told.text)) == (f"/i/{double.number}/", kind)
    assert SECRET in newest_for(town.people.leader).sentence


def test_the_news_of_the_merge_names_nothing_but_their_own(town: Town) -> None:
    double = duplicate_of(filed(town), town, town.people.next_leader)
    told = newest_for(town.people.next_leader)
    assert (dict(told.values), told.link) == (
        {"number": double.number, "cell": town.next_cell.name},
        f"/i/{double.number}/",
    )


def test_a_conflict_names_no_issue_that_the_person_may_not_see(town: Town) -> None:
    main = filed(town)
    double = duplicate_of(main, town, town.people.next_leader)
    for person, is_named in ((town.people.next_leader, False), (town.people.dispatcher, True)):
        browser = Client(headers={"Accept-Language": "en"})
        browser.force_login(person)
        sent = {"version": 1, "text": "不是同一处"}
        for answer in (
            browser.post(f"/api/v1/issues/{double.number}/moves/unmerge/", sent, content_type="application/json"),
            browser.post(f"/i/{double.number}/unmerge/", sent),
        ):
            assert answer.status_code == 409
            assert (main.number in answer.text) is is_named


def test_who_reported_a_duplicate_of_a_duplicate_is_told_of_their_own(town: Town) -> None:
    main = filed(town)
    between = filed(town)
    last = duplicate_of(between, town, town.people.next_leader)
    before = newest_for(town.people.next_leader).pk
    move(between, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    assert newest_for(town.people.next_leader).pk == before  # with what it goes on is nothing they may know
    move(main, "reject", town.people.dispatcher, SECRET)
    told = newest_for(town.people.next_leader)
    assert (told.text, told.values["number"]) == ("Your report %(number)s of %(cell)s was not accepted", last.number)
    scope = scope_of(town.people.next_leader.id, NOW)
    stands = goes_on_as(last, scope)
    assert stands is not None
    assert (stands.state, stands.number) == (State.REJECTED, "")


def test_many_duplicates_cost_no_query_more(town: Town) -> None:
    def spent(doubles: int) -> int:
        main = filed(town)
        for _ in range(doubles):
            duplicate_of(main, town, town.people.next_leader)
        with CaptureQueriesContext(connection) as queries:
            move(main, "reject", town.people.dispatcher, "不属受理范围")
        return len(queries)

    few, many = ([spent(doubles) for _ in range(3)] for doubles in (1, 4))
    assert min(few) == min(many)  # now and then a cache asks whether it is still fresh


@pytest.mark.parametrize("address", ["/m/issue/{}/", "/i/{}/"])
def test_its_page_shows_how_the_matter_stands_and_nothing_else_of_it(town: Town, address: str) -> None:
    main = filed(town)
    Issue.objects.filter(pk=main.pk).update(text=SECRET)
    double = duplicate_of(main, town, town.people.next_leader)
    who = town.people.next_leader
    read = page(who, address.format(double.number))
    assert "It is the same matter as another report, which goes on: reported up." in read
    move(main, "reject", town.people.dispatcher, "不属受理范围")
    read = page(who, address.format(double.number))
    assert "It is the same matter as another report, which has ended: rejected." in read
    assert "与另一份上报是同一件事，那一份已结束：不予受理。" in page(who, address.format(double.number), "zh-hans")
    assert SECRET not in read and "不属受理范围" not in read
    assert main.number not in read
    assert "merged it into another report, the same matter" in page(who, address.format(double.number))
    assert "将其并入 另一份上报（同一事件）" in page(who, address.format(double.number), "zh-hans")
    assert f'{address.format(main.number)}"' in page(town.people.dispatcher, address.format(double.number))


def test_a_merge_opens_nothing(town: Town) -> None:
    main = filed(town)
    scope = scope_of(town.people.next_leader.id, NOW)
    double = duplicate_of(main, town, town.people.next_leader)
    assert set(visible_issues(scope)) == {double}
    assert detail(main.number, scope, NOW) is None
    assert goes_on_as(main, scope) is None
