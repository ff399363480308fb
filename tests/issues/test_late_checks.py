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
from tests.issues.test_moves import fed_back


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
