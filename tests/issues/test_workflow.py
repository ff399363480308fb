"""The table of moves, cell by cell: state × move × role; the chain of obligations; the document made of it."""

import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.issues.workflow import (
    MOVES,
    Condition,
    Holder,
    Link,
    LinkKind,
    MoveRefused,
    Situation,
    State,
    Target,
    UnknownMove,
    assigners,
    check_move,
    moves_from,
    possible_moves,
    reported_by,
    was_returned_between,
    way_back,
)
from tests.factories import Town
from tests.issues.test_moves import assigned, fed_back, filed, handled, move
from tools.flow import FLOW, flow

# What each state allows at all (reference: domain §6). Written down a second time on purpose.
TABLE: Final[dict[State, set[str]]] = {
    State.COLLECTED: set(),
    State.ESCALATED: {"sign", "handle", "assign", "report_up", "return"},
    State.ASSIGNED: {"sign", "self_handle", "report_up", "return"},
    State.HANDLING: {"handle", "assign", "feed_back", "self_handle", "report_up", "return"},
    State.FED_BACK: {"assign", "feed_back", "conclude", "rework"},
    State.CONCLUDED: set(),
}


@pytest.mark.parametrize(("state", "name"), list(itertools.product(State, MOVES)))
def test_each_cell_of_the_table_is_as_agreed(state: State, name: str) -> None:
    assert (name in {row.name for row in moves_from(state)}) == (name in TABLE[state])


def test_every_open_state_has_a_way_on_and_no_closed_one() -> None:
    for state in State:
        assert bool(moves_from(state)) == (state not in (State.COLLECTED, State.CONCLUDED))


def test_every_state_but_collected_can_be_reached() -> None:
    reached = {goal for row in MOVES.values() for goal in (*row.to.values(), row.to_downward) if goal}
    assert reached == set(State) - {State.COLLECTED}


def test_what_closes_goes_to_nobody_and_what_stays_open_does_not() -> None:
    for row in MOVES.values():
        assert (row.target is Target.NOBODY) == (set(row.to.values()) == {State.CONCLUDED})


def test_returns_rework_and_reporting_up_always_need_words() -> None:
    for name in ("return", "rework", "report_up", "assign", "feed_back", "self_handle"):
        assert MOVES[name].needs_words == MOVES[name].sources


@given(
    st.builds(
        Situation,
        state=st.sampled_from(State),
        holder_tier=st.integers(0, 4),
        is_department=st.booleans(),
        is_signed=st.booleans(),
        has_assigner=st.booleans(),
        has_way_back=st.booleans(),
        was_returned=st.booleans(),
        was_fed_back=st.booleans(),
        is_own_work=st.booleans(),
    )
)
def test_a_move_is_made_or_refused_with_what_is_possible_instead(situation: Situation) -> None:
    possible = possible_moves(situation)
    for name in MOVES:
        if name in [row.name for row in possible]:
            assert check_move(name, situation) is MOVES[name]
        else:
            with pytest.raises(MoveRefused) as refused:
                check_move(name, situation)
            assert refused.value.possible == possible
            assert str(refused.value)


@given(st.booleans(), st.booleans(), st.integers(0, 4))
def test_nobody_concludes_own_work_or_over_the_head_of_an_assigner(own: bool, owed: bool, tier: int) -> None:
    situation = Situation(State.FED_BACK, tier, was_fed_back=True, is_own_work=own, has_assigner=owed)
    may = "conclude" in [row.name for row in possible_moves(situation)]
    assert may == (not own and not owed)


def test_every_condition_is_used_and_has_a_sentence() -> None:
    used = {condition for row in MOVES.values() for condition in row.conditions}
    assert used == set(Condition)
    assert len({str(condition.sentence) for condition in Condition}) == len(Condition)


def test_an_unknown_move_is_refused_by_name() -> None:
    with pytest.raises(UnknownMove):
        check_move("explode", Situation(State.ESCALATED, 1))


# --- the chain ------------------------------------------------------------------------------------------

CITY, DISTRICT, STREET, CELL = 1, 10, 100, 1000  # each is within the ones before
DEPARTMENT = Holder(DISTRICT, 7)


def is_within(cell: int, ancestor: int) -> bool:
    return cell >= ancestor


def link(kind: LinkKind, giver: Holder | int | None, taker: Holder | int, *, by_itself: bool = False) -> Link:
    def holder(value: Holder | int) -> Holder:
        return value if isinstance(value, Holder) else Holder(value)

    return Link(kind, None if giver is None else holder(giver), holder(taker), is_automatic=by_itself)


FILED = [
    link(LinkKind.COLLECT, None, CELL),
    link(LinkKind.REPORT_UP, CELL, STREET, by_itself=True),
    link(LinkKind.REPORT_UP, STREET, DISTRICT, by_itself=True),
]
ASSIGNED = [*FILED, link(LinkKind.ASSIGN, DISTRICT, DEPARTMENT)]


def test_who_assigns_waits_until_it_is_fed_back() -> None:
    assert assigners(ASSIGNED, is_within) == (Holder(DISTRICT),)
    fed = [*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]
    assert assigners(fed, is_within) == ()
    again = [*fed, link(LinkKind.REWORK, DISTRICT, DEPARTMENT)]
    assert assigners(again, is_within) == (Holder(DISTRICT),)


