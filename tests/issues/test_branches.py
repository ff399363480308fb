"""The branches off the loop: joint handling, transfer, rulings, merging, splitting, other ends, urging, notes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.issues.models import CoHandling, Issue, IssueEvent, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.targets import HoldsItAlready
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.effects import BeingChanged
from apps.issues.services.escalation import sweep
from apps.issues.services.given import GivenRefused
from apps.issues.services.joint import CoHandlersOpen, HelperRefused
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import Give, LinkKind, MoveRefused, NotForYou
from apps.notices.models import Notice
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_moves import assigned, concluded, filed, handled, move


@pytest.fixture(autouse=True)
def _every_promise_holds_afterwards(db: None) -> Any:
    yield
    assert [str(finding) for finding in check_invariants(now=NOW + timedelta(minutes=5)).findings] == []


def texts_for(person: User) -> list[str]:
    return list(Notice.objects.filter(recipient=person).order_by("id").values_list("text", flat=True))


def joint(town: Town) -> Issue:
    """Rubble, with urban management; market supervision helps."""
    issue = move(filed(town), "sign", town.people.dispatcher)
    return move(
        issue,
        "assign",
        town.people.dispatcher,
        "请联合查处",
        to_department_id=town.departments.chengguan.id,
        given={Give.CO_DEPARTMENTS: [town.departments.gongshang.id]},
    )


# --- joint handling 联合办理 ------------------------------------------------------------------------------


def test_who_helps_sees_it_has_a_clock_of_its_own_and_never_moves_the_issue(town: Town) -> None:
    issue = joint(town)
    part = CoHandling.objects.get(issue=issue)
    assert (part.department, part.ended_at, part.instruction) == (town.departments.gongshang, None, "请联合查处")
    assert part.due_at > part.started_at
    assert visible_issues(scope_of(town.people.other_handler.id, NOW)).filter(pk=issue.pk).exists()
    seen = detail(issue.number, scope_of(town.people.other_handler.id, NOW), NOW)
    assert seen is not None
    assert [row.name for row in seen.moves] == ["co_feed_back", "note"]
    assert texts_for(town.people.other_handler) == ["You are asked to help with report %(number)s of %(cell)s"]


def test_the_main_handler_waits_for_who_helps_or_says_why_not(town: Town) -> None:
    issue = move(joint(town), "sign", town.people.handler)
    with pytest.raises(CoHandlersOpen) as refused:
        move(issue, "feed_back", town.people.handler, "已清运")
    assert str(town.departments.gongshang) in str(refused.value)
    issue = move(issue, "co_feed_back", town.people.other_handler, "已吊销执照")
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.chengguan)
    issue = move(issue, "feed_back", town.people.handler, "已清运")
    assert issue.state == State.FED_BACK
    assert CoHandling.objects.get(issue=issue).result == "已吊销执照"


def test_with_a_reason_it_is_fed_back_without_who_helps(town: Town) -> None:
    issue = move(joint(town), "sign", town.people.handler)
    issue = move(issue, "feed_back", town.people.handler, "已清运", given={Give.WITHOUT_CO: "工商今天无人"})
    part = CoHandling.objects.get(issue=issue)
    assert (issue.state, part.outcome, part.result) == (State.FED_BACK, "feed_back", "")
    event = IssueEvent.objects.get(issue=issue, kind="feed_back")
    assert event.payload["without_co"] == "工商今天无人"
    for language, said in (
        ("en", "fed back to 金水区, without waiting for who helps: 工商今天无人"),
        ("zh-hans", "向金水区反馈，未等协办单位：工商今天无人"),
    ):
        browser = Client(headers={"Accept-Language": language})
        browser.force_login(town.people.dispatcher)
        for page in (f"/i/{issue.number}/", f"/m/issue/{issue.number}/"):
            assert said in browser.get(page).text


def test_who_handles_it_cannot_help_itself(town: Town) -> None:
    issue = move(filed(town), "sign", town.people.dispatcher)
    own = town.departments.chengguan.id
    with pytest.raises(HelperRefused):
        move(issue, "assign", town.people.dispatcher, "请办", to_department_id=own, given={Give.CO_DEPARTMENTS: [own]})
    assert not CoHandling.objects.exists()


def test_joint_handling_ends_when_the_holder_changes(town: Town) -> None:
    issue = move(joint(town), "return", town.people.handler, "不属城管")
    assert CoHandling.objects.get(issue=issue).outcome == "return"
    seen = detail(issue.number, scope_of(town.people.other_handler.id, NOW), NOW)
    assert seen is not None
    assert seen.moves == ()


def test_who_helps_and_is_late_is_marked_and_told_once(town: Town) -> None:
    issue = move(joint(town), "sign", town.people.handler)
    later = NOW + timedelta(days=2)
    for _ in range(2):
        sweep(now=later)
    part = CoHandling.objects.get(issue=issue)
    assert part.is_overdue
    assert IssueEvent.objects.filter(issue=issue, kind="co_overdue").count() == 1
    late = "Your part in report %(number)s of %(cell)s is overdue"
    assert texts_for(town.people.other_handler).count(late) == 1
    told = Notice.objects.get(recipient=town.people.dispatcher, text__startswith="%(holder)s, which helps")
    assert "金水区工商局" in told.sentence


# --- transfer, dispute, ruling ----------------------------------------------------------------------------


def test_the_assigner_gives_it_to_somebody_else_and_still_waits(town: Town) -> None:
    other = town.departments.gongshang
    issue = move(handled(town), "transfer", town.people.dispatcher, "属工商", to_department_id=other.id)
    assert (issue.state, issue.holder_department) == (State.ASSIGNED, other)
    last = issue.handovers.order_by("id").last()
    assert last is not None
    assert (last.kind, last.from_grid, last.from_department) == (LinkKind.TRANSFER, town.district, None)
    issue = move(issue, "sign", town.people.other_handler)
    issue = move(issue, "feed_back", town.people.other_handler, "已取缔")
    assert (issue.state, issue.holder_grid, issue.holder_department) == (State.FED_BACK, town.district, None)
    assert "Report %(number)s of %(cell)s was given to somebody else" in texts_for(town.people.handler)


@pytest.mark.parametrize("who", ["handler", "street_leader", "inspector", "leader"])
def test_nobody_but_the_assigner_transfers(town: Town, who: str) -> None:
    with pytest.raises(NotForYou):
        move(
            handled(town),
            "transfer",
            getattr(town.people, who),
            "属工商",
            to_department_id=town.departments.gongshang.id,
        )


def test_whoever_has_it_gets_no_new_clock_by_a_transfer_to_itself(town: Town) -> None:
    issue = handled(town)
    own = town.departments.chengguan.id
    with pytest.raises(HoldsItAlready) as refused:
        move(issue, "transfer", town.people.dispatcher, "再给一次", minutes=200, to_department_id=own)
    assert "金水区城市管理局" in str(refused.value)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    offered = seen.targets["transfer"]
    assert town.departments.chengguan not in (*offered.departments, offered.suggested)
    assert town.departments.gongshang in offered.departments


def test_a_cell_below_is_not_given_to_itself_either(town: Town) -> None:
    issue = move(filed(town), "assign", town.people.dispatcher, "请到场", to_grid_id=town.street.id)
    with pytest.raises(HoldsItAlready):
        move(issue, "transfer", town.people.dispatcher, "再给一次", to_grid_id=town.street.id)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert [cell.id for cell in seen.targets["transfer"].cells] == [town.community.id, town.cell.id]


def test_transferred_away_and_back_it_goes_on_with_what_it_had_left(town: Town) -> None:
    issue = handled(town)  # 4 work hours, from 10:05
    due = issue.due_at
    assert due is not None
    other, own = town.departments.gongshang.id, town.departments.chengguan.id
    issue = move(issue, "transfer", town.people.dispatcher, "属工商", minutes=65, to_department_id=other)
    issue = move(issue, "transfer", town.people.dispatcher, "属城管", minutes=66, to_department_id=own)
    assert issue.due_at == due + timedelta(minutes=1)


def test_ruled_to_be_its_own_it_goes_on_with_the_clock_that_runs(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    issue = move(issue, "assign", town.people.dispatcher, "请工商核实", to_department_id=other)
    issue = move(issue, "sign", town.people.other_handler)
    clock = (issue.due_at, issue.next_action_at, issue.handovers.get(ended_at=None).rung_at)
    ruling = "依据职责清单由工商办理"
    issue = move(issue, "adjudicate", town.people.city_dispatcher, ruling, minutes=45, to_department_id=other)
    held = issue.handovers.get(ended_at=None)
    assert (issue.state, issue.holder_department, held.kind) == (
        State.ASSIGNED,
        town.departments.gongshang,
        LinkKind.ADJUDICATE,
    )
    assert (issue.due_at, issue.next_action_at, held.rung_at) == clock


def declined_twice(town: Town) -> Issue:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    issue = move(issue, "assign", town.people.dispatcher, "请工商核实", to_department_id=other)
    return move(issue, "return", town.people.other_handler, "无照经营才属工商")


def test_after_two_declines_only_a_ruling_moves_it_and_the_ruling_binds(town: Town) -> None:
    issue = declined_twice(town)
    own = town.departments.chengguan.id
    with pytest.raises(MoveRefused):
        move(issue, "assign", town.people.dispatcher, "再办", to_department_id=own)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert "assign" not in [row.name for row in seen.moves]
    ruling = "依据职责清单，建筑垃圾由城管清运"
    issue = move(issue, "adjudicate", town.people.dispatcher, ruling, to_department_id=own)
    assert (issue.state, issue.holder_department) == (State.ASSIGNED, town.departments.chengguan)
    with pytest.raises(MoveRefused):
        move(issue, "return", town.people.handler, "仍不属城管")
    told = "A ruling was made on report %(number)s of %(cell)s: %(text)s"
    assert told in texts_for(town.people.other_handler)
    assert told in texts_for(town.people.leader)
    assert "Report %(number)s of %(cell)s is yours by a ruling: %(text)s" in texts_for(town.people.handler)
    issue = move(issue, "sign", town.people.handler)
    issue = move(issue, "feed_back", town.people.handler, "已清运")
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


def test_a_superior_may_rule_after_the_first_decline_the_platform_may_not(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    with pytest.raises(MoveRefused):
        move(issue, "adjudicate", town.people.dispatcher, "由工商办理", to_department_id=other)
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", to_department_id=other)
    assert issue.holder_department == town.departments.gongshang
    last = issue.handovers.order_by("id").last()
    assert last is not None
    assert last.from_grid == town.city
    issue = move(issue, "sign", town.people.other_handler)
    issue = move(issue, "feed_back", town.people.other_handler, "已办")
    assert issue.holder_grid == town.city  # who ruled waits for the result


def test_after_two_declines_the_platform_does_not_send_it_down_again_either(town: Town) -> None:
    issue = declined_twice(town)
    with pytest.raises(MoveRefused, match="裁决"):
        move(issue, "return", town.people.dispatcher, "请网格补充")
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert {"adjudicate", "report_up"} <= {row.name for row in seen.moves}


def test_a_ruling_binds_a_cell_until_it_feeds_back_is_late_or_a_superior_rules_again(town: Town) -> None:
    issue = declined_twice(town)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由网格自行处理", to_grid_id=town.cell.id)
    issue = move(issue, "sign", town.people.leader)
    for name in ("report_up", "return"):
        with pytest.raises(MoveRefused, match="裁决"):
            move(issue, name, town.people.leader, "无力处理")
    with pytest.raises(MoveRefused):  # the desk that ruled does not rule twice
        move(issue, "adjudicate", town.people.dispatcher, "由社区办理", to_grid_id=town.community.id)
    own = town.departments.chengguan.id
    again = move(issue, "adjudicate", town.people.city_dispatcher, "由城管办理", to_department_id=own)
    assert again.holder_department == town.departments.chengguan


def test_the_sweep_takes_what_is_late_from_a_cell_that_a_ruling_binds(town: Town) -> None:
    issue = declined_twice(town)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由网格自行处理", to_grid_id=town.cell.id)
    sweep(now=NOW + timedelta(days=5))
    issue.refresh_from_db()
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.community)
    assert move(issue, "report_up", town.people.community_leader, "无力处理", minutes=60 * 24 * 5).is_open


def test_opened_again_it_is_still_held_by_the_ruling(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", to_department_id=other)
    issue = move(move(issue, "sign", town.people.other_handler), "feed_back", town.people.other_handler, "已取缔")
    issue = move(move(issue, "conclude", town.people.city_dispatcher), "reopen", town.people.leader, "又开张了")
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.gongshang)
    with pytest.raises(MoveRefused, match="裁决"):
        move(issue, "return", town.people.other_handler, "不属工商")


def test_the_platform_does_not_rule_after_one_decline_by_assigning_it_first(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    own, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(issue, "assign", town.people.dispatcher, "请工商核实", to_department_id=other)
    for person in (town.people.dispatcher, town.people.duty_chief):
        with pytest.raises(MoveRefused, match="争议"):
            move(issue, "adjudicate", person, "由工商办理", to_department_id=other)
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由城管办理", to_department_id=own)
    assert issue.holder_department == town.departments.chengguan


def test_the_district_may_rule_after_one_decline_where_a_street_waits(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "report_up", town.people.community_leader, "劝阻无效")
    own, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(issue, "assign", town.people.street_clerk, "请城管办理", to_department_id=own)
    issue = move(issue, "return", town.people.handler, "不属城管职责")
    issue = move(issue, "assign", town.people.street_clerk, "请工商办理", to_department_id=other)
    with pytest.raises(MoveRefused):
        move(issue, "adjudicate", town.people.street_clerk, "由城管办理", to_department_id=own)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由城管办理", to_department_id=own)
    assert issue.holder_department == town.departments.chengguan


def test_the_same_department_goes_on_with_what_it_had_left_another_one_starts_anew(town: Town) -> None:
    issue = handled(town)  # 4 work hours, from 10:05
    due = issue.due_at
    assert due is not None
    issue = move(issue, "return", town.people.handler, "不属城管", minutes=65)  # one hour used
    issue = move(
        issue, "assign", town.people.dispatcher, "属城管", minutes=95, to_department_id=town.departments.chengguan.id
    )
    assert issue.due_at == due + timedelta(minutes=30)
    issue = move(issue, "sign", town.people.handler, minutes=95)
    other = town.departments.gongshang.id
    issue = move(issue, "transfer", town.people.dispatcher, "改由工商", minutes=95, to_department_id=other)
    assert issue.due_at == datetime(2026, 11, 18, 17, 35, tzinfo=NOW.tzinfo)  # 4 work hours from 11:35


def test_long_after_signing_a_department_cannot_return_it(town: Town) -> None:
    issue = handled(town)
    with pytest.raises(MoveRefused):
        move(issue, "return", town.people.handler, "不属城管", minutes=60 * 30)
    assert move(issue, "return", town.people.handler, "不属城管", minutes=60).state == State.ESCALATED


@pytest.mark.parametrize("again", ["rework", "reopen"])
def test_what_comes_back_to_a_department_was_signed_for_before(town: Town, again: str) -> None:
    issue = move(handled(town), "feed_back", town.people.handler, "已清运", minutes=60)
    if again == "reopen":
        issue = move(issue, "conclude", town.people.dispatcher, minutes=61)
    issue = move(issue, again, town.people.dispatcher, "还有一堆", minutes=62)
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.chengguan)
    with pytest.raises(MoveRefused, match="签收时间已久"):
        move(issue, "return", town.people.handler, "不属城管", minutes=60 * 30)
    assert move(issue, "return", town.people.handler, "不属城管", minutes=63).state == State.ESCALATED


# --- merging and splitting --------------------------------------------------------------------------------


def two(town: Town) -> tuple[Issue, Issue]:
    first, second = filed(town), filed(town)
    return first, second


def test_a_duplicate_ends_and_its_reporter_hears_of_the_result(town: Town) -> None:
    main, double = filed(town), filed(town, cell=town.next_cell)
    Issue.objects.filter(pk=double.pk).update(reporter=town.people.next_leader)
    due = main.due_at
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    main.refresh_from_db()
    assert (double.state, double.merged_into, double.is_open) == (State.MERGED, main, False)
    assert (main.due_at, main.is_open) == (due, True)
    assert IssueEvent.objects.get(issue=main, kind="duplicate").payload == {"number": double.number}
    main = move(main, "handle", town.people.dispatcher)
    move(main, "self_handle", town.people.dispatcher, "已清运")
    for person, issue, cell in (
        (town.people.leader, main, town.cell),
        (town.people.next_leader, double, town.next_cell),
    ):
        told = Notice.objects.get(recipient=person, text="Your report %(number)s of %(cell)s is concluded")
        assert (told.values, told.link) == ({"number": issue.number, "cell": cell.name}, f"/i/{issue.number}/")
        browser = Client()
        browser.force_login(person)
        assert browser.get(told.link).status_code == 200


def test_merged_by_mistake_it_goes_on_by_itself(town: Town) -> None:
    main, double = two(town)
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    double = move(double, "unmerge", town.people.second_dispatcher, "不是同一处")
    assert (double.state, double.merged_into, double.closed_at) == (State.ESCALATED, None, None)
    assert (double.holder_grid, double.due_at is not None) == (town.district, True)


def test_merged_while_a_desk_waited_and_unmerged_by_it_that_desk_ends_it(town: Town) -> None:
    main, double = two(town)
    double = move(double, "assign", town.people.dispatcher, "请到场", to_grid_id=town.street.id)
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    double = move(double, "unmerge", town.people.second_dispatcher, "不是同一处")
    double = move(double, "handle", town.people.dispatcher)
    assert move(double, "self_handle", town.people.dispatcher, "已清运").state == State.CONCLUDED


@pytest.mark.parametrize("number", ["", "x", "20260101-000001", "own", "closed", "unseen"])
def test_it_is_merged_into_an_open_issue_that_one_sees_or_not_at_all(town: Town, number: str) -> None:
    issue = filed(town)
    if number == "own":
        number = issue.number
    elif number == "closed":
        number = concluded(town).number
    elif number == "unseen":
        number = filed(town, cell=town.far_cell).number
    with pytest.raises(GivenRefused) as refused:
        move(issue, "merge", town.people.dispatcher, given={Give.INTO: number})
    assert refused.value.field == "into"
    issue.refresh_from_db()
    assert issue.is_open


def test_when_what_it_was_merged_into_is_closed_it_cannot_be_separated(town: Town) -> None:
    main, double = two(town)
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    move(main, "reject", town.people.dispatcher, "不属受理范围")
    with pytest.raises((MoveRefused, BeingChanged)):
        move(double, "unmerge", town.people.dispatcher, "不是同一处")


def test_it_is_split_into_issues_of_their_own_and_waits_for_them(town: Town) -> None:
    issue = move(filed(town), "handle", town.people.dispatcher)
    issue = move(issue, "split", town.people.dispatcher, given={Give.PARTS: "清运垃圾\n\n 修复路面 \n"})
    route_waiting(now=NOW + timedelta(minutes=5))
    parts = list(Issue.objects.filter(parent=issue).order_by("id"))
    assert [(part.text, part.grid, part.is_open) for part in parts] == [
        ("清运垃圾", town.cell, True),
        ("修复路面", town.cell, True),
    ]
    with pytest.raises(MoveRefused):
        move(issue, "self_handle", town.people.dispatcher, "已办")
    for part in parts:
        part = move(part, "handle", town.people.dispatcher)
        move(part, "self_handle", town.people.dispatcher, "已办")
    assert move(issue, "self_handle", town.people.dispatcher, "已办").state == State.CONCLUDED


@pytest.mark.parametrize("parts", ["", "一件", "\n".join("部" * 3 for _ in range(11))])
def test_one_part_or_eleven_are_no_split(town: Town, parts: str) -> None:
    with pytest.raises(GivenRefused):
        move(filed(town), "split", town.people.dispatcher, given={Give.PARTS: parts})
    assert Issue.objects.count() == 1


# --- other ends, urging, notes ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "state"), [("reject", State.REJECTED), ("cancel", State.CANCELLED)])
def test_a_platform_ends_it_otherwise_and_the_reporter_is_told_why(town: Town, name: str, state: State) -> None:
    issue = move(filed(town), name, town.people.dispatcher, "同一天误报")
    assert (issue.state, issue.is_open, issue.due_at) == (state, False, None)
    notice = Notice.objects.filter(recipient=town.people.leader).order_by("id").last()
    assert notice is not None
    assert "同一天误报" in notice.sentence


def test_a_platform_below_cannot_cancel_what_the_city_waits_for(town: Town) -> None:
    issue = move(filed(town, "fire"), "sign", town.people.city_dispatcher)
    issue = move(issue, "assign", town.people.city_dispatcher, "请区里办理", to_grid_id=town.district.id)
    with pytest.raises(MoveRefused):
        move(issue, "cancel", town.people.dispatcher, "误报")
    assert move(issue, "cancel", town.people.city_dispatcher, "误报").state == State.CANCELLED


def test_urging_and_noting_move_no_clock(town: Town) -> None:
    issue = handled(town)
    clock = (issue.due_at, issue.next_action_at, issue.rung, issue.state, issue.holder_department_id)
    issue = move(issue, "urge", town.people.dispatcher, "居民又来电话")
    issue = move(issue, "note", town.people.inspector, "现场看过")
    assert (issue.due_at, issue.next_action_at, issue.rung, issue.state, issue.holder_department_id) == clock
    assert "Please hurry with report %(number)s of %(cell)s" in texts_for(town.people.handler)
