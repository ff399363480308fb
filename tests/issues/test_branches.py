"""The branches off the loop: joint handling, merging, splitting, other ends, urging, notes."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from apps.grids.models import Tier
from apps.issues.models import CoHandling, Issue, IssueEvent, Standard, State, TierLimit
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.queue import held_by
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.effects import BeingChanged
from apps.issues.services.escalation import sweep
from apps.issues.services.given import GivenRefused
from apps.issues.services.joint import CoHandlersOpen, HelperRefused
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import Give, MoveRefused
from apps.notices.models import Notice
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_moves import concluded, filed, handled, move


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


def moved_up_late(town: Town) -> tuple[Issue, datetime]:
    """Rubble that the main department let run out, with the district again; and when it moved up."""
    issue = joint(town)
    moment = issue.handovers.get(ended_at=None).rung_at[-1]
    sweep(now=moment)
    return Issue.objects.get(pk=issue.pk), moment


def test_joint_handling_ends_when_the_late_holder_loses_it(town: Town) -> None:
    helped_alone = joint(town)
    CoHandling.objects.filter(issue=helped_alone).update(due_at=NOW + timedelta(days=300))
    issue, moment = moved_up_late(town)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.district)
    for part in CoHandling.objects.filter(issue__in=[issue, helped_alone]):
        assert (part.ended_at, part.outcome, part.result) == (moment, "escalate", "")
    seen = detail(issue.number, scope_of(town.people.other_handler.id, moment), moment)
    assert seen is not None
    assert seen.moves == ()
    own = held_by(scope_of(town.people.other_handler.id, moment), moment)
    assert not Issue.objects.filter(own, pk=issue.pk).exists()


def test_the_invariants_name_who_helps_a_holder_that_has_it_no_more(town: Town) -> None:
    issue, moment = moved_up_late(town)
    CoHandling.objects.filter(issue=issue).update(ended_at=None)
    with translation.override("en"):
        found = [str(finding) for finding in check_invariants(now=moment).findings if finding.invariant == "I3"]
    assert found == [f"I3 {issue.number}: somebody helps a holder that has it no more"]
    CoHandling.objects.filter(issue=issue).update(ended_at=moment)


def test_who_helped_and_was_late_when_it_moved_up_stays_late_and_no_other(town: Town) -> None:
    in_time = joint(town)
    CoHandling.objects.filter(issue=in_time).update(due_at=NOW + timedelta(days=300))
    issue, moment = moved_up_late(town)  # one sweep after a long sleep: overdue, cards and moving up at once
    sweep(now=moment + timedelta(days=1))
    assert CoHandling.objects.get(issue=issue).is_overdue
    assert IssueEvent.objects.get(issue=issue, kind="co_overdue").holder_department == town.departments.chengguan
    assert not CoHandling.objects.get(issue=in_time).is_overdue
    assert not IssueEvent.objects.filter(issue=in_time, kind="co_overdue").exists()


def test_who_helped_and_is_late_when_it_is_passed_on_stays_late(town: Town) -> None:
    issue = move(joint(town), "sign", town.people.handler)
    CoHandling.objects.filter(issue=issue).update(due_at=NOW + timedelta(minutes=6))
    move(issue, "return", town.people.handler, "不属城管", minutes=10)
    assert CoHandling.objects.get(issue=issue).is_overdue


def test_who_helps_has_as_long_as_its_own_tier_gives_where_the_category_has_no_standard(town: Town) -> None:
    Standard.objects.filter(category=town.categories.rubbish).delete()
    for tier, amount in ((Tier.CITY, 15), (Tier.DISTRICT, 10)):
        limit = {"limit_amount": amount, "limit_unit": "workday"}
        TierLimit.objects.update_or_create(tier=tier, purpose=TierLimit.Purpose.HANDLE, defaults=limit)
    forget_catalogue()
    issue = joint(town)
    part = CoHandling.objects.get(issue=issue)
    assert (part.limit_amount, part.limit_unit) == (Decimal(10), "workday")
    assert part.due_at == issue.due_at


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
    told = Notice.objects.get(recipient=town.people.handler, text__startswith="%(holder)s, which helps")
    assert "金水区工商局" in told.sentence


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
