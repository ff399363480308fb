"""The indicators of one report whose department was late: before and after its appeal is upheld."""

import pytest

from apps.demo.selectors.indicators import indicators
from apps.issues.models import Handover, Issue
from apps.issues.services.escalation import sweep
from tests.factories import NOW, Town
from tests.issues.test_moves import handled, move

pytestmark = pytest.mark.django_db

IN_TIME = "Closed in time 按期结案率"
SHOULD_BE = "Closed of those that should be 结案率"
LATE = "Late with at least one holder"


def shares() -> dict[str, tuple[float, float | None]]:
    """Numerator and denominator of what lateness counts in."""
    return {str(row.name): (row.value, row.of) for row in indicators() if str(row.name) in (IN_TIME, SHOULD_BE, LATE)}


def fed_back_late(town: Town) -> tuple[Issue, int]:
    """Closed by the dispatcher after its department had run out of time, and the minute after it."""
    issue = handled(town)
    due = Handover.objects.get(issue=issue, ended_at=None).due_at
    sweep(now=due)
    minutes = int((due - NOW).total_seconds() // 60) + 5
    return move(issue, "feed_back", town.people.handler, "已清运", minutes=minutes), minutes + 1


def test_an_appeal_upheld_takes_it_out_of_the_overdue_statistics_and_leaves_the_raw_fact(town: Town) -> None:
    issue, minutes = fed_back_late(town)
    issue = move(issue, "conclude", town.people.dispatcher, minutes=minutes)
    issue = move(issue, "appeal", town.people.handler, "停电", minutes=minutes)
    issue = move(issue, "uphold_appeal", town.people.dispatcher, "属实", minutes=minutes)
    assert shares() == {IN_TIME: (0, 1), SHOULD_BE: (1, 1), LATE: (1, 1)}
    move(issue, "uphold_appeal", town.people.duty_chief, "属实", minutes=minutes)
    assert shares() == {IN_TIME: (1, 1), SHOULD_BE: (1, 1), LATE: (0, 1)}
    assert Handover.objects.filter(issue=issue, is_overdue=True).count() == 1


def test_what_is_open_and_was_excused_need_not_be_closed_yet(town: Town) -> None:
    issue, minutes = fed_back_late(town)
    people = town.people
    issue = move(issue, "conclude", people.dispatcher, minutes=minutes)
    issue = move(issue, "appeal", people.handler, "停电", minutes=minutes)
    issue = move(issue, "uphold_appeal", people.dispatcher, "属实", minutes=minutes)
    issue = move(issue, "uphold_appeal", people.duty_chief, "属实", minutes=minutes)
    move(issue, "reopen", people.dispatcher, "又有垃圾", minutes=minutes)
    assert shares() == {IN_TIME: (0, 0), SHOULD_BE: (0, 0), LATE: (0, 1)}


def test_who_else_was_late_with_it_stays_late(town: Town) -> None:
    issue, minutes = fed_back_late(town)
    people = town.people
    Handover.objects.filter(issue=issue, ended_at=None).update(is_overdue=True)  # the check of the result
    issue = move(issue, "conclude", people.dispatcher, minutes=minutes)
    issue = move(issue, "appeal", people.handler, "停电", minutes=minutes)
    issue = move(issue, "uphold_appeal", people.dispatcher, "属实", minutes=minutes)
    move(issue, "uphold_appeal", people.duty_chief, "属实", minutes=minutes)
    assert shares() == {IN_TIME: (0, 1), SHOULD_BE: (1, 1), LATE: (1, 1)}
