"""After a change of the calendar clocks stand as if it had always been so; what has happened stays."""

import contextlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.issues.deadlines import Limit, Unit, WorkCalendar, elapsed, recount, resume, start_ladder, time_between
from apps.issues.deadlines.ladder import PLAIN_RUNGS
from apps.issues.models import CalendarEdit, Handover, Issue, WorkingPeriod
from apps.issues.selectors.calendar import forget_calendars, work_calendar
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services import recounting
from apps.issues.services.calendar import edit_calendar_day, save_working_period, seed_calendar
from apps.issues.services.escalation import sweep
from apps.issues.services.moves import StaleVersion
from apps.issues.services.recounting import recount_clocks
from apps.issues.workflow import Give
from apps.notices.models import Notice
from apps.staff.selectors import scope_of
from tests.factories import NOW, SHANGHAI, Town
from tests.issues.calendars import real_calendar
from tests.issues.test_moves import assigned, filed, handled, move

WEDNESDAY = NOW.date()
THURSDAY = WEDNESDAY + timedelta(days=1)
SATURDAY = WEDNESDAY + timedelta(days=3)
LATER = NOW + timedelta(minutes=30)
REAL = real_calendar()
FIRST = datetime(2026, 1, 5, 8, tzinfo=SHANGHAI)


# --- the rule -----------------------------------------------------------------------------------------

MOMENTS = st.integers(0, 300 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
LIMITS = st.builds(
    Limit, st.integers(1, 300).map(lambda n: Decimal(n) / 4), st.sampled_from([Unit.WORK_HOUR, Unit.WORK_DAY])
)
CHANGED = st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.booleans(), max_size=6)


def with_changes(changes: dict[date, bool]) -> WorkCalendar:
    return WorkCalendar({**REAL.days, **changes})


@given(start=MOMENTS, limit=LIMITS, changes=CHANGED)
def test_a_clock_counted_again_stands_as_if_the_calendar_had_always_been_so(
    start: datetime, limit: Limit, changes: dict[date, bool]
) -> None:
    after = with_changes(changes)
    running = start_ladder(start, limit, PLAIN_RUNGS, REAL)
    counted = recount(running, done=0, pauses=(), unit=limit.unit, before=REAL, after=after)
    assert counted == start_ladder(start, limit, PLAIN_RUNGS, after)


@given(start=MOMENTS, limit=LIMITS, done=st.integers(0, 3))
def test_an_unchanged_calendar_changes_nothing(start: datetime, limit: Limit, done: int) -> None:
    running = start_ladder(start, limit, PLAIN_RUNGS, REAL)
    same = with_changes({})
    assert recount(running, done=done, pauses=(), unit=limit.unit, before=REAL, after=same) == running


@given(start=MOMENTS, limit=LIMITS, off=st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5))
def test_a_day_off_more_never_makes_a_due_time_earlier(start: datetime, limit: Limit, off: set[date]) -> None:
    running = start_ladder(start, limit, PLAIN_RUNGS, REAL)
    after = with_changes(dict.fromkeys(off, False))
    counted = recount(running, done=0, pauses=(), unit=limit.unit, before=REAL, after=after)
    assert all(new >= old for new, old in zip(counted.rung_at, running.rung_at, strict=True))


@given(start=MOMENTS, limit=LIMITS, wait=st.integers(1, 2_000), still=st.integers(1, 5_000), changes=CHANGED)
def test_what_is_left_after_a_pause_stays_the_same(
    start: datetime, limit: Limit, wait: int, still: int, changes: dict[date, bool]
) -> None:
    begins = start + timedelta(minutes=wait)
    stops = begins + timedelta(minutes=still)
    unit, after = limit.unit, with_changes(changes)
    running = resume(
        start_ladder(start, limit, PLAIN_RUNGS, REAL), paused_at=begins, now=stops, unit=unit, calendar=REAL
    )
    pauses = [(begins, stops)]
    counted = recount(running, done=0, pauses=pauses, unit=unit, before=REAL, after=after)
    for old, new in zip(running.rung_at, counted.rung_at, strict=True):
        assert elapsed(start, old, pauses, unit, REAL) == elapsed(start, new, pauses, unit, after)


@given(start=MOMENTS, limit=LIMITS, done=st.integers(1, 3), changes=CHANGED)
def test_rungs_that_have_happened_stay_and_the_others_come_after_them(
    start: datetime, limit: Limit, done: int, changes: dict[date, bool]
) -> None:
    running = start_ladder(start, limit, PLAIN_RUNGS, REAL)
    counted = recount(running, done=done, pauses=(), unit=limit.unit, before=REAL, after=with_changes(changes))
    assert counted.rung_at[:done] == running.rung_at[:done]
    assert counted.rung_at == sorted(counted.rung_at)
    assert counted.due_at == running.due_at or done < 2


