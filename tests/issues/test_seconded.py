"""Seconded staff 下沉人员 come first: routed to their department, fed back to and concluded by the cell they serve."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.issues import routing
from apps.issues.models import Handover, Issue, IssueEvent, Power, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.queue import Filters, queue_page
from apps.issues.services.escalation import sweep
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import MoveRefused
from apps.notices.models import Notice
from apps.staff.models import Role, User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, end_posts, staffed
from tests.issues.reports import broken_chains, filed, fresh, held_by, rule, story

LATER = NOW + timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _fresh_catalogue(db: None) -> None:
    forget_catalogue()


def at_street(town: Town, **values: Any) -> None:
    """Rubble: in a level-1 cell the chengguan's seconded staff come first."""
    Power.objects.filter(category=town.categories.rubbish, tier=2).update(department_kind="chengguan", **values)
    forget_catalogue()


def seconded(town: Town, place: str = "community") -> User:
    return staffed("朱下沉", getattr(town, place), Role.HANDLER, town.departments.chengguan)


def routed(town: Town) -> Issue:
    issue = filed(town, town.categories.rubbish)
    route_waiting(now=LATER)
    return fresh(issue)


def move(issue: Issue, name: str, actor: User, text: str = "好") -> Issue:
    current = fresh(issue)
    at = LATER + timedelta(minutes=current.version)
    make_move(move=name, issue_id=issue.id, version=current.version, actor=actor, fields=MoveFields(text=text), now=at)
    return fresh(issue)


def test_it_climbs_to_the_street_and_is_assigned_from_there_to_the_department(town: Town) -> None:
    at_street(town)
    person = seconded(town)
    issue = routed(town)
    department = town.departments.chengguan
    assert story(issue)[1:] == [
        ("report_up", "escalated", town.community.id),
        ("report_up", "escalated", town.street.id),
        ("assign", "assigned", town.district.id),
    ]
    assert (issue.state, issue.holder_department_id, issue.version) == (State.ASSIGNED, department.id, 4)
    hops = Handover.objects.filter(issue=issue).order_by("id")
    assert [(hop.kind, hop.from_grid_id, hop.to_grid_id, hop.to_department_id, hop.outcome) for hop in hops] == [
        ("collect", None, town.cell.id, None, "report_up"),
        ("report_up", town.cell.id, town.community.id, None, "report_up"),
        ("report_up", town.community.id, town.street.id, None, "assign"),
        ("assign", town.street.id, town.district.id, department.id, ""),
    ]
    payload = IssueEvent.objects.get(issue=issue, seq=4).payload
    with translation.override("en"):
        words = routing.sentence(payload["reason"], payload["values"])
    assert words == "The seconded staff of 金水区城市管理局 handle it in 花园路街道"
    assert held_by(issue).limit_unit == "workhour"  # the standard of the category: it is to be handled, not passed on
    told = set(Notice.objects.values_list("recipient_id", flat=True))
    assert told == {person.id, town.people.handler.id, town.people.second_handler.id}
    assert broken_chains() == []
    assert check_invariants(now=LATER).findings == []


def test_the_seconded_person_handles_it_and_the_street_checks_and_concludes(town: Town) -> None:
    at_street(town)
    person = seconded(town)
    issue = routed(town)
    mine = queue_page(scope_of(person.id, LATER), Filters(mine=True), at=LATER).rows
    assert [row.id for row in mine] == [issue.id]
    move(issue, "sign", person)
    issue = move(issue, "feed_back", person, "已清运")
    assert (issue.state, issue.holder_grid_id, issue.holder_department_id) == (State.FED_BACK, town.street.id, None)
    move(issue, "rework", town.people.street_clerk, "还有一堆")
    assert fresh(issue).holder_department_id == town.departments.chengguan.id
    move(issue, "feed_back", person, "清完了")
    assert move(issue, "conclude", town.people.street_leader).state == State.CONCLUDED


def test_what_they_return_comes_back_to_the_street_which_can_report_it_up(town: Town) -> None:
    at_street(town)
    person = seconded(town)
    issue = move(routed(town), "return", person, "不归我们管")
    assert (issue.state, issue.holder_grid_id, issue.holder_department_id) == (State.ESCALATED, town.street.id, None)
    issue = move(issue, "report_up", town.people.street_leader, "请区里定")
    assert (issue.state, issue.holder_grid_id) == (State.ESCALATED, town.district.id)


