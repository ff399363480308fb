"""The clocks, case by case; their laws are in test_deadline_laws.py."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from apps.issues.deadlines import (
    DEFAULT_SPANS,
    PLAIN_RUNGS,
    BadLimit,
    BadSpan,
    Limit,
    NoWorkingTime,
    OutOfRange,
    Reason,
    Unit,
    WorkCalendar,
    WorkingSpan,
    add_limit,
    explain,
    first_working_moment,
    next_working_moment,
    overlay,
    remaining,
    resume,
    start_ladder,
)
from tests.issues.calendars import DAY, at, limit, real_calendar


def due(start: str, amount: int | str, unit: str, calendar: WorkCalendar | None = None) -> str:
    moment = add_limit(at(start), limit(amount, unit), calendar or real_calendar())
    return moment.isoformat(timespec="minutes")


# --- the four vectors of the reference ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "unit", "expected"),
    [
        ("2013-02-08T17:00", 4, "workhour", "2013-02-16T11:00+08:00"),
        ("2013-09-18T09:00", 5, "workday", "2013-09-26T09:00+08:00"),
        ("2012-12-31T17:30", 2, "workhour", "2013-01-04T09:30+08:00"),
        ("2012-09-28T18:00", 4, "workhour", "2012-09-29T12:00+08:00"),
    ],
)
def test_reference_vector(start: str, amount: int, unit: str, expected: str) -> None:
    assert due(start, amount, unit) == expected


@pytest.mark.parametrize(("year", "expected"), [(2012, 249), (2013, 250)])
def test_working_days_of_the_year(year: int, expected: int) -> None:
    days = [date(year, 1, 1) + n * DAY for n in range(365 + (year % 4 == 0))]
    assert sum(real_calendar().is_working(day) for day in days) == expected


# --- Spring Festival 2026: 15 to 23 February off, Saturdays 14 and 28 worked ---------------------------


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        (5, "urgenthour", "2026-02-14T21:30+08:00"),
        (72, "urgenthour", "2026-02-17T16:30+08:00"),
        (1, "workhour", "2026-02-14T17:30+08:00"),
        (2, "workhour", "2026-02-24T08:30+08:00"),
        ("1.5", "workhour", "2026-02-14T18:00+08:00"),
        (1, "workday", "2026-02-24T16:30+08:00"),
        (5, "workday", "2026-02-28T16:30+08:00"),
        (6, "workday", "2026-03-02T16:30+08:00"),
        (3, "calendarday", "2026-02-17T16:30+08:00"),
        ("0.5", "calendarday", "2026-02-15T04:30+08:00"),
    ],
)
def test_each_unit_across_spring_festival_2026(amount: int | str, unit: str, expected: str) -> None:
    assert due("2026-02-14T16:30", amount, unit) == expected


# --- borders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "expected"),
    [
        ("2026-03-03T08:00", 4, "2026-03-03T12:00"),
        ("2026-03-03T11:00", 1, "2026-03-03T12:00"),
        ("2026-03-03T12:00", 4, "2026-03-03T18:00"),
        ("2026-03-03T13:59", 4, "2026-03-03T18:00"),
        ("2026-03-03T08:00", 8, "2026-03-03T18:00"),
        ("2026-03-03T18:00", 1, "2026-03-04T09:00"),
        ("2026-03-03T07:59", 1, "2026-03-03T09:00"),
        ("2026-03-06T23:59", 1, "2026-03-09T09:00"),
        ("2026-03-07T10:00", 8, "2026-03-09T18:00"),
    ],
)
def test_a_limit_that_ends_with_a_period_is_due_at_its_end(start: str, amount: int, expected: str) -> None:
    assert due(start, amount, "workhour") == expected + "+08:00"


def test_a_clock_has_its_four_moments_on_the_units_own_clock() -> None:
    clock = start_ladder(at("2026-02-13T14:00"), limit(1, "workday"), PLAIN_RUNGS, real_calendar())
    assert clock.started_at == at("2026-02-13T14:00")
    remind, due_at, breach = clock.rung_at
    assert remind == at("2026-02-14T10:00")  # 6 of 8 hours; that Saturday is worked
    assert due_at == clock.due_at == at("2026-02-14T12:00")
    assert breach == at("2026-02-24T12:00")


def test_a_start_in_another_zone_gives_the_same_moment_in_local_time() -> None:
    start = datetime(2013, 2, 8, 9, 0, tzinfo=UTC)
    assert add_limit(start, limit(4, "workhour"), real_calendar()).isoformat() == "2013-02-16T11:00:00+08:00"


def test_work_crosses_the_turn_of_the_year_and_a_year_nobody_knows() -> None:
    assert due("2026-12-31T17:00", 2, "workhour") == "2027-01-01T09:00+08:00"  # Friday: the fallback rule
    assert not real_calendar().knows(date(2027, 1, 1))
    assert real_calendar().knows(date(2026, 12, 31))


def test_a_single_edited_day_does_not_make_its_year_known() -> None:
    calendar = WorkCalendar({date(2027, 1, 1): False})
    assert not calendar.knows(date(2027, 1, 1))
    assert due("2026-12-31T17:00", 2, "workhour", calendar) == "2027-01-04T09:00+08:00"


# --- the daily alarm and the next working moment ------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-03T07:00", "2026-03-03T08:00"),
        ("2026-03-03T08:00", "2026-03-04T08:00"),
        ("2026-03-03T13:00", "2026-03-04T08:00"),
        ("2026-03-06T19:00", "2026-03-09T08:00"),
        ("2026-02-14T18:00", "2026-02-24T08:00"),
        ("2026-12-31T18:00", "2027-01-01T08:00"),
    ],
)
def test_the_daily_alarm_rings_when_the_next_working_day_opens(after: str, expected: str) -> None:
    assert next_working_moment(at(after), real_calendar()) == at(expected)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-03T08:00", "2026-03-03T08:00"),
        ("2026-03-03T09:30", "2026-03-03T09:30"),
        ("2026-03-03T12:00", "2026-03-03T14:00"),
        ("2026-03-03T06:00", "2026-03-03T08:00"),
        ("2026-02-14T18:00", "2026-02-24T08:00"),
    ],
)
def test_the_first_working_moment_is_now_or_the_next_span(moment: str, expected: str) -> None:
    assert first_working_moment(at(moment), real_calendar()) == at(expected)


# --- what is left ------------------------------------------------------------------------------------


def test_time_left_stands_still_at_lunch_and_turns_negative_when_work_goes_on() -> None:
    left = [
        remaining(at(now), at("2026-03-03T12:00"), Unit.WORK_HOUR, real_calendar())
        for now in ("2026-03-03T11:30", "2026-03-03T12:00", "2026-03-03T13:00", "2026-03-03T15:00")
    ]
    assert left == [timedelta(minutes=30), timedelta(0), timedelta(0), timedelta(hours=-1)]


def test_a_paused_clock_goes_on_with_the_time_it_had_left() -> None:
    calendar = real_calendar()
    clock = start_ladder(at("2026-03-03T08:00"), limit(1, "workday"), PLAIN_RUNGS, calendar)
    resumed = resume(
        clock, paused_at=at("2026-03-03T17:00"), now=at("2026-03-10T17:30"), unit=Unit.WORK_DAY, calendar=calendar
    )
    assert resumed.started_at == clock.started_at
    assert resumed.due_at == at("2026-03-11T08:30")
    assert resumed.rung_at == [clock.rung_at[0], at("2026-03-11T08:30"), at("2026-03-12T08:30")]  # one had passed


# --- working periods ---------------------------------------------------------------------------------


SUMMER = (
    WorkingSpan(time(8), time(12), date(2026, 6, 1), date(2026, 8, 31)),
    WorkingSpan(time(15), time(18, 30), date(2026, 6, 1), date(2026, 8, 31)),
)


def test_a_districts_summer_hours_replace_the_citys_only_while_they_are_valid() -> None:
    calendar = WorkCalendar(real_calendar().days, overlay(DEFAULT_SPANS, SUMMER))
    assert due("2026-06-01T12:00", 1, "workhour", calendar) == "2026-06-01T16:00+08:00"
    assert due("2026-05-29T17:00", 8, "workhour", calendar) == "2026-06-01T18:00+08:00"
    assert due("2026-08-31T17:00", 3, "workhour", calendar) == "2026-09-01T09:30+08:00"


def test_overlay_keeps_the_citys_spans_on_every_other_day() -> None:
    spans = overlay(DEFAULT_SPANS, SUMMER)
    assert sorted((span.start.hour, span.valid_from, span.valid_to) for span in spans if span not in SUMMER) == [
        (8, date.min, date(2026, 5, 31)),
        (8, date(2026, 9, 1), None),
        (14, date.min, date(2026, 5, 31)),
        (14, date(2026, 9, 1), None),
    ]


def test_a_working_day_without_any_valid_period_has_the_default_hours() -> None:
    calendar = WorkCalendar({}, SUMMER)
    assert due("2026-03-03T11:00", 2, "workhour", calendar) == "2026-03-03T15:00+08:00"


def test_overlapping_periods_count_once() -> None:
    spans = (WorkingSpan(time(8), time(12), date.min), WorkingSpan(time(10), time(13), date.min))
    calendar = WorkCalendar({}, spans)
    assert due("2026-03-03T08:00", 5, "workhour", calendar) == "2026-03-03T13:00+08:00"


def test_summer_time_of_another_country_never_stretches_a_working_hour() -> None:
    spans = (WorkingSpan(time(0), time(6), date.min),)
    calendar = WorkCalendar({date(2026, 3, 29): True}, spans, ZoneInfo("Europe/Berlin"))  # 02:00 becomes 03:00
    start = datetime(2026, 3, 29, 0, 0, tzinfo=calendar.tz)
    assert add_limit(start, limit(4, "workhour"), calendar).isoformat() == "2026-03-29T05:00:00+02:00"


# --- the arithmetic told ------------------------------------------------------------------------------


def test_explain_tells_why_each_day_counts_or_not() -> None:
    steps = explain(at("2013-02-08T17:00"), limit(4, "workhour"), real_calendar())
    assert [(step.day.day, step.reason) for step in steps] == [
        (8, Reason.WEEKDAY),
        (9, Reason.WEEKEND),
        (10, Reason.WEEKEND),
        *((day, Reason.HOLIDAY) for day in range(11, 16)),
        (16, Reason.MAKE_UP),
    ]
    assert [step.left for step in steps] == [timedelta(hours=3)] * 8 + [timedelta(0)]
    assert steps[-1].spans == ((at("2013-02-16T08:00"), at("2013-02-16T11:00")),)


def test_explain_marks_days_of_an_unknown_year() -> None:
    steps = explain(at("2026-12-31T17:00"), limit(2, "workhour"), real_calendar())
    assert [step.is_known for step in steps] == [True, False]


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "3661", "1e30"])
def test_a_senseless_amount_is_refused(amount: str) -> None:
    with pytest.raises(BadLimit, match=r"\w"):
        Limit(Decimal(amount), Unit.WORK_DAY)


def test_a_period_that_runs_backwards_is_refused() -> None:
    with pytest.raises(BadSpan):
        WorkingSpan(time(12), time(8), date.min)
    with pytest.raises(BadSpan):
        WorkingSpan(time(8), time(12), date(2026, 2, 1), date(2026, 1, 1))


def test_a_calendar_without_work_is_refused_instead_of_searched_for_ever() -> None:
    off = WorkCalendar({date(1990, 1, 1) + n * DAY: False for n in range(80 * 366)})
    with pytest.raises(NoWorkingTime):
        due("2000-01-01T08:00", 1, "workhour", off)
    with pytest.raises(NoWorkingTime):
        next_working_moment(at("2000-01-01T08:00"), off)


@pytest.mark.parametrize("start", ["0001-01-01T00:00", "1899-12-31T23:00", "9999-12-31T23:59"])
@pytest.mark.parametrize("unit", list(Unit))
def test_a_start_outside_living_memory_is_refused(start: str, unit: Unit) -> None:
    with pytest.raises(OutOfRange):
        add_limit(at(start), Limit(Decimal(1), unit), real_calendar())


def test_a_naive_start_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        add_limit(datetime(2026, 3, 3, 8), limit(1, "workhour"), real_calendar())  # noqa: DTZ001


def test_the_longest_limit_can_be_paused_and_resumed() -> None:
    calendar = real_calendar()
    for unit in Unit:
        amount = 3660 if unit in (Unit.WORK_DAY, Unit.CALENDAR_DAY) else 3660 * (24 if unit.is_continuous else 8)
        clock = start_ladder(at("2026-03-03T08:00"), Limit(Decimal(amount), unit), PLAIN_RUNGS, calendar)
        moment = at("2026-03-03T08:00")
        assert resume(clock, paused_at=moment, now=moment, unit=unit, calendar=calendar) == clock


def test_the_rules_load_neither_the_orm_nor_a_broker() -> None:
    program = (
        "import sys, apps.issues.deadlines\n"
        "print(sorted({'django.db', 'celery', 'redis', 'apps.issues.models'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
