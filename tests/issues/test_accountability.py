"""Who was late, and who answered for it then: on record once, and no reorganisation changes a word of it."""

import csv
import io
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation

from apps.grids.services import move_cell, rename_cell
from apps.issues.models import Handover, Issue, LateHolding
from apps.issues.selectors.accountability import Wanted, record_page, records_of, visible_records
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep
from apps.issues.workflow import Give
from apps.staff.models import Role, User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, end_posts
from tests.issues.test_api import URL, client
from tests.issues.test_moves import assigned, filed, handled, move

pytestmark = pytest.mark.django_db

LONG_AFTER = NOW + timedelta(days=2)


def late(town: Town, category: str = "noise") -> Issue:
    """A report that its cell let run out of time."""
    issue = filed(town, category)
    due = Handover.objects.get(issue=issue, ended_at=None).due_at
    sweep(now=due)
    return Issue.objects.get(pk=issue.pk)


def in_english(issue: Issue) -> list[str]:
    with translation.override("en"):
        return [f"{one.holder}: {one.people} {one.late_text}" for one in records_of(issue, LONG_AFTER)]


def test_who_led_the_cell_then_is_on_record_once(town: Town) -> None:
    issue = late(town)
    assert record_late() == 1
    assert record_late() == 0
    [record] = LateHolding.objects.all()
    assert record.place == "郑州市 / 金水区 / 花园路街道 / 园田社区 / 园田社区第九网格"
    assert (record.cell_code, record.is_vacant, record.is_excused) == (town.cell.code, False, False)
    assert [(one["name"], one["role"]) for one in record.people] == [("王长顺", "leader")]
    assert record.late_since == Handover.objects.get(issue=issue, ended_at=None).due_at


def test_nothing_that_happens_later_to_cells_and_posts_changes_a_word(town: Town) -> None:
    issue = late(town)
    record_late()
    before = in_english(issue)
    assert before == ["园田社区第九网格: 王长顺 (grid leader) 1 d 18 h"]
    move_cell(cell_id=town.cell.id, parent_id=town.other_community.id, now=NOW)
    rename_cell(cell_id=town.cell.id, name="改名网格")
    end_posts(town.cell, Role.LEADER, on=NOW.date() + timedelta(days=1))
    User.objects.filter(pk=town.people.leader.pk).update(name="换了人", is_active=False)
    assert in_english(issue) == before


def test_it_does_not_matter_how_long_afterwards_it_is_taken_down(town: Town) -> None:
    issue = late(town)
    end_posts(town.cell, Role.LEADER, on=NOW.date() + timedelta(days=1))
    record_late()
    assert "王长顺" in in_english(issue)[0]


def test_where_the_post_was_vacant_the_superior_stands_there(town: Town) -> None:
    issue = filed(town, "noise")
    end_posts(town.cell, Role.LEADER, on=NOW.date())
    sweep(now=Handover.objects.get(issue=issue, ended_at=None).due_at)
    record_late()
    [record] = LateHolding.objects.all()
    assert record.is_vacant
    assert in_english(issue)[0].startswith("园田社区第九网格: vacant, 周园田 (grid leader of 园田社区)")


def test_a_department_answers_with_the_handlers_of_the_place(town: Town) -> None:
    issue = assigned(town)
    sweep(now=Handover.objects.get(issue=issue, ended_at=None).due_at)
    record_late()
    [record] = LateHolding.objects.all()
    assert record.department_name == "金水区城市管理局"
    assert {one["name"] for one in record.people} == {"朱城管", "秦城管"}


