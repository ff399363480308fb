"""After the end: evaluation, opening again, appeals against lateness."""

from datetime import timedelta
from typing import Any

import pytest

from apps.issues.models import Issue, IssueEvent, State
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.given import GivenRefused
from apps.issues.workflow import Give, MoveRefused, NotForYou
from apps.notices.models import Notice
from tests.factories import NOW, Town
from tests.issues.test_moves import concluded, filed, handled, move


@pytest.fixture(autouse=True)
def _every_promise_holds_afterwards(db: None) -> Any:
    yield
    assert [str(finding) for finding in check_invariants(now=NOW + timedelta(minutes=5)).findings] == []


def test_the_reporter_and_who_concluded_evaluate_once_each(town: Town) -> None:
    rating = {Give.SCORE: "4", Give.IS_SATISFIED: "yes"}
    issue = move(concluded(town), "evaluate", town.people.leader, "办得快", given=rating)
    assert issue.state == State.EVALUATED
    assert IssueEvent.objects.get(issue=issue, kind="evaluate").payload == {
        "text": "办得快",
        "score": 4,
        "is_satisfied": True,
    }
    with pytest.raises(MoveRefused):
        move(issue, "evaluate", town.people.leader, given=rating)
    move(issue, "evaluate", town.people.dispatcher, given=rating)
    with pytest.raises(MoveRefused):
        move(issue, "evaluate", town.people.handler, given=rating)


@pytest.mark.parametrize(
    ("score", "satisfied", "field"),
    [
        *[("", "yes", "score"), ("6", "yes", "score"), ("0", "no", "score"), ("4.5", "no", "score")],
        *[(True, "yes", "score"), ("٣", "yes", "score"), ("3", "", "is_satisfied"), ("3", "maybe", "is_satisfied")],
    ],
)
def test_a_bad_evaluation_is_refused_field_by_field(town: Town, score: Any, satisfied: str, field: str) -> None:
    given = {Give.SCORE: score, Give.IS_SATISFIED: satisfied}
    with pytest.raises(GivenRefused) as refused:
        move(concluded(town), "evaluate", town.people.leader, given=given)
    assert refused.value.field == field
    assert str(refused.value)


def test_opened_again_it_goes_to_who_handled_it_with_a_clock(town: Town) -> None:
    issue = move(concluded(town), "reopen", town.people.leader, "又倒了一堆")
    assert (issue.state, issue.holder_department, issue.closed_at) == (
        State.HANDLING,
        town.departments.chengguan,
        None,
    )
    assert issue.due_at is not None
    issue = move(issue, "feed_back", town.people.handler, "再次清运")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.district)
    text = "Report %(number)s of %(cell)s is open again: %(text)s"
    assert Notice.objects.filter(recipient=town.people.handler, text=text).exists()


def test_fed_back_link_by_link_it_goes_to_who_did_the_work(town: Town) -> None:
    people = town.people
    issue = move(filed(town, "fire"), "assign", people.city_dispatcher, "速处", to_grid_id=town.district.id)
    issue = move(issue, "sign", people.dispatcher)
    department = town.departments.chengguan
    issue = move(issue, "assign", people.dispatcher, "速去", to_department_id=department.id)
    issue = move(move(issue, "sign", people.handler), "feed_back", people.handler, "已灭火")
    issue = move(move(issue, "feed_back", people.dispatcher, "已灭火"), "conclude", people.city_dispatcher)
    issue = move(issue, "reopen", people.leader, "又冒烟了")
    assert (issue.state, issue.holder_department) == (State.HANDLING, department)
    issue = move(issue, "feed_back", people.handler, "再次扑灭")
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.city)


def test_solved_by_the_platform_itself_it_goes_to_no_department_that_gave_it_back(town: Town) -> None:
    issue = move(concluded(town), "reopen", town.people.leader, "又倒了一堆")
    issue = move(issue, "return", town.people.handler, "不属城管")
    issue = move(move(issue, "handle", town.people.dispatcher), "self_handle", town.people.dispatcher, "已协调清运")
    issue = move(issue, "reopen", town.people.leader, "还有")
    assert (issue.state, issue.holder_grid, issue.holder_department) == (State.HANDLING, town.district, None)


def test_after_some_days_it_cannot_be_opened_again(town: Town) -> None:
    issue = concluded(town)
    with pytest.raises(MoveRefused):
        move(issue, "reopen", town.people.leader, "又倒了", minutes=60 * 24 * 16)
    assert move(issue, "reopen", town.people.leader, "又倒了", minutes=60 * 24 * 14).is_open


# --- appeals 超时申诉 --------------------------------------------------------------------------------------


def late(town: Town) -> Issue:
    """Concluded, but the department was late."""
    issue = handled(town)
    late_at = 60 * 24 * 3
    issue = move(issue, "feed_back", town.people.handler, "已清运", minutes=late_at)
    return move(issue, "conclude", town.people.dispatcher, minutes=late_at + 1)


def test_a_late_department_appeals_once_and_two_reviewers_decide(town: Town) -> None:
    issue = late(town)
    issue = move(issue, "appeal", town.people.second_handler, "当日暴雨停工")
    issue = move(issue, "uphold_appeal", town.people.inspector, "气象记录属实")
    with pytest.raises(MoveRefused):
        move(issue, "uphold_appeal", town.people.inspector, "再次同意")
    issue = move(issue, "uphold_appeal", town.people.duty_chief, "同意")
    for name, who in (("appeal", town.people.handler), ("uphold_appeal", town.people.city_dispatcher)):
        with pytest.raises(MoveRefused):
            move(issue, name, who, "再")
    assert issue.handovers.filter(is_overdue=True).exists()  # the raw fact stays


def test_who_was_in_time_has_nothing_to_appeal_against(town: Town) -> None:
    with pytest.raises(NotForYou):
        move(concluded(town), "appeal", town.people.handler, "没有超时")


def test_an_appeal_refused_is_decided(town: Town) -> None:
    issue = move(late(town), "appeal", town.people.handler, "暴雨")
    issue = move(issue, "refuse_appeal", town.people.inspector, "当日无雨")
    with pytest.raises(MoveRefused):
        move(issue, "uphold_appeal", town.people.duty_chief, "同意")
