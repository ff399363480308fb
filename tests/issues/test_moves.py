"""Moves: the whole way of the article's report, and every refusal by name."""

from datetime import timedelta
from typing import Any

import pytest

from apps.dispatch.selectors.panes import tasks_of
from apps.grids.models import Grid
from apps.issues.models import Handover, Issue, IssueEvent, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.targets import NobodyThere, TargetOutOfReach, TargetRefused
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import (
    IssueNotFound,
    MoveFields,
    StaleVersion,
    WordsMissing,
    make_move,
)
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import MoveRefused, NotForYou, UnknownMove
from apps.notices.models import Notice
from apps.staff.models import Role, User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, end_posts, inside


def filed(town: Town, category: str = "rubbish", cell: Grid | None = None) -> Issue:
    """A report of the leader, routed."""
    lon, lat = inside(cell or town.cell)
    report = Report(category_id=getattr(town.categories, category).id, lon=lon, lat=lat)
    issue = file_report(reporter=town.people.leader, report=report, now=NOW).issue
    route_waiting(now=NOW)
    return Issue.objects.get(pk=issue.pk)


def move(issue: Issue, name: str, actor: User, text: str = "", minutes: int = 5, **fields: Any) -> Issue:
    """Make a move on the issue as it is now, some minutes after it was filed."""
    version = Issue.objects.get(pk=issue.pk).version
    make_move(
        move=name,
        issue_id=issue.id,
        version=fields.pop("version", version),
        actor=actor,
        fields=MoveFields(text=text, **fields),
        now=NOW + timedelta(minutes=minutes),
    )
    return Issue.objects.get(pk=issue.pk)


def assigned(town: Town) -> Issue:
    """Rubble, with the department of urban management."""
    issue = move(filed(town), "sign", town.people.dispatcher)
    department = town.departments.chengguan
    return move(issue, "assign", town.people.dispatcher, "请今天清运", to_department_id=department.id)


def handled(town: Town) -> Issue:
    """The same, signed for by its handler."""
    return move(assigned(town), "sign", town.people.handler)


def fed_back(town: Town) -> Issue:
    """The same, fed back."""
    return move(handled(town), "feed_back", town.people.handler, "已清运")


def concluded(town: Town) -> Issue:
    """The same, concluded by the dispatcher."""
    return move(fed_back(town), "conclude", town.people.dispatcher)


def test_the_articles_report_goes_the_whole_way(town: Town) -> None:
    issue = filed(town)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.district)

    issue = assigned(town)
    assert (issue.state, issue.holder_department) == (State.ASSIGNED, town.departments.chengguan)
    issue = move(issue, "sign", town.people.handler)
    assert issue.state == State.HANDLING
    issue = move(issue, "feed_back", town.people.handler, "已清运")
    assert (issue.state, issue.holder_grid, issue.holder_department) == (State.FED_BACK, town.district, None)
    issue = move(issue, "conclude", town.people.dispatcher)

    assert (issue.state, issue.closed_at, issue.due_at) == (State.CONCLUDED, NOW + timedelta(minutes=5), None)
    assert not Handover.objects.filter(issue=issue, ended_at=None).exists()
    events = list(IssueEvent.objects.filter(issue=issue).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, issue.version + 1))
    assert [event.kind for event in events[-5:]] == ["sign", "assign", "sign", "feed_back", "conclude"]


def test_each_move_leaves_the_row_the_handover_and_the_event_in_agreement(town: Town) -> None:
    issue = fed_back(town)
    event = IssueEvent.objects.filter(issue=issue).latest("seq")
    handover = Handover.objects.get(issue=issue, ended_at=None)
    holder = (issue.holder_grid_id, issue.holder_department_id)
    assert holder == (event.holder_grid_id, event.holder_department_id)
    assert holder == (handover.to_grid_id, handover.to_department_id)
    assert issue.due_at == event.due_at == handover.due_at
    assert (issue.version, issue.state) == (event.seq, event.state)
    assert issue.next_action_at == handover.rung_at[0]


