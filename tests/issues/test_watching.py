"""Watching over the work: suspending and resuming, more time, supervision cards."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import translation

from apps.issues.models import Card, CoHandling, Handover, Issue, Pause, State
from apps.issues.selectors.arithmetic import clock_sums
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.calendar import edit_calendar_day, seed_calendar
from apps.issues.services.escalation import sweep
from apps.issues.services.given import GivenRefused
from apps.issues.services.recounting import recount_clocks
from apps.issues.services.watching import CardNotSharper, TooMuchTime
from apps.issues.workflow import Give, MoveRefused, NotForYou
from apps.staff.models import Role
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, staffed
from tests.issues.test_moves import filed, handled, move


@pytest.fixture(autouse=True)
def _every_promise_holds_afterwards(db: None) -> Any:
    yield
    assert [str(finding) for finding in check_invariants(now=NOW + timedelta(minutes=5)).findings] == []


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


def suspended_with_helper(town: Town) -> Issue:
    """Rubble with two departments, suspended until tomorrow while both have 4 work hours left."""
    issue = move(filed(town), "sign", town.people.dispatcher)
    issue = move(
        issue,
        "assign",
        town.people.dispatcher,
        "请联合查处",
        to_department_id=town.departments.chengguan.id,
        given={Give.CO_DEPARTMENTS: [town.departments.gongshang.id]},
    )
    issue = move(issue, "sign", town.people.handler)
    return move(issue, "suspend", town.people.dispatcher, "等材料", given={Give.UNTIL: TOMORROW.isoformat()})


def test_who_helps_stands_still_with_it_and_goes_on_with_what_was_left(town: Town) -> None:
    issue = suspended_with_helper(town)
    part = CoHandling.objects.get(issue=issue)
    assert part.due_at == issue.due_at == datetime.combine(TOMORROW, time(12), NOW.tzinfo)
    sweep(now=datetime.combine(TOMORROW, time(7), NOW.tzinfo))
    late = CoHandling.objects.filter(issue=issue, is_overdue=True)
    assert not late.exists()
    sweep(now=datetime.combine(TOMORROW, time(8), NOW.tzinfo))
    assert not late.exists()
    sweep(now=part.due_at)
    assert late.get().due_at == part.due_at


def test_lifted_early_who_helps_gets_back_what_was_left_too(town: Town) -> None:
    issue = suspended_with_helper(town)
    issue = move(issue, "resume", town.people.dispatcher, "材料到了", minutes=65)  # an hour after
    part = CoHandling.objects.get(issue=issue)
    assert part.due_at == issue.due_at == datetime(2026, 11, 18, 17, 5, tzinfo=NOW.tzinfo)
    with translation.override("en"):
        last = clock_sums(issue)[-1]
    assert last.agrees
    assert any("suspended until" in line for line in last.lines)


def test_whoever_was_late_before_the_suspension_is_marked_after_it(town: Town) -> None:
    issue = suspended_with_helper(town)
    before = NOW + timedelta(minutes=6)
    CoHandling.objects.filter(issue=issue).update(due_at=before)
    sweep(now=NOW + timedelta(minutes=30))
    assert not CoHandling.objects.get(issue=issue).is_overdue
    move(issue, "resume", town.people.dispatcher, "材料到了", minutes=65)
    sweep(now=NOW + timedelta(minutes=66))
    part = CoHandling.objects.get(issue=issue)
    assert (part.is_overdue, part.due_at) == (True, before)


def test_who_has_fed_back_while_it_stood_still_is_explained_by_the_planned_end(town: Town) -> None:
    issue = suspended_with_helper(town)
    issue = move(issue, "co_feed_back", town.people.other_handler, "已吊销", minutes=30)
    issue = move(issue, "resume", town.people.dispatcher, "材料到了", minutes=65)
    part = CoHandling.objects.get(issue=issue)
    assert (part.is_overdue, part.due_at) == (False, datetime.combine(TOMORROW, time(12), NOW.tzinfo))
    assert clock_sums(issue)[-1].agrees


def test_after_a_change_of_the_calendar_who_helps_keeps_the_suspension(town: Town) -> None:
    seed_calendar(now=NOW - timedelta(days=9), first_year=2026, last_year=2026)
    forget_calendars()
    issue = suspended_with_helper(town)
    day_off = NOW + timedelta(minutes=10)
    edit_calendar_day(day=TOMORROW, is_working=False, now=day_off, name="停电")
    recount_clocks(now=day_off)
    issue.refresh_from_db()
    part = CoHandling.objects.get(issue=issue)
    assert part.due_at == issue.due_at == datetime.combine(TOMORROW + timedelta(days=1), time(12), NOW.tzinfo)
    assert clock_sums(issue)[-1].agrees


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


def street_handles(town: Town) -> Issue:
    """A neighbours' quarrel that the street deals with itself."""
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "report_up", town.people.community_leader, "劝阻无效")
    return move(issue, "handle", town.people.street_clerk)


UNTIL = {Give.UNTIL: TOMORROW.isoformat()}


def test_a_street_cannot_suspend_what_it_holds_the_district_does(town: Town) -> None:
    issue = street_handles(town)
    for person in (town.people.street_clerk, town.people.street_leader):
        with pytest.raises(NotForYou):
            move(issue, "suspend", person, "等材料", given=UNTIL)
    assert move(issue, "suspend", town.people.dispatcher, "等材料", given=UNTIL).state == State.SUSPENDED


def test_a_district_cannot_suspend_what_it_holds_the_city_does(town: Town) -> None:
    issue = move(filed(town), "handle", town.people.dispatcher)
    with pytest.raises(NotForYou):
        move(issue, "suspend", town.people.duty_chief, "等材料", given=UNTIL)
    assert move(issue, "suspend", town.people.city_dispatcher, "等材料", given=UNTIL).state == State.SUSPENDED


def test_a_community_asks_its_street_agrees_and_only_the_district_grants(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "handle", town.people.community_leader)
    issue = move(issue, "ask_extension", town.people.community_leader, "双方出差", given={Give.AMOUNT: "1"})
    issue = move(issue, "agree_extension", town.people.street_clerk)
    with pytest.raises(NotForYou):
        move(issue, "grant_extension", town.people.street_leader)
    due = issue.due_at
    assert due is not None
    assert move(issue, "grant_extension", town.people.dispatcher).due_at == due + timedelta(hours=1)


def test_colleagues_of_one_desk_give_it_no_more_time(town: Town) -> None:
    issue = move(filed(town), "handle", town.people.dispatcher)
    issue = move(issue, "ask_extension", town.people.dispatcher, "设备故障", given={Give.AMOUNT: "1"})
    with pytest.raises(NotForYou):
        move(issue, "agree_extension", town.people.second_dispatcher)
    issue = move(issue, "agree_extension", town.people.city_dispatcher)
    with pytest.raises(NotForYou):
        move(issue, "grant_extension", town.people.duty_chief)


def test_the_city_has_nobody_above_and_decides_itself(town: Town) -> None:
    second, third = (staffed(name, town.city, Role.DISPATCHER) for name in ("马市台", "牛市台"))
    issue = move(filed(town, "fire"), "handle", town.people.city_dispatcher)
    issue = move(issue, "ask_extension", town.people.city_dispatcher, "余火未清", given={Give.AMOUNT: "0.5"})
    issue = move(issue, "agree_extension", second)
    issue = move(issue, "grant_extension", third)
    assert move(issue, "suspend", second, "列入改造", given=UNTIL).state == State.SUSPENDED


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
    record_late()
    assert check_invariants(now=later + timedelta(minutes=1), sample=0).findings == []
