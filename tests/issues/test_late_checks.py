"""A check that comes too late loses the check, not the result: whoever gets it concludes it or has it done again."""

from datetime import datetime

import pytest

from apps.issues.models import Issue, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.escalation import sweep
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.workflow import MoveRefused
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import Town
from tests.issues.test_moves import fed_back, filed, move


def climb(issue: Issue) -> datetime:
    """Let everything that is due come until somebody else has it; returns when that was."""
    holder = (issue.holder_grid_id, issue.holder_department_id)
    while (issue.holder_grid_id, issue.holder_department_id) == holder:
        assert issue.next_action_at is not None
        sweep(now=issue.next_action_at)
        issue.refresh_from_db()
    return issue.handovers.get(ended_at=None).started_at


def offered(issue: Issue, person: User, now: datetime) -> set[str]:
    seen = detail(issue.number, scope_of(person.id, now), now)
    return {row.name for row in seen.moves} if seen else set()


def make(issue: Issue, name: str, person: User, text: str, now: datetime) -> Issue:
    fields = MoveFields(text=text)
    return make_move(move=name, issue_id=issue.id, version=issue.version, actor=person, fields=fields, now=now)


def test_the_city_concludes_what_the_district_did_not_check_in_time(town: Town) -> None:
    issue = fed_back(town)
    late = climb(issue)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.city)
    assert {"conclude", "rework"} <= offered(issue, town.people.city_dispatcher, late)
    assert not {"conclude", "rework"} & offered(issue, town.people.dispatcher, late)
    issue = make(issue, "conclude", town.people.city_dispatcher, "", late)
    assert issue.state == State.CONCLUDED
    assert check_invariants(now=late, sample=0).findings == []


def test_sent_for_rework_it_goes_to_who_fed_back_and_its_result_stands_no_more(town: Town) -> None:
    issue = fed_back(town)
    late = climb(issue)
    issue = make(issue, "rework", town.people.city_dispatcher, "仍有残留", late)
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.chengguan)
    later = climb(issue)
    assert (issue.state, issue.holder_department) == (State.ESCALATED, None)
    assert not {"conclude", "rework"} & offered(issue, town.people.dispatcher, later)
    with pytest.raises(MoveRefused, match="没有待核查"):
        make(issue, "conclude", town.people.dispatcher, "", later)


def down_to_the_street(town: Town) -> Issue:
    """Rubble, assigned by the city to the district and by the district to the street: both wait."""
    people = town.people
    issue = move(filed(town), "report_up", people.dispatcher, "请市里定夺")
    issue = move(issue, "assign", people.city_dispatcher, "请区里办理", to_grid_id=town.district.id)
    issue = move(issue, "sign", people.dispatcher)
    return move(issue, "assign", people.dispatcher, "请街道办理", to_grid_id=town.street.id)


def test_what_climbed_unchecked_is_fed_back_to_whoever_waits_above_and_stays_whose_work_it_was(town: Town) -> None:
    people, issue = town.people, down_to_the_street(town)
    issue = move(issue, "sign", people.street_clerk)
    own = town.departments.chengguan.id
    issue = move(issue, "assign", people.street_clerk, "请清运", to_department_id=own)
    issue = move(move(issue, "sign", people.handler), "feed_back", people.handler, "已清运")
    late = climb(issue)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.district)
    moves = offered(issue, people.dispatcher, late)
    assert "feed_back" in moves and "conclude" not in moves
    issue = make(issue, "feed_back", people.dispatcher, "已核查", late)
    assert (issue.state, issue.holder_grid) == (State.FED_BACK, town.city)
    issue = make(issue, "conclude", people.city_dispatcher, "", late)
    issue = make(issue, "reopen", people.leader, "又倒了一堆", late)
    assert issue.holder_department == town.departments.chengguan
    assert check_invariants(now=late, sample=0).findings == []


def test_what_climbed_without_a_result_has_none_to_feed_back(town: Town) -> None:
    people, issue = town.people, down_to_the_street(town)
    late = climb(issue)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.district)
    with pytest.raises(MoveRefused, match="还没有办理结果"):
        make(issue, "feed_back", people.dispatcher, "已办", late)