def test_a_late_holder_stays_on_the_record(town: Town) -> None:
    issue = handled(town)
    assert issue.due_at is not None
    late = issue.due_at - NOW + timedelta(minutes=1)
    move(issue, "feed_back", town.people.handler, "已清运", minutes=int(late.total_seconds() // 60) + 1)
    row = Handover.objects.get(issue=issue, to_department=town.departments.chengguan)
    assert (row.is_overdue, row.outcome) == (True, "feed_back")


def test_the_next_holder_is_told_and_the_reporter_at_the_end(town: Town) -> None:
    issue = fed_back(town)
    told = {notice.recipient for notice in Notice.objects.filter(text__contains="is assigned to you")}
    assert told == {town.people.handler, town.people.second_handler}
    told = {notice.recipient for notice in Notice.objects.filter(text__contains="please check the result")}
    assert told == {town.people.dispatcher, town.people.second_dispatcher, town.people.duty_chief}
    move(issue, "conclude", town.people.dispatcher)
    assert Notice.objects.get(recipient=town.people.leader, text__contains="concluded").link == f"/i/{issue.number}/"


def test_who_comes_late_hears_what_happened(town: Town) -> None:
    issue = filed(town)
    move(issue, "sign", town.people.dispatcher)
    with pytest.raises(StaleVersion) as refused:
        move(issue, "sign", town.people.second_dispatcher, version=issue.version)
    assert [(event.kind, event.actor) for event in refused.value.events] == [("sign", town.people.dispatcher)]


def test_an_issue_of_another_district_is_unknown(town: Town) -> None:
    with pytest.raises(IssueNotFound):
        move(filed(town), "sign", town.people.far_dispatcher)


@pytest.mark.parametrize("who", ["leader", "street_leader", "viewer", "inspector", "city_dispatcher"])
def test_who_sees_it_but_does_not_act_for_the_holder_cannot_move_it(town: Town, who: str) -> None:
    with pytest.raises(NotForYou) as refused:
        move(filed(town), "sign", getattr(town.people, who))
    assert "金水区" in str(refused.value)


def test_the_handler_cannot_conclude_own_work(town: Town) -> None:
    town.people.handler.posts.create(grid=town.district, role=Role.DISPATCHER, valid=(NOW.date(), None))
    issue = fed_back(town)
    with pytest.raises(MoveRefused) as refused:
        move(issue, "conclude", town.people.handler)
    assert "conclude" not in [row.name for row in refused.value.possible]
    assert move(issue, "conclude", town.people.second_dispatcher).state == State.CONCLUDED


def test_who_signed_as_the_handler_cannot_conclude_as_the_dispatcher(town: Town) -> None:
    both = town.people.handler
    both.posts.create(grid=town.district, role=Role.DISPATCHER, valid=(NOW.date(), None))
    issue = move(assigned(town), "sign", both)
    issue = move(issue, "feed_back", town.people.second_handler, "已清运")
    with pytest.raises(MoveRefused):
        move(issue, "conclude", both)
    scope = scope_of(both.id, NOW)
    page, card = detail(issue.number, scope, NOW), tasks_of([issue], scope, NOW)[0]
    assert page is not None
    assert [row.name for row in page.moves] == ["assign", "rework", "refer", "cancel", "note"]
    assert [action.move.name for action in card.actions] == ["refer", "rework"]
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


def test_who_stood_in_below_and_is_alone_above_asks_the_superior_to_check(town: Town) -> None:
    end_posts(town.cell, Role.LEADER)
    alone = town.people.community_leader
    issue = move(move(filed(town, "lamp"), "sign", alone), "assign", alone, "请到现场核实", to_grid_id=town.cell.id)
    issue = move(move(issue, "sign", alone), "feed_back", alone, "已修好")
    with pytest.raises(MoveRefused) as refused:
        move(issue, "conclude", alone)
    assert "refer" in [row.name for row in refused.value.possible]
    issue = move(issue, "refer", alone)
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.street)
    assert Notice.objects.get(recipient=town.people.street_leader, text__contains="needs your check")
    with pytest.raises(MoveRefused, match="不是您自己办理的"):
        move(issue, "refer", town.people.street_leader)
    assert move(issue, "conclude", town.people.street_leader).state == State.CONCLUDED


def test_the_superior_who_was_asked_may_find_the_work_bad(town: Town) -> None:
    end_posts(town.cell, Role.LEADER)
    alone = town.people.community_leader
    issue = move(move(filed(town, "lamp"), "sign", alone), "assign", alone, "请到现场核实", to_grid_id=town.cell.id)
    issue = move(move(issue, "sign", alone), "feed_back", alone, "已修好")
    issue = move(move(issue, "refer", alone), "rework", town.people.street_leader, "灯还不亮")
    assert (issue.state, issue.holder_grid) == (State.HANDLING, town.cell)
    issue = move(issue, "feed_back", alone, "换了灯泡")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.street)


