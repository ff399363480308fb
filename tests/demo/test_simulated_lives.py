"""What people of a simulated city do, and when: decided by dice that fall the same again. No database."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.demo.simulation.arrivals import Arrivals, Places, Subject
from apps.demo.simulation.cases import Case, Seen
from apps.demo.simulation.habits import next_wake, wishes
from apps.demo.simulation.plan import Plan, beats
from apps.demo.simulation.plot import line_chart
from apps.issues.workflow import MOVES, State
from tests.issues.calendars import real_calendar

CALENDAR = real_calendar()
TZ = CALENDAR.tz
PLAN = Plan(seed=7, starts_on=date(2026, 2, 9), days=28, issues=4_000, has_faults=True, shards=2, kills=3)
SUBJECTS = [
    Subject(1, "有建筑垃圾未清运", "已清运", 5.0, is_local=True, is_grave=False),
    Subject(2, "发生火灾", "已扑灭", 0.1, is_local=False, is_grave=True),
]
PLACES = Places(
    cells={100: list(range(1, 61)), 200: list(range(61, 81))},
    points={cell: [(113.6 + cell / 1000, 34.7), (113.6001 + cell / 1000, 34.7001)] for cell in range(1, 81)},
    codes={100: "410105000000000", 200: "410102000000000"},
)


def arrivals() -> Arrivals:
    return Arrivals(PLAN, PLACES, SUBJECTS, CALENDAR)


def test_a_plan_is_read_as_it_was_written() -> None:
    assert Plan.from_text(PLAN.as_text()) == PLAN
    assert (PLAN.ends_on, len(list(PLAN.all_days()))) == (date(2026, 3, 9), 28)


def test_the_clock_beats_each_quarter_of_an_hour_by_day_and_up_to_midnight() -> None:
    moments = list(beats(PLAN.starts_on, TZ))
    assert moments == sorted(set(moments))
    assert moments[-1] == datetime(2026, 2, 10, tzinfo=TZ)
    by_day = [moment for moment in moments if 8 <= moment.hour < 19]
    assert {b - a for a, b in pairwise(by_day)} == {timedelta(minutes=15)}


def test_about_as_much_is_reported_as_was_planned_less_on_days_off_and_in_big_districts_more() -> None:
    days = {day: arrivals().of_day(day, [100, 200]) for day in PLAN.all_days()}
    total = sum(map(len, days.values()))
    assert 0.95 * PLAN.issues <= total <= 1.05 * PLAN.issues
    working, off = date(2026, 2, 11), date(2026, 2, 18)  # a Wednesday; the second day of Spring Festival
    assert len(days[off]) < 0.8 * len(days[working])
    in_big = sum(one.grid <= 60 for found in days.values() for one in found)
    assert 0.7 <= in_big / total <= 0.8


@given(st.dates(PLAN.starts_on, PLAN.ends_on))
def test_a_day_is_the_same_whoever_lives_it(day: date) -> None:
    together = arrivals().of_day(day, [100, 200])
    apart = [one for district in (200, 100) for one in arrivals().of_day(day, [district])]
    assert sorted(apart, key=lambda one: (one.at, one.name)) == together
    assert len({one.name for one in together}) == len(together)
    assert all(one.at.astimezone(TZ).date() == day for one in together)
    assert not any(one.is_solved and not one.subject.is_local for one in together)


@given(state=st.sampled_from(list(State)), tier=st.integers(0, 4), seed=st.integers(), data=st.data())
def test_whoever_wakes_wishes_for_moves_of_the_table_alone(
    state: State, tier: int, seed: int, data: st.DataObject
) -> None:
    case = Case("x", 1, 1, 1, 100, 9)
    at = datetime(2026, 2, 11, 2, tzinfo=UTC)
    department = data.draw(st.sampled_from([None, 5]))
    case.observe(Seen(1, "file", at, state, 1, department, at + timedelta(hours=8), 9))
    case.declined = data.draw(st.lists(st.integers(1, 3), max_size=3))
    case.asked, case.appealed = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 3))
    case.helpers = data.draw(st.sampled_from([[], ["住建局"]]))
    found = wishes(case, tier, Random(seed), at)
    assert {wish.move for wish in found} <= MOVES.keys()
    assert found or not State(state).is_open


@given(seed=st.integers(), hours=st.integers(1, 200))
def test_nobody_acts_before_the_event_and_who_acts_does_so_in_working_time(seed: int, hours: int) -> None:
    case = Case("x", 1, 1, 1, 100, 9)
    at = datetime(2026, 2, 13, 9, tzinfo=UTC)
    case.observe(Seen(1, "assign", at, State.ASSIGNED, 1, 5, at + timedelta(hours=hours), 9))
    wake = next_wake(case, Random(seed), CALENDAR)
    assert wake is None or wake > at
    assert wake is None or CALENDAR.is_working(wake.astimezone(TZ).date())


@pytest.mark.parametrize("values", [[], [0], [3, 1, 2], [0.5] * 60])
def test_a_chart_holds_its_lines_within_its_frame_and_says_what_they_are(values: list[float]) -> None:
    svg = line_chart("每周 <问题>", {"上报": values, "办结 & 结案": values}, {0: "2013-01-01"})
    assert "每周 &lt;问题&gt;" in svg
    assert "办结 &amp; 结案" in svg
    assert svg.count("<polyline") == 2
