"""The branches off the loop: joint handling, transfer, rulings, merging, splitting, other ends, evaluation, appeals."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from apps.issues.models import Card, CoHandling, Handover, Issue, IssueEvent, Pause, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.effects import BeingChanged
from apps.issues.services.escalation import sweep
from apps.issues.services.given import GivenRefused
from apps.issues.services.joint import CoHandlersOpen, HelperRefused
from apps.issues.services.routing import route_waiting
from apps.issues.services.watching import CardNotSharper, TooMuchTime
from apps.issues.workflow import Give, LinkKind, MoveRefused, NotForYou
from apps.notices.models import Notice
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_moves import assigned, fed_back, filed, handled, move


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


# --- suspending, more time, cards -------------------------------------------------------------------------

TOMORROW = (NOW + timedelta(days=1)).date()


def test_a_suspended_clock_stands_still_and_goes_on_by_itself(town: Town) -> None:
    issue = handled(town)
    due = issue.due_at
    assert due is not None
    issue = move(issue, "suspend", town.people.dispatcher, "等材料", given={Give.UNTIL: TOMORROW.isoformat()})
    assert issue.state == State.SUSPENDED
    assert issue.due_at is not None
    assert issue.due_at > due
    morning = datetime.combine(TOMORROW, time(8), NOW.tzinfo)
    sweep(now=morning)
    issue.refresh_from_db()
    assert issue.state == State.HANDLING
    assert Pause.objects.get(handover__issue=issue).ended_at is not None
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, morning), morning)
    assert seen is not None
    assert "suspend" not in [row.name for row in seen.moves]  # once


def test_lifted_at_once_a_suspension_changes_nothing(town: Town) -> None:
    issue = handled(town)
    before = (issue.due_at, issue.next_action_at, issue.step, issue.rung)
    issue = move(issue, "suspend", town.people.duty_chief, "等材料", given={Give.UNTIL: TOMORROW.isoformat()})
    issue = move(issue, "resume", town.people.dispatcher, "材料到了")
    assert (issue.due_at, issue.next_action_at, issue.step, issue.rung) == before
    with pytest.raises(MoveRefused):
        move(issue, "suspend", town.people.dispatcher, "又等", given={Give.UNTIL: TOMORROW.isoformat()})


@pytest.mark.parametrize("until", ["", "2026-11-18", "2020-01-01", "2028-01-01", "tomorrow", "2026-02-30"])
def test_it_is_suspended_until_a_day_within_a_year(town: Town, until: str) -> None:
    with pytest.raises(GivenRefused) as refused:
        move(handled(town), "suspend", town.people.dispatcher, "等材料", given={Give.UNTIL: until})
    assert refused.value.field == "until"


def test_more_time_takes_two_people_beside_who_asks(town: Town) -> None:
    issue = handled(town)
    due = issue.due_at
    issue = move(issue, "ask_extension", town.people.handler, "设备故障", given={Give.AMOUNT: "2"})
    assert issue.due_at == due
    with pytest.raises(MoveRefused):
        move(issue, "grant_extension", town.people.duty_chief)  # nobody has agreed yet
    issue = move(issue, "agree_extension", town.people.dispatcher)
    with pytest.raises(MoveRefused):
        move(issue, "grant_extension", town.people.dispatcher)
    issue = move(issue, "grant_extension", town.people.duty_chief)
    held = issue.handovers.get(ended_at=None)
    assert due == datetime(2026, 11, 18, 16, 5, tzinfo=NOW.tzinfo)
    assert issue.due_at == held.due_at == datetime.combine(TOMORROW, time(8, 5), NOW.tzinfo)  # two work hours later
    assert held.limit_amount == 6


@pytest.mark.parametrize("amount", ["5", "0", "-1", "x", "NaN", "1e9", ""])
def test_more_time_is_at_most_the_original_limit(town: Town, amount: str) -> None:
    with pytest.raises((GivenRefused, TooMuchTime)) as refused:
        move(handled(town), "ask_extension", town.people.handler, "设备故障", given={Give.AMOUNT: amount})
    assert refused.value.field == "amount"


def test_more_time_is_granted_twice_at_most_and_never_too_late(town: Town) -> None:
    issue = handled(town)
    for _ in range(2):
        issue = move(issue, "ask_extension", town.people.handler, "设备故障", given={Give.AMOUNT: "4"})
        issue = move(issue, "agree_extension", town.people.dispatcher)
        issue = move(issue, "grant_extension", town.people.duty_chief)
    with pytest.raises(MoveRefused):
        move(issue, "ask_extension", town.people.handler, "又故障", given={Give.AMOUNT: "1"})
    late = handled(town)
    with pytest.raises(MoveRefused):
        move(late, "ask_extension", town.people.handler, "故障", minutes=60 * 48, given={Give.AMOUNT: "1"})


def test_a_refusal_does_not_count_as_an_extension(town: Town) -> None:
    issue = handled(town)
    for _ in range(3):
        issue = move(issue, "ask_extension", town.people.handler, "设备故障", given={Give.AMOUNT: "1"})
        issue = move(issue, "refuse_extension", town.people.dispatcher, "可借用街道设备")
    due = issue.due_at
    issue = move(issue, "ask_extension", town.people.handler, "设备故障", given={Give.AMOUNT: "1"})
    issue = move(issue, "agree_extension", town.people.dispatcher)
    assert due is not None
    assert move(issue, "grant_extension", town.people.duty_chief).due_at == due + timedelta(hours=1)


def test_a_card_only_becomes_sharper_until_it_is_lifted(town: Town) -> None:
    issue = move(handled(town), "supervise", town.people.inspector, "居民反映强烈", given={Give.CARD: "yellow"})
    assert issue.card == Card.YELLOW
    with pytest.raises(CardNotSharper):
        move(issue, "supervise", town.people.dispatcher, "督办", given={Give.CARD: "supervised"})
    issue = move(issue, "supervise", town.people.city_dispatcher, "仍未动工", given={Give.CARD: "red"})
    issue = move(issue, "lift_card", town.people.inspector, "已开工")
    assert issue.card == Card.NONE
    with pytest.raises(MoveRefused):
        move(issue, "lift_card", town.people.inspector, "再取消")


@pytest.mark.parametrize("card", ["", "0", "1", "none", "green"])
def test_only_cards_that_there_are_can_be_given(town: Town, card: str) -> None:
    with pytest.raises(GivenRefused):
        move(handled(town), "supervise", town.people.inspector, "督办", given={Give.CARD: card})


# --- evaluation and opening again -------------------------------------------------------------------------


def concluded(town: Town) -> Issue:
    return move(fed_back(town), "conclude", town.people.dispatcher)


def test_the_reporter_and_who_concluded_evaluate_once_each(town: Town) -> None:
    rating = {Give.SCORE: "4", Give.IS_SATISFIED: "yes"}
    issue = move(concluded(town), "evaluate", town.people.leader, "办得快", given=rating)
    assert issue.state == State.EVALUATED
    assert IssueEvent.objects.get(issue=issue, kind="evaluate").payload == {
        "text": "办得快",
        "score": 4,
        "is_satisfied": True,
    }
    with pytest.raises(MoveRefused):
        move(issue, "evaluate", town.people.leader, given=rating)
    move(issue, "evaluate", town.people.dispatcher, given=rating)
    with pytest.raises(MoveRefused):
        move(issue, "evaluate", town.people.handler, given=rating)


@pytest.mark.parametrize(
    ("score", "satisfied", "field"),
    [
        *[("", "yes", "score"), ("6", "yes", "score"), ("0", "no", "score"), ("4.5", "no", "score")],
        *[(True, "yes", "score"), ("٣", "yes", "score"), ("3", "", "is_satisfied"), ("3", "maybe", "is_satisfied")],
    ],
)
def test_a_bad_evaluation_is_refused_field_by_field(town: Town, score: Any, satisfied: str, field: str) -> None:
    given = {Give.SCORE: score, Give.IS_SATISFIED: satisfied}
    with pytest.raises(GivenRefused) as refused:
        move(concluded(town), "evaluate", town.people.leader, given=given)
    assert refused.value.field == field
    assert str(refused.value)


def test_opened_again_it_goes_to_who_handled_it_with_a_clock(town: Town) -> None:
    issue = move(concluded(town), "reopen", town.people.leader, "又倒了一堆")
    assert (issue.state, issue.holder_department, issue.closed_at) == (
        State.HANDLING,
        town.departments.chengguan,
        None,
    )
    assert issue.due_at is not None
    issue = move(issue, "feed_back", town.people.handler, "再次清运")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.district)
    assert "Report %(number)s of %(cell)s is open again: %(text)s" in texts_for(town.people.handler)


def test_after_some_days_it_cannot_be_opened_again(town: Town) -> None:
    issue = concluded(town)
    with pytest.raises(MoveRefused):
        move(issue, "reopen", town.people.leader, "又倒了", minutes=60 * 24 * 16)
    assert move(issue, "reopen", town.people.leader, "又倒了", minutes=60 * 24 * 14).is_open


# --- merging and splitting --------------------------------------------------------------------------------


def two(town: Town) -> tuple[Issue, Issue]:
    first, second = filed(town), filed(town)
    return first, second


def test_a_duplicate_ends_and_its_reporter_hears_of_the_result(town: Town) -> None:
    main, double = two(town)
    Issue.objects.filter(pk=double.pk).update(reporter=town.people.next_leader)
    due = main.due_at
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    main.refresh_from_db()
    assert (double.state, double.merged_into, double.is_open) == (State.MERGED, main, False)
    assert (main.due_at, main.is_open) == (due, True)
    assert IssueEvent.objects.get(issue=main, kind="duplicate").payload == {"number": double.number}
    main = move(main, "handle", town.people.dispatcher)
    move(main, "self_handle", town.people.dispatcher, "已清运")
    concluded_text = "Your report %(number)s of %(cell)s is concluded"
    assert concluded_text in texts_for(town.people.leader)
    assert concluded_text in texts_for(town.people.next_leader)


def test_merged_by_mistake_it_goes_on_by_itself(town: Town) -> None:
    main, double = two(town)
    double = move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    double = move(double, "unmerge", town.people.second_dispatcher, "不是同一处")
    assert (double.state, double.merged_into, double.closed_at) == (State.ESCALATED, None, None)
    assert (double.holder_grid, double.due_at is not None) == (town.district, True)


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


# --- appeals 超时申诉 --------------------------------------------------------------------------------------


def late(town: Town) -> Issue:
    """Concluded, but the department was late."""
    issue = handled(town)
    late_at = 60 * 24 * 3
    issue = move(issue, "feed_back", town.people.handler, "已清运", minutes=late_at)
    return move(issue, "conclude", town.people.dispatcher, minutes=late_at + 1)


def test_a_late_department_appeals_once_and_two_reviewers_decide(town: Town) -> None:
    issue = late(town)
    issue = move(issue, "appeal", town.people.second_handler, "当日暴雨停工")
    issue = move(issue, "uphold_appeal", town.people.inspector, "气象记录属实")
    with pytest.raises(MoveRefused):
        move(issue, "uphold_appeal", town.people.inspector, "再次同意")
    issue = move(issue, "uphold_appeal", town.people.duty_chief, "同意")
    for name, who in (("appeal", town.people.handler), ("uphold_appeal", town.people.city_dispatcher)):
        with pytest.raises(MoveRefused):
            move(issue, name, who, "再")
    assert issue.handovers.filter(is_overdue=True).exists()  # the raw fact stays


def test_who_was_in_time_has_nothing_to_appeal_against(town: Town) -> None:
    with pytest.raises(NotForYou):
        move(concluded(town), "appeal", town.people.handler, "没有超时")


def test_an_appeal_refused_is_decided(town: Town) -> None:
    issue = move(late(town), "appeal", town.people.handler, "暴雨")
    issue = move(issue, "refuse_appeal", town.people.inspector, "当日无雨")
    with pytest.raises(MoveRefused):
        move(issue, "uphold_appeal", town.people.duty_chief, "同意")


def test_what_is_suspended_at_the_top_after_its_last_rung_breaks_no_invariant(town: Town) -> None:
    """There is nobody above the city: the last rung stays ahead of it, however long it is past."""
    issue = move(filed(town, "fire"), "handle", town.people.city_dispatcher)
    last = Handover.objects.get(issue=issue, ended_at=None).rung_at[-1]
    later = last + timedelta(minutes=5)
    sweep(now=later)
    assert "realarm" in [event.kind for event in issue.events.all()]
    minutes = int((later - NOW).total_seconds() // 60) + 1
    until = {Give.UNTIL: str((later + timedelta(days=30)).date())}
    move(issue, "suspend", town.people.city_dispatcher, "列入改造", minutes=minutes, given=until)
    assert check_invariants(now=later + timedelta(minutes=1), sample=0).findings == []
