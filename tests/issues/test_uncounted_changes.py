"""Moves between a change of the calendar and its count: the clock ends where it would have without the haste."""

from datetime import timedelta

import pytest

from apps.issues.models import Handover, Issue
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.calendar import edit_calendar_day, seed_calendar
from apps.issues.services.recounting import recount_clocks
from apps.issues.workflow import Give
from tests.factories import NOW, Town
from tests.issues.test_moves import handled, move

TODAY = NOW.date()
CHANGED = NOW + timedelta(minutes=30)
COUNTED = NOW + timedelta(minutes=60)


@pytest.fixture(autouse=True)
def _calendar(town: Town) -> None:
    seed_calendar(now=NOW - timedelta(days=9), first_year=2026, last_year=2026)
    forget_calendars()


def day_off() -> None:
    edit_calendar_day(day=TODAY, is_working=False, now=CHANGED, name="停电")


def ladder(issue: Issue) -> tuple[object, ...]:
    held = Handover.objects.get(issue=issue, ended_at=None)
    return held.due_at, held.rung_at, held.rung_kinds, Issue.objects.get(pk=issue.pk).next_action_at


def extended(town: Town, issue: Issue, minutes: int) -> Issue:
    return move(issue, "grant_extension", town.people.duty_chief, minutes=minutes)


def asked(town: Town) -> Issue:
    issue = move(handled(town), "ask_extension", town.people.handler, "等材料", given={Give.AMOUNT: "2"}, minutes=20)
    return move(issue, "agree_extension", town.people.dispatcher, minutes=21)


def test_suspended_and_let_go_on_before_the_count(town: Town) -> None:
    """The day is off by then, so the pause of a minute takes none of its time."""
    issue, twin = handled(town), handled(town)
    day_off()
    until = {Give.UNTIL: str(TODAY + timedelta(days=20))}
    issue = move(issue, "suspend", town.people.dispatcher, "等专家", given=until, minutes=41)
    issue = move(issue, "resume", town.people.dispatcher, "专家已到", minutes=42)
    recount_clocks(now=COUNTED)
    assert ladder(issue) == ladder(twin)
    assert check_invariants(now=COUNTED, sample=0).findings == []


def test_suspended_before_the_change_and_let_go_on_before_the_count(town: Town) -> None:
    until = {Give.UNTIL: str(TODAY + timedelta(days=20))}
    issue, twin = (
        move(handled(town), "suspend", town.people.dispatcher, "等专家", given=until, minutes=10) for _ in range(2)
    )
    day_off()
    issue = move(issue, "resume", town.people.dispatcher, "专家已到", minutes=41)
    recount_clocks(now=COUNTED)
    twin = move(twin, "resume", town.people.dispatcher, "专家已到", minutes=41)
    assert ladder(issue) == ladder(twin)


def test_extended_before_the_count(town: Town) -> None:
    issue, twin = asked(town), extended(town, asked(town), 22)
    day_off()
    extended(town, issue, 41)
    recount_clocks(now=COUNTED)
    assert ladder(issue) == ladder(twin)
    assert check_invariants(now=COUNTED, sample=0).findings == []
