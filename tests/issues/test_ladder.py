"""The ladder of a limit: in order, exact on the borders of working time, and the same after any pause."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.issues.deadlines import (
    PLAIN_RUNGS,
    CountsFrom,
    Ladder,
    Limit,
    RungKind,
    RungRule,
    RungRules,
    add_limit,
    extend,
    go_on,
    resume,
    shift,
    start_ladder,
    time_between,
)
from tests.issues.calendars import at, limit, real_calendar
from tests.issues.test_deadline_laws import limits, starts

SHIPPED = RungRules(
    (
        RungRule.after(RungKind.UNSIGNED, CountsFrom.START, limit(4, "workhour")),
        RungRule.at_share(RungKind.REMIND, 75),
        RungRule.at_share(RungKind.OVERDUE, 100),
        RungRule.after(RungKind.YELLOW_CARD, CountsFrom.DUE, limit(3, "workday")),
        RungRule.after(RungKind.RED_CARD, CountsFrom.DUE, limit(7, "workday")),
        RungRule.at_share(RungKind.ESCALATE, 200),
    )
)
ladders = st.builds(lambda start, limit: (start_ladder(start, limit, SHIPPED, real_calendar()), limit), starts, limits)
spans = st.integers(0, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes))


def kinds(ladder: Ladder) -> list[str]:
    return ladder.rung_kinds


def test_ten_work_days_have_every_rung() -> None:
    ladder = start_ladder(at("2026-03-02T08:00"), limit(10, "workday"), SHIPPED, real_calendar())
    assert [(kind, moment.isoformat()[5:16]) for moment, kind in ladder.steps] == [
        ("unsigned", "03-02T12:00"),
        ("remind", "03-11T12:00"),
        ("overdue", "03-13T18:00"),
        ("yellow_card", "03-18T18:00"),
        ("red_card", "03-24T18:00"),
        ("escalate", "03-27T18:00"),
    ]


def test_what_would_come_after_moving_up_is_left_out_and_what_asks_early_never_comes_late() -> None:
    ladder = start_ladder(at("2026-03-02T08:00"), limit(4, "workhour"), SHIPPED, real_calendar())
    assert kinds(ladder) == ["remind", "overdue", "escalate"]


def test_a_ladder_without_its_overdue_rung_has_it_all_the_same() -> None:
    rungs = RungRules((RungRule.at_share(RungKind.ESCALATE, 50),))
    ladder = start_ladder(at("2026-03-02T08:00"), limit(1, "workday"), rungs, real_calendar())
    assert kinds(ladder) == ["overdue", "escalate"]
    assert ladder.rung_at == [at("2026-03-02T18:00")] * 2


@pytest.mark.parametrize(
    ("start", "amount", "unit", "expected"),
    [  # reference: domain §2.6, and the four units across Spring Festival 2026 (15–23 February, 14 and 28 worked)
        ("2013-02-08T17:00", 4, "workhour", "2013-02-16T11:00"),
        ("2013-09-18T09:00", 5, "workday", "2013-09-26T09:00"),
        ("2012-12-31T17:30", 2, "workhour", "2013-01-04T09:30"),
        ("2012-09-28T18:00", 4, "workhour", "2012-09-29T12:00"),
        ("2026-02-13T17:00", 12, "urgenthour", "2026-02-14T05:00"),
        ("2026-02-13T17:00", 12, "workhour", "2026-02-24T11:00"),
        ("2026-02-13T17:00", 3, "workday", "2026-02-25T17:00"),
        ("2026-02-13T17:00", 3, "calendarday", "2026-02-16T17:00"),
    ],
)
def test_overdue_is_the_due_time_of_every_unit(start: str, amount: int, unit: str, expected: str) -> None:
    ladder = start_ladder(at(start), limit(amount, unit), SHIPPED, real_calendar())
    assert ladder.due_at == at(expected)
    assert dict((kind, moment) for moment, kind in ladder.steps)[RungKind.OVERDUE] == at(expected)


@given(ladders)
def test_rungs_come_in_order_and_exactly_one_is_overdue(made: tuple[Ladder, Limit]) -> None:
    ladder, whole = made
    assert ladder.rung_at == sorted(ladder.rung_at)
    assert kinds(ladder).count("overdue") == 1
    assert kinds(ladder)[-1] == "escalate"
    assert ladder.due_at == add_limit(ladder.started_at, whole, real_calendar())
    assert all((kind in ("unsigned", "remind")) == (moment < ladder.due_at) for moment, kind in ladder.steps)


@given(starts, starts, limits)
def test_a_later_start_never_makes_a_rung_earlier(one: datetime, other: datetime, any_limit: Limit) -> None:
    early, late = (start_ladder(start, any_limit, PLAIN_RUNGS, real_calendar()) for start in sorted((one, other)))
    assert all(first <= second for first, second in zip(early.rung_at, late.rung_at, strict=True))


@given(ladders, spans)
def test_pausing_and_resuming_at_once_changes_nothing_but_idle_time(
    made: tuple[Ladder, Limit], after: timedelta
) -> None:
    """A moment may slip over a night in which its clock stood still, never over working time."""
    ladder, whole = made
    moment = ladder.started_at + after
    again = resume(ladder, paused_at=moment, now=moment, unit=whole.unit, calendar=real_calendar())
    assert kinds(again) == kinds(ladder)
    for old, new in zip(ladder.rung_at, again.rung_at, strict=True):
        assert new <= old
        assert time_between(new, old, whole.unit, real_calendar()) == timedelta(0)


@given(ladders, spans, spans, st.integers(0, 100))
def test_a_pause_that_ends_early_leaves_what_one_planned_so_would(
    made: tuple[Ladder, Limit], after: timedelta, planned: timedelta, percent: int
) -> None:
    ladder, whole = made
    calendar, unit = real_calendar(), whole.unit
    paused_at = ladder.started_at + after
    until = paused_at + planned + timedelta(minutes=1)
    now = paused_at + (until - paused_at) * percent / 100
    stored = resume(ladder, paused_at=paused_at, now=until, unit=unit, calendar=calendar)
    early = shift(stored, since=until, to=now, unit=unit, calendar=calendar)
    assert early == resume(ladder, paused_at=paused_at, now=now, unit=unit, calendar=calendar)


@given(ladders, spans)
def test_all_the_time_that_runs_outside_a_pause_is_the_limit(made: tuple[Ladder, Limit], length: timedelta) -> None:
    ladder, whole = made
    calendar, unit = real_calendar(), whole.unit
    paused_at = ladder.started_at + (ladder.due_at - ladder.started_at) / 3
    resumed_at = paused_at + length
    again = resume(ladder, paused_at=paused_at, now=resumed_at, unit=unit, calendar=calendar)
    before = time_between(ladder.started_at, paused_at, unit, calendar)
    assert before + time_between(resumed_at, again.due_at, unit, calendar) == whole.span


@given(ladders, spans, spans)
def test_a_clock_that_goes_on_says_nothing_twice_and_keeps_what_was_left(
    made: tuple[Ladder, Limit], until: timedelta, away: timedelta
) -> None:
    stood, whole = made
    calendar, unit = real_calendar(), whole.unit
    ended_at = stood.started_at + until
    fresh = start_ladder(ended_at + away, whole, SHIPPED, calendar)
    ladder = go_on(stood, ended_at=ended_at, fresh=fresh, unit=unit, calendar=calendar)
    assert ladder.rung_at == sorted(ladder.rung_at) and ladder.rung_at[0] >= fresh.started_at == ladder.started_at
    assert kinds(ladder).count("overdue") == 1 and kinds(ladder)[-1] == "escalate"
    left = max(time_between(ended_at, stood.due_at, unit, calendar), timedelta(0))
    assert time_between(fresh.started_at, ladder.due_at, unit, calendar) == left
    ahead = {step.kind for step in stood.steps if step.at >= ended_at}
    assert {RungKind(kind) for kind in kinds(ladder)} - {RungKind.UNSIGNED} == {
        *(ahead - {RungKind.UNSIGNED}),
        *(RungKind.OVERDUE, RungKind.ESCALATE),
    }
    asked = [step for step in ladder.steps if step.kind is RungKind.UNSIGNED]
    assert asked == [step for step in fresh.steps if step.kind is RungKind.UNSIGNED and step.at < ladder.due_at]


@given(ladders)
def test_a_further_limit_doubles_the_time_and_leaves_what_has_passed(made: tuple[Ladder, Limit]) -> None:
    ladder, whole = made
    calendar = real_calendar()
    now = ladder.started_at + (ladder.due_at - ladder.started_at) / 2
    longer = extend(ladder, extra=whole, now=now, calendar=calendar)
    assert time_between(ladder.started_at, longer.due_at, whole.unit, calendar) == 2 * whole.span
    assert longer.rung_at == sorted(longer.rung_at)
    assert [step for step in longer.steps if step.at <= now] == [step for step in ladder.steps if step.at <= now]


def test_an_extension_moves_what_is_ahead_by_a_further_limit() -> None:
    whole = limit(1, "workday")
    ladder = start_ladder(at("2026-03-03T08:00"), whole, PLAIN_RUNGS, real_calendar())
    longer = extend(ladder, extra=whole, now=at("2026-03-03T17:00"), calendar=real_calendar())
    assert longer.rung_at == [at("2026-03-03T16:00"), at("2026-03-04T18:00"), at("2026-03-05T18:00")]