@given(start=MOMENTS, limit=LIMITS, wait=st.integers(1, 2_000), still=st.integers(1, 5_000), changes=CHANGED)
def test_what_was_left_by_the_old_calendar_runs_on_by_the_new_one(
    start: datetime, limit: Limit, wait: int, still: int, changes: dict[date, bool]
) -> None:
    begins = start + timedelta(minutes=wait)
    now, unit, after = begins + timedelta(minutes=still), limit.unit, with_changes(changes)
    running = start_ladder(start, limit, PLAIN_RUNGS, REAL)
    resumed = resume(running, paused_at=begins, now=now, unit=unit, calendar=after, measured_by=REAL)
    for old, new in zip(running.rung_at, resumed.rung_at, strict=True):
        left = time_between(begins, old, unit, REAL)
        assert new == old if old < begins else time_between(now, new, unit, after) == left


# --- the service --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _calendar(request: pytest.FixtureRequest) -> None:
    if "town" in request.fixturenames:
        request.getfixturevalue("town")
        seed_calendar(now=NOW - timedelta(days=9), first_year=2026, last_year=2026)
        forget_calendars()


def day_off(day: date, now: datetime = LATER) -> None:
    edit_calendar_day(day=day, is_working=False, now=now, name="停电")


def clock_of(issue: Issue) -> Handover:
    return Handover.objects.get(issue=issue, ended_at=None)


@pytest.mark.django_db
def test_a_day_off_moves_the_due_time_of_whoever_it_concerns_and_is_told(town: Town) -> None:
    issue = assigned(town)
    before = clock_of(issue)
    Notice.objects.all().delete()
    day_off(before.due_at.astimezone(SHANGHAI).date())
    result = recount_clocks(now=LATER + timedelta(minutes=1))
    after, row = clock_of(issue), Issue.objects.get(pk=issue.pk)
    assert (result.looked_at, result.changed) == (1, 1)
    calendar = work_calendar(issue.district_id)
    limit = Limit(after.limit_amount, Unit(after.limit_unit))
    assert elapsed(after.started_at, after.due_at, (), limit.unit, calendar) == limit.span
    assert after.due_at > before.due_at
    assert (row.due_at, row.next_action_at, row.version) == (after.due_at, after.rung_at[row.step], issue.version + 1)
    assert check_invariants(now=LATER + timedelta(minutes=1), sample=0).findings == []
    assert {n.recipient.name for n in Notice.objects.all()} == {"朱城管", "秦城管"}
    [edit] = CalendarEdit.objects.all()
    assert (edit.recounted, edit.counted_at) == (1, LATER + timedelta(minutes=1))


@pytest.mark.django_db
@pytest.mark.parametrize(("lang", "said"), [("en", "instead of"), ("zh-hans", "改为")])
def test_the_timeline_says_what_the_due_time_was_and_is(town: Town, lang: str, said: str) -> None:
    issue = assigned(town)
    day_off(THURSDAY)
    day_off(WEDNESDAY)
    recount_clocks(now=LATER)
    with translation.override(lang):
        page = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), LATER)
        assert page is not None
        assert said in page.lines[-1].sentence
        assert page.issue.due_at is not None
        assert page.issue.due_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") in page.lines[-1].sentence


@pytest.mark.django_db
def test_done_again_it_changes_nothing_and_a_day_given_back_restores_every_moment(town: Town) -> None:
    issue = assigned(town)
    before = clock_of(issue)
    day_off(WEDNESDAY)
    recount_clocks(now=LATER)
    assert recount_clocks(now=LATER).looked_at == 0
    CalendarEdit.objects.update(counted_at=None, reached=0)
    assert recount_clocks(now=LATER).changed == 0
    edit_calendar_day(day=WEDNESDAY, is_working=True, now=LATER + timedelta(minutes=5))
    recount_clocks(now=LATER + timedelta(minutes=5))
    after = clock_of(issue)
    assert (after.due_at, after.rung_at) == (before.due_at, before.rung_at)
    assert Issue.objects.get(pk=issue.pk).version == issue.version + 2