def test_they_cannot_conclude_their_own_work(town: Town) -> None:
    at_street(town)
    person = seconded(town)
    issue = move(routed(town), "sign", person)
    for name in ("conclude", "self_handle"):
        with pytest.raises(MoveRefused):
            move(issue, name, person)


def test_when_they_are_late_the_district_takes_it_and_the_street_is_free(town: Town) -> None:
    at_street(town)
    seconded(town)
    issue = routed(town)
    for _ in range(3):
        sweep(now=fresh(issue).next_action_at or LATER)
    issue = fresh(issue)
    assert (issue.state, issue.holder_grid_id, issue.holder_department_id) == (State.ESCALATED, town.district.id, None)
    assert move(issue, "handle", town.people.dispatcher).state == State.HANDLING
    assert move(issue, "self_handle", town.people.dispatcher, "已派车清运").state == State.CONCLUDED


@pytest.mark.parametrize("place", ["other_community", "district"])
def test_staff_elsewhere_are_not_asked_and_the_platform_passes_it_on(town: Town, place: str) -> None:
    at_street(town)
    seconded(town, place)
    issue = routed(town)
    assert (issue.state, issue.holder_grid_id, issue.holder_department_id) == (State.ESCALATED, town.district.id, None)


def test_staff_whose_post_has_ended_or_whose_account_is_closed_are_not_asked(town: Town) -> None:
    at_street(town)
    gone = seconded(town, "street")
    gone.is_active = False
    gone.save()
    seconded(town)
    end_posts(town.community, Role.HANDLER)
    assert routed(town).holder_grid_id == town.district.id


def test_where_the_street_has_nobody_the_district_gives_it_to_them(town: Town) -> None:
    at_street(town)
    person = seconded(town)
    for role in (Role.LEADER, Role.CLERK):
        end_posts(town.street, role)
    issue = routed(town)
    assert issue.holder_department_id == town.departments.chengguan.id
    assert held_by(issue).from_grid_id == town.district.id
    assert IssueEvent.objects.get(issue=issue, seq=issue.version).payload["alarm"] is True
    assert town.people.dispatcher.id in Notice.objects.values_list("recipient_id", flat=True)
    move(issue, "sign", person)
    move(issue, "feed_back", person, "已清运")
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


def test_a_district_that_assigns_directly_keeps_nothing_on_its_desk(town: Town) -> None:
    Power.objects.filter(category=town.categories.rubbish, tier=1).update(assigns_directly=True)
    issue = routed(town)
    assert (issue.state, issue.holder_department_id) == (State.ASSIGNED, town.departments.chengguan.id)
    move(issue, "sign", town.people.handler)
    move(issue, "feed_back", town.people.handler, "已清运")
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


@pytest.mark.parametrize(
    ("vacant", "holder"),
    [
        (["cell"], "community"),
        (["cell", "community"], "street"),
        (["cell", "community", "street"], "district"),
        (["cell", "community", "street", "district"], "district"),
    ],
)
def test_vacancies_end_with_the_next_superior_that_has_somebody(town: Town, vacant: list[str], holder: str) -> None:
    for name in vacant:
        for role in (Role.LEADER, Role.CLERK, Role.DISPATCHER, Role.DUTY_CHIEF):
            end_posts(getattr(town, name), role)
    issue = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert fresh(issue).holder_grid_id == getattr(town, holder).id
    if vacant[-1] == "district":  # the city's people act for it
        assert set(Notice.objects.values_list("recipient_id", flat=True)) == {town.people.city_dispatcher.id}


def test_a_batch_costs_the_same_number_of_statements_however_many_chains_and_departments(town: Town) -> None:
    at_street(town)
    rule(name="停用", to_tier=1, is_active=False)
    rule(name="没有的部门", to_tier=1, department_kind="shuiwu")
    for place in ("community", "other_community", "street"):
        seconded(town, place)

    def statements(*cells: Any) -> int:
        for number, cell in enumerate(cells):
            filed(town, town.categories.rubbish if number % 2 else town.categories.noise, cell)
        with CaptureQueriesContext(connection) as queries:
            assert route_waiting(now=LATER) == len(cells)
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    many = [town.cell, town.next_cell, town.other_cell, town.quiet_cell, town.far_cell] * 8
    statements(*many)  # fills the caches, raises the alarms
    assert statements(town.cell, town.cell) == statements(*many) <= 9