def test_signing_for_a_report_to_pass_it_on_is_not_own_work(town: Town) -> None:
    issue = fed_back(town)  # the dispatcher signed for it, then assigned it
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


@pytest.mark.parametrize(("category", "who"), [("rubbish", "dispatcher"), ("fire", "city_dispatcher")])
def test_a_platform_may_solve_itself_what_was_reported_up_to_it(town: Town, category: str, who: str) -> None:
    person = getattr(town.people, who)
    issue = move(filed(town, category), "handle", person)
    assert move(issue, "self_handle", person, "已派应急队处置").state == State.CONCLUDED


def test_rework_goes_to_who_fed_back_and_comes_back(town: Town) -> None:
    issue = move(fed_back(town), "rework", town.people.dispatcher, "还有一堆")
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.chengguan)
    issue = move(issue, "feed_back", town.people.handler, "已全部清运")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.district)


def test_a_department_returns_what_is_not_its_own_and_it_cannot_be_concluded_then(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属于城管职责")
    assert (issue.state, issue.holder_grid, issue.holder_department) == (State.ESCALATED, town.district, None)
    with pytest.raises(MoveRefused):
        move(issue, "conclude", town.people.dispatcher)


def test_a_platform_sends_a_report_back_past_the_hops_to_who_reported_it(town: Town) -> None:
    issue = move(filed(town), "return", town.people.dispatcher, "请补充位置")
    assert (issue.state, issue.holder_grid) == (State.ASSIGNED, town.cell)
    issue = move(issue, "sign", town.people.leader)
    with pytest.raises(MoveRefused):  # the district waits for the result
        move(issue, "self_handle", town.people.leader, "已处理")
    issue = move(issue, "feed_back", town.people.leader, "已处理")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.district)


def test_what_was_sent_back_down_does_not_come_back_by_another_return(town: Town) -> None:
    issue = move(filed(town), "return", town.people.dispatcher, "请补充位置")
    with pytest.raises(MoveRefused) as refused:
        move(issue, "return", town.people.leader, "不清楚")
    assert {row.name for row in refused.value.possible} == {"sign", "report_up", "note"}
    assert Issue.objects.get(pk=issue.pk).due_at == issue.due_at


def test_a_department_that_gets_it_again_cannot_return_it_again(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属于城管职责")
    department = town.departments.chengguan
    issue = move(issue, "assign", town.people.dispatcher, "经核实属城管职责", to_department_id=department.id)
    with pytest.raises(MoveRefused):
        move(issue, "return", town.people.handler, "不属于城管职责")
    issue = move(issue, "sign", town.people.handler)
    assert move(issue, "feed_back", town.people.handler, "已清运").state == State.FED_BACK


def test_a_cell_solves_what_is_within_its_powers(town: Town) -> None:
    issue = filed(town, "noise")
    assert (issue.state, issue.holder_grid) == (State.ASSIGNED, town.cell)
    issue = move(issue, "self_handle", town.people.leader, "已劝阻")
    assert (issue.state, issue.is_open) == (State.CONCLUDED, False)


def test_a_cell_reports_up_what_it_cannot_solve(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.community)
    issue = move(issue, "handle", town.people.community_leader)
    assert (issue.state, issue.holder_grid) == (State.HANDLING, town.community)
    issue = move(issue, "handle", town.people.community_leader, "已约谈双方")
    assert issue.state == State.HANDLING
    assert move(issue, "self_handle", town.people.community_leader, "双方和解").state == State.CONCLUDED


def test_a_street_assigns_to_a_cell_below_and_gets_the_result(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "report_up", town.people.community_leader, "劝阻无效")
    issue = move(issue, "assign", town.people.street_clerk, "请包村干部到场", to_grid_id=town.community.id)
    assert (issue.state, issue.holder_grid) == (State.ASSIGNED, town.community)
    issue = move(issue, "sign", town.people.community_leader)
    issue = move(issue, "feed_back", town.people.community_leader, "双方和解")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.street)