@pytest.mark.django_db
def test_two_changes_before_the_count_are_counted_together(town: Town) -> None:
    issue = assigned(town)
    before = clock_of(issue)
    day_off(WEDNESDAY)
    edit_calendar_day(day=WEDNESDAY, is_working=True, now=LATER + timedelta(seconds=1))
    assert recount_clocks(now=LATER + timedelta(minutes=1)).changed == 0
    assert clock_of(issue).due_at == before.due_at
    assert not CalendarEdit.objects.filter(counted_at=None).exists()


@pytest.mark.django_db
def test_what_has_happened_stays_as_it_happened(town: Town) -> None:
    issue = assigned(town)
    due = clock_of(issue).due_at
    sweep(now=due)
    overdue = clock_of(issue)
    assert overdue.is_overdue
    day_off(due.astimezone(SHANGHAI).date(), now=due)
    recount_clocks(now=due)
    after = clock_of(issue)
    done = Issue.objects.get(pk=issue.pk).step
    assert (after.due_at, after.is_overdue, after.rung_at[:done]) == (due, True, overdue.rung_at[:done])
    assert after.rung_at[done] > overdue.rung_at[done]  # what lies ahead follows the calendar
    assert check_invariants(now=due, sample=0).findings == []


@pytest.mark.django_db
def test_a_working_day_more_brings_what_is_late_now_to_the_next_sweep(town: Town) -> None:
    monday = NOW + timedelta(days=5)
    issue = assigned(town)
    clock = clock_of(issue)
    Handover.objects.filter(pk=clock.pk).update(limit_amount=30)
    edit_calendar_day(day=SATURDAY, is_working=False, now=NOW - timedelta(days=1))
    recount_clocks(now=NOW)
    long = assigned(town)
    edit_calendar_day(day=SATURDAY, is_working=True, now=monday)
    recount_clocks(now=monday)
    assert sweep(now=monday).moved > 0
    assert (check_invariants(now=monday, sample=0).findings, long.pk == issue.pk) == ([], False)


@pytest.mark.django_db
def test_a_pause_stands_outside_the_count_and_ends_when_planned(town: Town) -> None:
    until = str(WEDNESDAY + timedelta(days=20))
    issue = move(handled(town), "suspend", town.people.dispatcher, "等专家", given={Give.UNTIL: until})
    before = clock_of(issue)
    day_off(WEDNESDAY + timedelta(days=2), now=NOW + timedelta(hours=1))  # within the pause
    recount_clocks(now=NOW + timedelta(hours=1))
    assert clock_of(issue).due_at == before.due_at
    day_off((before.due_at - timedelta(minutes=1)).astimezone(SHANGHAI).date(), now=NOW + timedelta(hours=2))
    recount_clocks(now=NOW + timedelta(hours=2))
    row = Issue.objects.get(pk=issue.pk)
    assert clock_of(issue).due_at > before.due_at
    assert row.next_action_at == issue.next_action_at  # the end of the pause
    assert check_invariants(now=NOW + timedelta(hours=2), sample=0).findings == []


@pytest.mark.django_db
def test_an_extension_stays_part_of_the_clock(town: Town) -> None:
    people = town.people
    issue = move(handled(town), "ask_extension", people.handler, "等材料", given={Give.AMOUNT: "2"}, minutes=20)
    issue = move(issue, "agree_extension", people.dispatcher, minutes=21)
    issue = move(issue, "grant_extension", people.duty_chief, minutes=22)
    held = clock_of(issue)
    day_off(held.due_at.astimezone(SHANGHAI).date(), now=LATER)
    recount_clocks(now=LATER)
    after = clock_of(issue)
    limit = Limit(after.limit_amount, Unit(after.limit_unit))
    assert after.due_at > held.due_at
    assert elapsed(after.started_at, after.due_at, (), limit.unit, work_calendar(None)) == limit.span


@pytest.mark.django_db
def test_hours_of_a_district_concern_that_district_alone(town: Town) -> None:
    here = assigned(town)
    there = filed(town, cell=town.far_cell)
    clocks = clock_of(here).due_at, clock_of(there).due_at
    summer = WorkingPeriod(district=town.district, start=time(8), end=time(9), valid_from=WEDNESDAY)
    save_working_period(period=summer, now=LATER)
    recount_clocks(now=LATER)
    assert clock_of(here).due_at > clocks[0]
    assert clock_of(there).due_at == clocks[1]


