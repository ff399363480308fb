"""Role × move: whoever may not make a move hears why not, who may, and what is possible instead."""

from collections.abc import Callable

import pytest

from apps.issues.models import Issue
from apps.issues.selectors.detail import detail
from apps.issues.services.moves import IssueNotFound
from apps.issues.workflow import MOVES, MoveRefused, NotForYou, State
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues import test_api
from tests.issues.test_moves import assigned, concluded, fed_back, filed, handled, move

STATES: dict[str, Callable[[Town], Issue]] = {
    "escalated": filed,
    "assigned": assigned,
    "handling": handled,
    "fed_back": fed_back,
    "concluded": concluded,
}


@pytest.mark.parametrize("state", STATES)
def test_each_refused_move_of_each_role_says_what_is_possible_instead(town: Town, state: str) -> None:
    issue = STATES[state](town)
    assert issue.state == state
    for role in town.people.__dataclass_fields__:
        person = getattr(town.people, role)
        seen = detail(issue.number, scope_of(person.id, NOW), NOW)
        possible = {row.name for row in seen.moves} if seen else set()
        for name in MOVES.keys() - possible:
            _assert_refused(issue, name, person, None if seen is None else possible)


def _assert_refused(issue: Issue, name: str, person: User, possible: set[str] | None) -> None:
    """By the state first, whoever asks; then by how the person stands to it. None: who does not see it."""
    if possible is None:
        with pytest.raises(IssueNotFound):
            move(issue, name, person, "试试")
        return
    with pytest.raises(MoveRefused) as refused:
        move(issue, name, person, "试试")
    assert {row.name for row in refused.value.possible} == possible, (name, person)
    assert all(str(row.label) in str(refused.value) for row in refused.value.possible)
    if State(issue.state) not in MOVES[name].to:
        assert not isinstance(refused.value, NotForYou), (name, person)


def test_who_does_not_act_for_the_holder_hears_who_does_and_what_else_is_possible(town: Town) -> None:
    issue = handled(town)
    answer = test_api.move(town.people.dispatcher, issue, "feed_back", version=issue.version)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (403, "not_for_you")
    assert error["possible"] == ["transfer", "cancel", "suspend", "supervise", "urge", "note"]
    assert "Jinshui Urban Management holds it." in error["message"]


def test_what_the_state_forbids_is_refused_so_to_everybody(town: Town) -> None:
    issue = handled(town)
    people = (town.people.handler, town.people.dispatcher, town.people.street_leader)
    answers = [test_api.move(person, issue, "conclude", version=issue.version) for person in people]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert {answer.json()["error"]["code"] for answer in answers} == {"move_refused"}