def test_who_ended_it_late_before_the_sweep_came_is_on_record_too(town: Town) -> None:
    issue = handled(town)
    due = Handover.objects.get(issue=issue, ended_at=None).due_at
    minutes = int((due - NOW).total_seconds() // 60) + 1
    move(issue, "feed_back", town.people.handler, "已清运", minutes=minutes)
    assert record_late() == 1
    [record] = records_of(issue, LONG_AFTER)
    assert (record.late_for, record.rungs) == (timedelta(minutes=1), ())


def test_who_helps_and_is_late_is_on_record(town: Town) -> None:
    issue = move(filed(town), "sign", town.people.dispatcher)
    helpers = {Give.CO_DEPARTMENTS: [town.departments.gongshang.id]}
    target = town.departments.chengguan.id
    issue = move(issue, "assign", town.people.dispatcher, "一起办", to_department_id=target, given=helpers)
    sweep(now=issue.co_handlings.get().due_at)
    record_late()
    names = set(LateHolding.objects.values_list("department_name", flat=True))
    assert names == {"金水区城市管理局", "金水区工商局"}
    assert LateHolding.objects.filter(co_handling__isnull=False).count() == 1


def test_moved_up_for_it_is_said(town: Town) -> None:
    issue = late(town)
    held = Handover.objects.get(issue=issue, ended_at=None)
    sweep(now=held.rung_at[-1])
    record_late()
    with translation.override("en"):
        first = records_of(issue, LONG_AFTER)[0]
    assert first.rungs == ("moved up",)
    assert first.ended_at is not None


def test_an_appeal_upheld_excuses_and_leaves_the_raw_fact(town: Town) -> None:
    people = town.people
    issue = handled(town)
    due = Handover.objects.get(issue=issue, ended_at=None).due_at
    sweep(now=due)
    minutes = int((due - NOW).total_seconds() // 60) + 5
    issue = move(issue, "feed_back", people.handler, "已清运", minutes=minutes)
    issue = move(issue, "conclude", people.dispatcher, minutes=minutes + 1)
    issue = move(issue, "appeal", people.handler, "停电", minutes=minutes + 2)
    issue = move(issue, "uphold_appeal", people.dispatcher, "属实", minutes=minutes + 3)
    assert not LateHolding.objects.filter(is_excused=True).exists()
    move(issue, "uphold_appeal", people.duty_chief, "属实", minutes=minutes + 4)
    [record] = LateHolding.objects.all()
    assert record.is_excused
    assert record.handover is not None
    assert record.handover.is_overdue


def test_the_invariants_ask_for_it(town: Town) -> None:
    late(town)
    record_late()
    assert check_invariants(now=LONG_AFTER - timedelta(days=1, hours=20), sample=0).findings == []
    LateHolding.objects.all().delete()
    with translation.override("en"):
        found = [str(one) for one in check_invariants(now=LONG_AFTER, sample=0).findings]
    assert any("nobody is on record" in one for one in found)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_note_nothing_twice(town: Town) -> None:
    issues = [filed(town, "noise") for _ in range(20)]
    sweep(now=max(Handover.objects.filter(ended_at=None).values_list("due_at", flat=True)))

    def note() -> None:
        try:
            record_late()
        finally:
            connection.close()

    both = [Thread(target=note) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert LateHolding.objects.count() == len(issues)


def test_many_cost_a_few_queries(town: Town, django_assert_max_num_queries: Any) -> None:
    for _ in range(12):
        filed(town, "noise")
    sweep(now=max(Handover.objects.filter(ended_at=None).values_list("due_at", flat=True)))
    with django_assert_max_num_queries(14):
        assert record_late() == 12


# --- who reads it -------------------------------------------------------------------------------------

SEES = {
    "leader": 1,
    "next_leader": 0,
    "community_leader": 1,
    "other_community_leader": 0,
    "street_leader": 1,
    "street_clerk": 1,
    "dispatcher": 2,
    "duty_chief": 2,
    "viewer": 2,
    "inspector": 2,
    "city_dispatcher": 2,
    "handler": 1,
    "other_handler": 0,
    "far_dispatcher": 0,
    "far_handler": 0,
    "member": None,
    "stranger": None,
    "admin": None,
}


@pytest.fixture
def two_records(town: Town) -> None:
    """The cell's own, and one of the district's department in that cell."""
    late(town)
    issue = assigned(town)
    sweep(now=Handover.objects.get(issue=issue, ended_at=None).due_at)
    LateHolding.objects.all().delete()
    Handover.objects.update(is_on_record=False)
    Handover.objects.exclude(to_grid=town.cell).filter(to_department=None).update(is_overdue=False)
    record_late()
    assert LateHolding.objects.count() == 2


@pytest.mark.usefixtures("two_records")
@pytest.mark.parametrize("who", sorted(SEES))
def test_each_sees_the_records_of_own_cells_on_page_and_in_the_export(town: Town, who: str) -> None:
    person = getattr(town.people, who)
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(person)
    page, export = browser.get("/accountability/"), browser.get("/accountability.csv")
    if SEES[who] is None:
        assert (page.status_code, export.status_code) == (403, 403)
        assert not visible_records(scope_of(person.id, NOW)).exists()
        return
    streamed: Any = export
    rows = list(csv.reader(io.StringIO(b"".join(streamed.streaming_content).decode("utf-8-sig"))))
    assert page.content.decode().count('class="item"') == len(rows) - 1 == SEES[who]


@pytest.mark.usefixtures("two_records")
def test_the_page_is_narrowed_and_says_what_it_cannot_read(town: Town) -> None:
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(town.people.dispatcher)

    def count(asked: str) -> int:
        return browser.get(f"/accountability/?{asked}").content.decode().count('class="item"')

    assert count(f"cell={town.cell.code}") == 1
    assert (
        count(f"since={NOW.date()}&until={NOW.date()}")
        == LateHolding.objects.filter(late_since__date=NOW.date()).count()
    )
    assert (count("excused=true"), count("excused=false")) == (0, 2)
    assert "There is no cell with this code." in browser.get("/accountability/?cell=9").content.decode()
    assert count("before=nonsense&since=yesterday") == 2


def test_it_has_pages_and_a_fixed_number_of_queries(town: Town, django_assert_max_num_queries: Any) -> None:
    for _ in range(33):
        filed(town, "noise")
    sweep(now=max(Handover.objects.filter(ended_at=None).values_list("due_at", flat=True)))
    record_late()
    scope = scope_of(town.people.dispatcher.id, NOW)
    with django_assert_max_num_queries(2):
        first = record_page(scope, Wanted(), at=LONG_AFTER)
    rest = record_page(scope, Wanted(), at=LONG_AFTER, before=first.older)
    assert (len(first.records), len(rest.records), rest.older) == (30, 3, "")
    assert len({one.row.id for one in (*first.records, *rest.records)}) == 33


def test_the_page_of_the_issue_says_who_was_late(town: Town) -> None:
    issue = late(town)
    record_late()
    page = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), LONG_AFTER)
    assert page is not None
    assert [one.row.people[0]["name"] for one in page.late] == ["王长顺"]


# --- cards --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/board/?view=cards", "/i/{number}/", "/t/"])
def test_a_card_is_shown_wherever_the_issue_is(town: Town, path: str) -> None:
    issue = assigned(town)
    move(issue, "supervise", town.people.inspector, "请抓紧", given={Give.CARD: "yellow"})
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(town.people.handler if path == "/t/" else town.people.dispatcher)
    page = browser.get(path.format(number=issue.number)).content.decode()
    assert 'class="lamp card-tag card-2">yellow card</span>' in page


def test_the_api_tells_the_card_and_finds_by_it(town: Town) -> None:
    plain, carded = assigned(town), assigned(town)
    move(carded, "supervise", town.people.inspector, "请抓紧", given={Give.CARD: "red"})
    program = client(town.people.dispatcher)

    def numbers(card: str) -> list[str]:
        return [row["number"] for row in program.get(f"{URL}?card={card}").json()["results"]]

    assert numbers("yellow") == numbers("red") == [carded.number]
    assert {row["number"]: row["card"] for row in program.get(URL).json()["results"]} == {
        plain.number: "none",
        carded.number: "red",
    }
    assert program.get(f"{URL}?card=green").status_code == 400