@pytest.mark.django_db
def test_who_helps_has_a_clock_that_follows_too(town: Town) -> None:
    issue = move(
        move(filed(town), "sign", town.people.dispatcher),
        "assign",
        town.people.dispatcher,
        "一起办",
        to_department_id=town.departments.chengguan.id,
        given={Give.CO_DEPARTMENTS: [town.departments.gongshang.id]},
    )
    part = issue.co_handlings.get()
    day_off(part.due_at.astimezone(SHANGHAI).date())
    recount_clocks(now=LATER)
    assert issue.co_handlings.get().due_at > part.due_at


@pytest.mark.django_db
def test_a_clock_started_just_after_the_change_by_the_old_calendar_is_found(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = work_calendar(None)
    day_off(WEDNESDAY, now=NOW - timedelta(seconds=1))
    for module in ("apps.issues.selectors.limits", "apps.issues.services.clocks"):
        monkeypatch.setattr(f"{module}.work_calendar", lambda district: old)  # a process that has not looked yet
    stale = assigned(town)
    monkeypatch.undo()
    fresh = assigned(town)
    due = clock_of(fresh).due_at
    assert clock_of(stale).due_at < due
    move_time = timedelta(minutes=40)
    recount_clocks(now=NOW + move_time)
    assert clock_of(fresh).due_at == due


@pytest.mark.django_db
def test_where_nothing_is_open_nothing_is_kept(town: Town) -> None:
    day_off(THURSDAY)
    assert not CalendarEdit.objects.exists()


@pytest.mark.django_db
def test_it_goes_on_where_it_was_stopped(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = [assigned(town) for _ in range(5)]
    monkeypatch.setattr(recounting, "BATCH", 2)
    day_off(WEDNESDAY)
    first = recount_clocks(now=LATER, most_batches=1)
    assert (first.changed, first.has_more) == (2, True)
    rest = recount_clocks(now=LATER)
    assert (rest.changed, rest.has_more) == (3, False)
    assert {Issue.objects.get(pk=one.pk).version for one in issues} == {issues[0].version + 1}


@pytest.mark.django_db
def test_many_of_one_holder_are_told_as_their_number(town: Town) -> None:
    for _ in range(5):
        assigned(town)
    Notice.objects.all().delete()
    day_off(WEDNESDAY)
    recount_clocks(now=LATER)
    told = [(notice.recipient.name, notice.values, notice.link) for notice in Notice.objects.order_by("recipient_id")]
    assert told == [("朱城管", {"count": 5}, "/t/"), ("秦城管", {"count": 5}, "/t/")]


@pytest.mark.django_db
def test_a_batch_costs_a_few_statements_however_many_clocks(town: Town, django_assert_max_num_queries: Any) -> None:
    for _ in range(8):
        assigned(town)
    day_off(WEDNESDAY)
    with django_assert_max_num_queries(20):
        recount_clocks(now=LATER)


@pytest.mark.django_db(transaction=True)
def test_beside_moves_at_work_every_clock_is_counted_once(town: Town) -> None:
    issues = [assigned(town) for _ in range(12)]
    day_off(WEDNESDAY)

    def together(*jobs: Callable[[], object]) -> None:
        def run(job: Callable[[], object]) -> None:
            try:
                job()
            finally:
                connection.close()

        threads = [Thread(target=run, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def sign_all() -> None:
        for one in issues:
            with contextlib.suppress(StaleVersion):  # counted at this very moment: the person looks and presses again
                move(one, "sign", town.people.handler, minutes=31)

    together(lambda: recount_clocks(now=LATER), lambda: recount_clocks(now=LATER), sign_all)
    kinds = [list(one.events.values_list("kind", flat=True)) for one in issues]
    assert all(own.count("recount") == 1 for own in kinds)
    assert check_invariants(now=LATER, sample=0).findings == []


@pytest.mark.django_db
def test_the_command_says_what_it_did(town: Town) -> None:
    assigned(town)
    day_off(WEDNESDAY)
    out = StringIO()
    with translation.override("en"):
        call_command("recount_clocks", stdout=out)
    assert out.getvalue() == "Clocks looked at: 1, counted anew: 1.\n"


@pytest.mark.django_db
def test_an_administrator_hears_how_many_clocks_follow_and_finds_the_change(town: Town) -> None:
    assigned(town)
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(town.people.admin)
    page: Any = browser.post(
        f"/admin/issues/calendarday/{THURSDAY}/change/", {"is_working": "", "name": "停电"}, follow=True
    )
    assert "Open issues that are looked at now: 1." in page.content.decode()
    listed = browser.get("/admin/issues/calendaredit/").content.decode()
    assert str(THURSDAY) in listed
    assert town.people.admin.name in listed
