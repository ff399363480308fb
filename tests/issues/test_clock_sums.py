"""Why a clock is due when it is: line by line, on a page and by the API, for whoever may see the issue."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from apps.issues.deadlines import Limit, Unit, add_limit, explain, explain_running
from apps.issues.models import Handover, Issue
from apps.issues.selectors.arithmetic import ClockSum, clock_sums
from apps.issues.selectors.calendar import forget_calendars, work_calendar
from apps.issues.services.calendar import edit_calendar_day, seed_calendar
from apps.issues.services.escalation import sweep
from apps.issues.services.recounting import recount_clocks
from apps.issues.workflow import Give
from tests.factories import NOW, SHANGHAI, Town, user
from tests.issues.calendars import at, limit, real_calendar
from tests.issues.test_api import client
from tests.issues.test_moves import assigned, filed, handled, move

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _seeded(town: Town) -> None:
    seed_calendar(now=NOW - timedelta(days=9), first_year=2026, last_year=2026)
    forget_calendars()


def sums(issue: Issue) -> list[ClockSum]:
    with translation.override("en"):
        return clock_sums(Issue.objects.get(pk=issue.pk))


def test_each_clock_says_its_limit_where_it_comes_from_and_comes_to_what_counts(town: Town) -> None:
    found = sums(handled(town))
    assert all(one.agrees and one.lines and not one.notes for one in found)
    assert [one.holder for one in found[:2]] == ["Jinshui Urban Management", "金水区"]
    assert found[0].source.startswith("the standard of “")
    assert found[1].source == "the time for passing it on at this tier"


def test_days_off_make_up_days_and_breaks_stand_in_the_lines(town: Town) -> None:
    issue = assigned(town)
    Handover.objects.filter(issue=issue, ended_at=None).update(
        started_at=at("2026-02-13T17:00"), limit_amount=12, limit_unit="workhour"
    )
    Issue.objects.filter(pk=issue.pk).update(filed_at=at("2026-02-13T16:00"))
    lines = sums(issue)[0].lines
    assert lines[0] == "2026-02-13  Friday  working day  17:00–18:00  1:00 used, 11:00 left"
    assert (
        lines[1]
        == "2026-02-14  Saturday  make-up working day (春节调休)  08:00–12:00, 14:00–18:00  8:00 used, 3:00 left"
    )
    assert "day off (春节)" in lines[4]
    assert lines[-1].endswith("3:00 used, 0:00 left")


def test_paused_at_the_very_moment_it_was_due_it_comes_to_the_end_of_the_pause(town: Town) -> None:
    issue = handled(town)
    assert issue.due_at is not None
    minutes, until = int((issue.due_at - NOW).total_seconds() // 60), (NOW + timedelta(days=2)).date()
    given = {Give.UNTIL: str(until)}
    issue = move(issue, "suspend", town.people.dispatcher, "等专家", minutes=minutes, given=given)
    first = sums(issue)[0]
    assert first.agrees and first.counted == issue.due_at
    assert "suspended until" in first.lines[-1]


def test_what_was_late_before_its_pause_comes_to_the_time_it_had(town: Town) -> None:
    issue = handled(town)
    assert issue.due_at is not None
    minutes, until = int((issue.due_at - NOW).total_seconds() // 60), (NOW + timedelta(days=2)).date()
    sweep(now=issue.due_at)
    given = {Give.UNTIL: str(until)}
    issue = move(issue, "suspend", town.people.dispatcher, "等专家", minutes=minutes, given=given)
    first = sums(issue)[0]
    assert first.agrees and first.counted == issue.due_at


def test_a_pause_is_a_line_of_its_own(town: Town) -> None:
    until = (NOW + timedelta(days=20)).date()
    issue = move(handled(town), "suspend", town.people.dispatcher, "等专家", given={Give.UNTIL: str(until)})
    first = sums(issue)[0]
    assert first.agrees
    assert sum("suspended until" in line for line in first.lines) == 1
    assert first.lines[-1].endswith("0:00 left")


def test_an_extension_is_named(town: Town) -> None:
    people = town.people
    issue = move(handled(town), "ask_extension", people.handler, "等材料", given={Give.AMOUNT: "2"}, minutes=20)
    issue = move(issue, "agree_extension", people.dispatcher, minutes=21)
    first = sums(move(issue, "grant_extension", people.duty_chief, minutes=22))[0]
    assert first.agrees
    assert first.notes == ("Extended on 2026-11-18 10:22 by 2 × work hour; the limit above holds it.",)


def test_what_was_late_before_the_calendar_changed_stays_and_the_page_says_why(town: Town) -> None:
    issue = assigned(town)
    due = Handover.objects.get(issue=issue, ended_at=None).due_at
    sweep(now=due)
    edit_calendar_day(day=due.astimezone(SHANGHAI).date(), is_working=False, now=due, name="停电")
    recount_clocks(now=due)
    first = sums(issue)[0]
    assert not first.agrees
    assert first.due_at == due
    assert first.notes[-1] == "The due time had passed when the calendar was changed, so it stays."


def returned(town: Town) -> Issue:
    """Rubble that its department gave back at 11:00, after 55 minutes of its 4 work hours; it was due at 16:05."""
    return move(assigned(town), "return", town.people.handler, "不属于城管", minutes=60)


def given_again(issue: Issue, town: Town) -> Issue:
    target = town.departments.chengguan.id
    return move(issue, "assign", town.people.dispatcher, "属于", minutes=70, to_department_id=target)


def test_a_department_that_gets_it_again_goes_on_with_what_it_had_left(town: Town) -> None:
    first = sums(given_again(returned(town), town))[0]
    assert first.agrees
    assert first.due_at == NOW + timedelta(hours=6, minutes=15)
    assert first.lines == ("2026-11-18  Wednesday  working day  11:10–12:00, 14:00–16:15  3:05 used, 0:00 left",)
    used, left = "0:55 of the limit were used by 2026-11-18 11:00", "3:05 were left"
    assert first.notes == (f"It had this issue before: {used}, {left}.",)


def test_transferred_away_and_back_it_goes_on_with_what_it_had_left(town: Town) -> None:
    one, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(assigned(town), "transfer", town.people.dispatcher, "改派", minutes=60, to_department_id=other)
    issue = move(issue, "transfer", town.people.dispatcher, "改回", minutes=70, to_department_id=one)
    first = sums(issue)[0]
    assert first.agrees
    assert first.due_at == NOW + timedelta(hours=6, minutes=15)
    assert first.notes[-1].endswith("0:55 of the limit were used by 2026-11-18 11:00, 3:05 were left.")


def test_what_a_ruling_leaves_where_it_is_keeps_its_clock_and_says_so(town: Town) -> None:
    issue = move(returned(town), "assign", town.people.dispatcher, "请办", minutes=70, **to_gongshang(town))
    due = issue.due_at
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "归工商", minutes=80, **to_gongshang(town))
    first = sums(issue)[0]
    assert first.agrees
    assert first.due_at == due
    assert "0:10 of the limit were used by 2026-11-18 11:20" in first.notes[-1]


def to_gongshang(town: Town) -> dict[str, int]:
    return {"to_department_id": town.departments.gongshang.id}


def test_days_off_declared_while_it_was_returned_take_nothing_of_what_was_left(town: Town) -> None:
    issue, now = returned(town), NOW + timedelta(minutes=65)
    for day in (NOW.date(), NOW.date() + timedelta(days=1)):
        edit_calendar_day(day=day, is_working=False, now=now, name="停电")
    recount_clocks(now=now)
    issue = given_again(issue, town)
    assert issue.due_at == at("2026-11-20T11:05")
    remind_at = issue.handovers.get(ended_at=None).rung_at[0]
    assert remind_at == issue.due_at - timedelta(hours=1)  # at three quarters of the whole limit
    first = sums(issue)[0]
    assert first.agrees
    assert first.notes[-1].endswith("3:05 were left.")


def test_what_was_returned_after_its_time_is_due_at_once(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属于城管", minutes=60 * 7)
    target = town.departments.chengguan.id
    issue = move(issue, "assign", town.people.dispatcher, "属于", minutes=60 * 7 + 10, to_department_id=target)
    first = sums(issue)[0]
    assert first.agrees
    assert first.due_at == first.started_at
    assert first.notes[-1].endswith("0:00 were left.")


def test_more_time_comes_on_top_of_what_was_left(town: Town) -> None:
    people = town.people
    issue = move(given_again(returned(town), town), "sign", people.handler, minutes=71)
    issue = move(issue, "ask_extension", people.handler, "等材料", given={Give.AMOUNT: "2"}, minutes=72)
    issue = move(issue, "agree_extension", people.dispatcher, minutes=73)
    first = sums(move(issue, "grant_extension", people.duty_chief, minutes=74))[0]
    assert first.agrees
    assert first.due_at == at("2026-11-19T08:15")
    assert [note.split(" ")[0] for note in first.notes] == ["It", "Extended"]
    assert "3:05 were left" in first.notes[0]


def test_where_it_was_not_kept_what_was_left_the_page_says_so(town: Town) -> None:
    issue = given_again(returned(town), town)
    Handover.objects.filter(issue=issue).update(used_before=None)
    first = sums(issue)[0]
    assert not first.agrees
    assert first.notes == ("It had this issue before and returned it: it goes on with the time that it had left then.",)


def test_unknown_years_are_a_warning_and_stop_nothing(town: Town) -> None:
    issue = assigned(town)
    far = at("2031-05-05T09:00")
    Handover.objects.filter(issue=issue, ended_at=None).update(started_at=far, due_at=far + timedelta(hours=4))
    assert any("2031 are not known" in note for note in sums(issue)[0].notes)


def test_who_helps_has_a_sum_too(town: Town) -> None:
    issue = move(filed(town), "sign", town.people.dispatcher)
    helpers = {Give.CO_DEPARTMENTS: [town.departments.gongshang.id]}
    target = town.departments.chengguan.id
    issue = move(issue, "assign", town.people.dispatcher, "一起办", to_department_id=target, given=helpers)
    last = sums(issue)[-1]
    assert (last.holder, last.kind, last.agrees) == ("Jinshui Market Supervision", "helps", True)


def test_it_costs_the_same_however_many_clocks(town: Town, django_assert_max_num_queries: Any) -> None:
    issue = Issue.objects.get(pk=handled(town).pk)
    work_calendar(None)
    with django_assert_max_num_queries(7):
        assert len(clock_sums(issue)) > 4


def test_the_page_and_the_api_tell_the_same_to_whoever_sees_the_issue(town: Town) -> None:
    issue = assigned(town)
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(town.people.leader)
    page = browser.get(f"/i/{issue.number}/clock/").content.decode()
    answer = client(town.people.leader).get(f"/api/v1/issues/{issue.number}/clock/").json()
    assert page.count("<article") == len(answer["clocks"]) == issue.handovers.count()
    assert all(clock["agrees"] for clock in answer["clocks"])
    pane = browser.get(f"/i/{issue.number}/").content.decode()
    assert f'href="/i/{issue.number}/clock/"' in pane


def test_others_are_told_nothing(town: Town) -> None:
    issue, stranger = assigned(town), user("stranger two")
    browser = Client()
    browser.force_login(stranger)
    assert browser.get(f"/i/{issue.number}/clock/").status_code == 404
    assert client(stranger).get(f"/api/v1/issues/{issue.number}/clock/").status_code == 404
    assert client(town.people.leader).get("/api/v1/issues/20130208-999999/clock/").status_code == 404


@pytest.mark.parametrize("unit", list(Unit))
def test_across_spring_festival_the_telling_ends_at_the_due_time(unit: Unit) -> None:
    start, wanted, calendar = at("2026-02-13T17:00"), limit(4, unit.value), real_calendar()
    [stretch] = explain_running(start, wanted, (), calendar)
    assert list(stretch.steps) == explain(start, wanted, calendar)
    assert stretch.steps[-1].spans[-1][1] == add_limit(start, wanted, calendar)
    assert Limit(wanted.amount, unit) == wanted