def test_the_cell_for_which_routing_assigns_to_a_department_waits_and_gets_it_back() -> None:
    links = [*FILED[:2], link(LinkKind.ASSIGN, STREET, DEPARTMENT, by_itself=True)]
    assert assigners(links, is_within) == (Holder(STREET),)
    assert way_back(links, DEPARTMENT, is_within) == (Holder(STREET), False)
    fed = [*links, link(LinkKind.FEED_BACK, DEPARTMENT, STREET)]
    assert assigners(fed, is_within) == ()
    back = [*links, link(LinkKind.RETURN, DEPARTMENT, STREET)]
    assert assigners(back, is_within) == ()
    assert way_back(back, Holder(STREET), is_within) == (Holder(CELL), True)
    late = [*links, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert assigners(late, is_within) == ()


def test_what_routing_assigns_nobody_waits_for() -> None:
    links = [FILED[0], link(LinkKind.ASSIGN, CELL, STREET, by_itself=True)]
    assert assigners(links, is_within) == ()


def test_a_return_frees_the_assigner() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT)]
    assert assigners(links, is_within) == ()
    assert way_back(links, Holder(DISTRICT), is_within) == (Holder(CELL), True)


def test_who_is_late_loses_the_duty_with_all_that_was_owed_below() -> None:
    links = [*ASSIGNED, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert assigners(links, is_within) == ()
    assert way_back(links, Holder(DISTRICT), is_within) == (DEPARTMENT, True)


def test_what_the_city_waits_for_stays_owed_when_the_street_reports_up_to_the_district() -> None:
    links = [
        link(LinkKind.COLLECT, None, CELL),
        link(LinkKind.REPORT_UP, CELL, CITY, by_itself=True),
        link(LinkKind.ASSIGN, CITY, STREET),
        link(LinkKind.REPORT_UP, STREET, DISTRICT),
    ]
    assert assigners(links, is_within) == (Holder(CITY),)


def test_a_report_goes_back_past_untouched_hops_but_not_past_people() -> None:
    assert reported_by(FILED, Holder(DISTRICT)) == Holder(CELL)
    touched = [FILED[0], FILED[1], link(LinkKind.REPORT_UP, STREET, DISTRICT)]
    assert reported_by(touched, Holder(DISTRICT)) == Holder(STREET)
    assert reported_by(FILED[:1], Holder(CELL)) is None


def test_sent_back_down_the_sender_waits_for_the_result() -> None:
    links = [*FILED, link(LinkKind.RETURN, DISTRICT, CELL)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    assert way_back(links, Holder(CELL), is_within) == (Holder(DISTRICT), False)


def test_what_went_back_once_between_two_is_known_from_either_side_and_to_no_third() -> None:
    links = [*FILED, link(LinkKind.RETURN, DISTRICT, CELL)]
    assert was_returned_between(links, Holder(DISTRICT), Holder(CELL))
    assert was_returned_between(links, Holder(CELL), Holder(DISTRICT))
    assert not was_returned_between(links, Holder(STREET), Holder(DISTRICT))
    assert not was_returned_between(links, DEPARTMENT, Holder(DISTRICT))
    assert not was_returned_between(FILED, Holder(CELL), Holder(DISTRICT))


@given(st.lists(st.sampled_from([*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]), max_size=12))
def test_any_chain_can_be_folded(links: list[Link]) -> None:
    assert len(assigners(links, is_within)) <= len(links)


# --- roles ------------------------------------------------------------------------------------------------

# state → who may do what there, of the whole cast; everybody else may do nothing
PLATFORM = ("dispatcher", "second_dispatcher", "duty_chief")
HANDLERS = ("handler", "second_handler")
MAY: dict[str, dict[str, set[str]]] = {
    "escalated": {key: {"sign", "handle", "assign", "report_up", "return"} for key in PLATFORM},
    "assigned": {key: {"sign", "return"} for key in HANDLERS},
    "handling": {key: {"handle", "feed_back", "return"} for key in HANDLERS},
    "fed_back": {key: {"assign", "conclude", "rework"} for key in PLATFORM},
    "concluded": {},
}


@pytest.mark.parametrize("state", MAY)
def test_each_role_may_in_each_state_what_the_table_says(town: Town, state: str) -> None:
    from apps.issues.selectors.detail import detail
    from apps.staff.selectors import scope_of
    from tests.factories import NOW

    made = {
        "escalated": lambda: filed(town),
        "assigned": lambda: assigned(town),
        "handling": lambda: handled(town),
        "fed_back": lambda: fed_back(town),
        "concluded": lambda: move(fed_back(town), "conclude", town.people.dispatcher),
    }
    issue = made[state]()
    assert issue.state == state
    found = {}
    for role in town.people.__dataclass_fields__:
        seen = detail(issue.number, scope_of(getattr(town.people, role).id, NOW), NOW)
        if seen is not None and seen.moves:
            found[role] = {row.name for row in seen.moves}
    assert found == MAY[state]


def test_the_document_is_not_stale() -> None:
    assert FLOW.read_text(encoding="utf-8") == flow(), "run: python -m tools.flow"
