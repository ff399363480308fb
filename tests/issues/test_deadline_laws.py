"""Laws of the clocks that hold for any start, limit and calendar."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.issues.deadlines import (
    PLAIN_RUNGS,
    Limit,
    Unit,
    WorkCalendar,
    WorkingSpan,
    add_limit,
    add_time,
    explain,
    next_working_moment,
    remaining,
    resume,
    start_ladder,
    time_between,
)
from tests.issues.calendars import DAY, SHANGHAI, real_calendar

WORKING = [Unit.WORK_HOUR, Unit.WORK_DAY]
CONTINUOUS = [Unit.URGENT_HOUR, Unit.CALENDAR_DAY]

moments = st.datetimes(datetime(2010, 1, 1), datetime(2029, 12, 31), timezones=st.just(SHANGHAI))  # noqa: DTZ001
minutes = moments.map(lambda moment: moment.replace(second=0, microsecond=0))
borders = st.builds(
    lambda moment, hour: moment.replace(hour=hour, minute=0, second=0, microsecond=0),
    moments,
    st.sampled_from([0, 8, 12, 14, 18]),
)
starts = st.one_of(moments, minutes, borders)
amounts = st.one_of(
    st.integers(1, 40).map(Decimal), st.decimals("0.01", "60", places=2), st.decimals("0.000001", "3", places=6)
)
limits = st.builds(Limit, amounts, st.sampled_from(Unit))
work_limits = st.builds(Limit, amounts, st.sampled_from(WORKING))


def plain_sum(start: datetime, span: timedelta, calendar: WorkCalendar) -> datetime:
    """The due time the slow way: day after day, period after period, without any table."""
    day, left = start.date(), span
    while True:
        for period in calendar.spans_on(day) if calendar.is_working(day) else ():
            opens = max(start, datetime.combine(day, period.start, SHANGHAI))
            closes = datetime.combine(day, period.end, SHANGHAI)
            if opens < closes:
                if closes - opens >= left:
                    return opens + left
                left -= closes - opens
        day += DAY


@given(starts, work_limits)
def test_the_table_agrees_with_the_plain_sum(start: datetime, any_limit: Limit) -> None:
    calendar = real_calendar()
    assert add_limit(start, any_limit, calendar) == plain_sum(start, any_limit.span, calendar)


@given(starts, st.builds(Limit, amounts, st.sampled_from(CONTINUOUS)))
def test_continuous_units_never_look_at_the_calendar(start: datetime, any_limit: Limit) -> None:
    assert add_limit(start, any_limit, real_calendar()) - start == any_limit.span


@given(starts, starts, limits)
def test_a_later_start_is_never_due_earlier(one: datetime, other: datetime, any_limit: Limit) -> None:
    early, late = sorted((one, other))
    assert add_limit(early, any_limit, real_calendar()) <= add_limit(late, any_limit, real_calendar())


@given(starts, amounts, amounts, st.sampled_from(Unit))
def test_a_longer_limit_is_never_due_earlier(start: datetime, one: Decimal, other: Decimal, unit: Unit) -> None:
    short, long = sorted((one, other))
    assert add_limit(start, Limit(short, unit), real_calendar()) <= add_limit(start, Limit(long, unit), real_calendar())


@given(starts, starts, starts, st.sampled_from(Unit))
def test_splitting_a_span_never_changes_the_sum(a: datetime, b: datetime, c: datetime, unit: Unit) -> None:
    calendar = real_calendar()
    parts = time_between(a, b, unit, calendar) + time_between(b, c, unit, calendar)
    assert parts == time_between(a, c, unit, calendar)


@given(starts, limits, limits)
def test_two_limits_one_after_the_other_make_their_sum(start: datetime, one: Limit, other: Limit) -> None:
    calendar, unit = real_calendar(), one.unit
    middle = add_time(start, one.span, unit, calendar)
    assert add_time(middle, other.span, unit, calendar) == add_time(start, one.span + other.span, unit, calendar)


@given(starts, limits)
def test_time_between_start_and_due_is_the_limit(start: datetime, any_limit: Limit) -> None:
    calendar = real_calendar()
    end = add_limit(start, any_limit, calendar)
    assert time_between(start, end, any_limit.unit, calendar) == any_limit.span
    assert remaining(end, start, any_limit.unit, calendar) == -any_limit.span


@given(starts, starts, st.sampled_from(WORKING))
def test_adding_the_time_between_gives_the_end_or_the_close_before_it(
    one: datetime, other: datetime, unit: Unit
) -> None:
    calendar = real_calendar()
    start, end = sorted((one, other))
    span = time_between(start, end, unit, calendar)
    assume(span > timedelta(0))
    again = add_time(start, span, unit, calendar)
    assert again <= end
    assert time_between(again, end, unit, calendar) == timedelta(0)


@given(starts, limits, st.sets(st.integers(-3, 40), max_size=12))
def test_adding_days_off_never_makes_a_deadline_earlier(start: datetime, any_limit: Limit, extra: set[int]) -> None:
    calendar = WorkCalendar({})
    harder = WorkCalendar({start.date() + n * DAY: False for n in extra})
    assert add_limit(start, any_limit, harder) >= add_limit(start, any_limit, calendar)


@given(starts, work_limits, st.integers(1, 239))
def test_cutting_a_period_in_two_changes_nothing(start: datetime, any_limit: Limit, minute: int) -> None:
    cut = time(8 + minute // 60, minute % 60)
    spans = (
        WorkingSpan(time(8), cut, date.min),
        WorkingSpan(cut, time(12), date.min),
        WorkingSpan(time(14), time(18), date.min),
    )
    assert add_limit(start, any_limit, WorkCalendar({}, spans)) == add_limit(start, any_limit, WorkCalendar({}))


@given(starts, limits)
def test_the_moments_of_a_clock_are_in_order(start: datetime, any_limit: Limit) -> None:
    clock = start_ladder(start, any_limit, PLAIN_RUNGS, real_calendar())
    remind, due, breach = clock.rung_at
    assert clock.started_at <= remind <= due == clock.due_at <= breach
    assert time_between(due, breach, any_limit.unit, real_calendar()) == any_limit.span


@given(starts, work_limits)
def test_nothing_is_ever_due_outside_working_time(start: datetime, any_limit: Limit) -> None:
    calendar = real_calendar()
    end = add_limit(start, any_limit, calendar)
    assert calendar.is_working(end.date())
    assert any(span.start < end.time() <= span.end for span in calendar.spans_on(end.date()))


@given(starts)
def test_the_daily_alarm_is_always_later_and_opens_a_working_day(after: datetime) -> None:
    calendar = real_calendar()
    moment = next_working_moment(after, calendar)
    assert after < moment
    assert moment.time() == time(8)
    assert calendar.is_working(moment.date())
    assert not any(calendar.is_working(after.date() + n * DAY) for n in range(1, (moment - after).days))


@settings(max_examples=50)
@given(starts, limits)
def test_explain_ends_at_the_due_time_and_uses_the_whole_limit(start: datetime, any_limit: Limit) -> None:
    steps = explain(start, any_limit, real_calendar())
    assert steps[-1].spans[-1][1] == add_limit(start, any_limit, real_calendar())
    assert sum((step.used for step in steps), timedelta(0)) == any_limit.span
    assert steps[-1].left == timedelta(0)


@given(starts, work_limits, st.lists(st.integers(1, 5000), min_size=1, max_size=4))
def test_pausing_never_changes_the_time_worked(start: datetime, any_limit: Limit, pauses: list[int]) -> None:
    """However often a clock is paused and resumed, the working time outside the pauses is the limit."""
    calendar, unit = real_calendar(), any_limit.unit
    clock = start_ladder(start, any_limit, PLAIN_RUNGS, calendar)
    running, resumed_at = timedelta(0), start
    for length in pauses:
        paused_at = resumed_at + timedelta(minutes=length % 97)
        assume(paused_at < clock.due_at)
        running += time_between(resumed_at, paused_at, unit, calendar)
        resumed_at = paused_at + timedelta(minutes=length)
        clock = resume(clock, paused_at=paused_at, now=resumed_at, unit=unit, calendar=calendar)
    assert running + time_between(resumed_at, clock.due_at, unit, calendar) == any_limit.span