def test_the_superior_acts_for_a_vacant_cell(town: Town) -> None:
    issue = filed(town, "noise")
    with pytest.raises(NotForYou):
        move(issue, "sign", town.people.community_leader)
    end_posts(town.cell, Role.LEADER)
    assert move(issue, "sign", town.people.community_leader).state == State.HANDLING


def test_a_chain_of_two_assigners_is_walked_backwards_link_by_link(town: Town) -> None:
    issue = move(filed(town, "fire"), "assign", town.people.city_dispatcher, "速处", to_grid_id=town.district.id)
    issue = move(issue, "sign", town.people.dispatcher)
    department = town.departments.chengguan.id
    issue = move(issue, "assign", town.people.dispatcher, "速去", to_department_id=department)
    issue = move(issue, "sign", town.people.handler)
    issue = move(issue, "feed_back", town.people.handler, "已灭火")
    assert issue.holder_grid == town.district
    with pytest.raises(MoveRefused):
        move(issue, "conclude", town.people.dispatcher)
    issue = move(issue, "feed_back", town.people.dispatcher, "已灭火，无伤亡")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.city)
    assert move(issue, "conclude", town.people.city_dispatcher).state == State.CONCLUDED


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        ({}, TargetRefused),
        ({"to_grid": "cell", "to_department": "chengguan"}, TargetRefused),
        ({"to_department": "far_chengguan"}, TargetOutOfReach),
        ({"to_department": "city_chengguan"}, TargetOutOfReach),
        ({"to_grid": "far_cell"}, TargetOutOfReach),
        ({"to_grid": "other_community"}, TargetOutOfReach),  # below the district, but not where it was seen
        ({"to_grid": "next_cell"}, TargetOutOfReach),
        ({"to_grid": "district"}, TargetOutOfReach),
        ({"to_grid": "city"}, TargetOutOfReach),
    ],
)
def test_only_what_lies_in_reach_can_be_assigned_to(
    town: Town, target: dict[str, str], refusal: type[Exception]
) -> None:
    fields = {"to_grid_id": getattr(town, target["to_grid"]).id} if "to_grid" in target else {}
    if "to_department" in target:
        fields["to_department_id"] = getattr(town.departments, target["to_department"]).id
    with pytest.raises(refusal) as refused:
        move(filed(town), "assign", town.people.dispatcher, "请处理", **fields)
    assert str(refused.value)


def test_a_department_with_nobody_cannot_be_assigned_to(town: Town) -> None:
    town.people.other_handler.posts.all().delete()
    with pytest.raises(NobodyThere):
        gongshang = town.departments.gongshang.id
        move(filed(town), "assign", town.people.dispatcher, "请处理", to_department_id=gongshang)


def test_a_missing_reason_and_an_unknown_move_are_refused(town: Town) -> None:
    issue = filed(town)
    with pytest.raises(WordsMissing):
        move(issue, "return", town.people.dispatcher, "  ")
    with pytest.raises(UnknownMove):
        move(issue, "explode", town.people.dispatcher)
    assert Issue.objects.get(pk=issue.pk).version == issue.version


def test_a_concluded_issue_cannot_be_moved(town: Town) -> None:
    issue = move(fed_back(town), "conclude", town.people.dispatcher)
    for name in ("sign", "assign", "conclude", "rework"):
        with pytest.raises(MoveRefused):
            move(issue, name, town.people.dispatcher, "再来")
