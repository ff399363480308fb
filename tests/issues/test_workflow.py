"""The table of moves, cell by cell: state × move × role; the document made of it."""

import itertools
from typing import Any, Final

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.issues.workflow import (
    MOVES,
    By,
    Clock,
    Condition,
    MoveRefused,
    NotForYou,
    Situation,
    State,
    Target,
    UnknownMove,
    check_move,
    possible_moves,
)
from tests.factories import Town
from tests.issues.test_moves import assigned, fed_back, filed, handled, move
from tools.flow import FLOW, flow

# What each state allows at all, and to whom (reference: domain §5, §6). Written down a second time on purpose.
ANY_OPEN: Final = {"urge", "note", "cancel", "supervise", "lift_card"}
MORE_TIME: Final = {"ask_extension", "agree_extension", "grant_extension", "refuse_extension"}
TABLE: Final[dict[State, set[str]]] = {
    State.COLLECTED: set(),
    State.ESCALATED: ANY_OPEN
    | {"sign", "handle", "assign", "report_up", "return", "adjudicate", "merge", "split", "reject"}
    | {"conclude", "rework", "feed_back"},  # of a result that came up unchecked
    State.ASSIGNED: ANY_OPEN
    | {"sign", "transfer", "co_feed_back", "self_handle", "report_up", "return", "adjudicate", "merge", "reject"},
    State.HANDLING: ANY_OPEN
    | {"handle", "assign", "transfer", "feed_back", "co_feed_back", "self_handle", "report_up", "return"}
    | {"adjudicate", "merge", "split", "suspend"}
    | MORE_TIME,
    State.SUSPENDED: ANY_OPEN | {"co_feed_back", "resume"},
    State.FED_BACK: ANY_OPEN | {"assign", "feed_back", "conclude", "rework", "refer"},
    State.CONCLUDED: {"evaluate", "reopen", "appeal", "uphold_appeal", "refuse_appeal"},
    State.EVALUATED: {"evaluate", "reopen", "appeal", "uphold_appeal", "refuse_appeal"},
    State.REJECTED: set(),
    State.CANCELLED: set(),
    State.MERGED: {"unmerge"},
}
WHO: Final[dict[str, set[By]]] = {
    **{name: {By.HOLDER} for name in ("sign", "handle", "assign", "feed_back", "self_handle", "conclude", "rework")},
    **{name: {By.HOLDER} for name in ("report_up", "refer", "return", "split")},
    "transfer": {By.ASSIGNER},
    "co_feed_back": {By.CO_HANDLER},
    "evaluate": {By.REPORTER, By.HOLDER},
    "reopen": {By.REPORTER, By.PLATFORM},
    "adjudicate": {By.PLATFORM, By.SUPERIOR},
    "merge": {By.HOLDER, By.PLATFORM},
    "unmerge": {By.PLATFORM},
    "reject": {By.PLATFORM},
    "cancel": {By.PLATFORM},
    "urge": {By.ASSIGNER, By.SUPERIOR, By.INSPECTOR},
    "note": {By.HOLDER, By.ASSIGNER, By.PLATFORM, By.SUPERIOR, By.CO_HANDLER, By.INSPECTOR},
    "suspend": {By.APPROVER},
    "resume": {By.PLATFORM, By.SUPERIOR},
    "ask_extension": {By.HOLDER},
    "agree_extension": {By.ASSIGNER, By.SUPERIOR, By.APPROVER},
    "grant_extension": {By.APPROVER},
    "refuse_extension": {By.ASSIGNER, By.PLATFORM, By.SUPERIOR},
    "supervise": {By.SUPERIOR, By.INSPECTOR},
    "lift_card": {By.SUPERIOR, By.INSPECTOR},
    "appeal": {By.LATE_HOLDER},
    "uphold_appeal": {By.INSPECTOR, By.PLATFORM},
    "refuse_appeal": {By.INSPECTOR, By.PLATFORM},
}


@pytest.mark.parametrize(("state", "name"), list(itertools.product(State, MOVES)))
def test_each_cell_of_the_table_is_as_agreed_for_everybody(state: State, name: str) -> None:
    """State × move × standing: made, or refused with what is possible instead."""
    for by in By:
        situation = Situation(state, frozenset({by}), frozenset(Condition))
        if name in TABLE[state] and by in WHO[name]:
            assert check_move(name, situation) is MOVES[name]
            continue
        with pytest.raises(MoveRefused) as refused:
            check_move(name, situation)
        assert isinstance(refused.value, NotForYou) == (name in TABLE[state])
        assert {row.name for row in refused.value.possible} == {one for one in TABLE[state] if by in WHO[one]}
        assert str(refused.value)


def test_nobody_can_do_anything_without_standing_to_the_issue() -> None:
    assert not any(possible_moves(Situation(state, frozenset(), frozenset(Condition))) for state in State)


def test_every_open_state_has_a_way_on_for_its_holder() -> None:
    for state in State:
        if state.is_open and state not in (State.COLLECTED, State.SUSPENDED):  # which the sweep moves
            moves = possible_moves(Situation(state, frozenset({By.HOLDER}), frozenset(Condition)))
            assert any(row.to[state] != state or row.target is not Target.STAYS for row in moves)


def test_every_state_but_collected_can_be_reached() -> None:
    reached = {goal for row in MOVES.values() for goal in (*row.to.values(), row.to_downward) if goal}
    assert reached == set(State) - {State.COLLECTED}


def test_what_closes_goes_to_nobody_ends_the_clock_and_what_stays_open_does_not() -> None:
    for row in MOVES.values():
        closes = any(source.is_open and not goal.is_open for source, goal in row.to.items())
        assert (row.target is Target.NOBODY) == closes
        assert (row.clock is Clock.ENDS) == closes


def test_a_move_to_another_holder_starts_a_clock_of_its_own() -> None:
    for row in MOVES.values():
        if row.target not in (Target.STAYS, Target.NOBODY):
            assert row.clock is Clock.FRESH, row.name


def test_whatever_burdens_somebody_else_always_needs_words() -> None:
    burdening = {"return", "rework", "report_up", "assign", "transfer", "feed_back", "self_handle", "adjudicate"}
    for name in burdening | {"reopen", "reject", "cancel", "unmerge", "appeal", "uphold_appeal", "refuse_appeal"}:
        assert MOVES[name].needs_words == MOVES[name].sources


@given(st.sampled_from(State), st.frozensets(st.sampled_from(By)), st.frozensets(st.sampled_from(Condition)))
def test_a_move_is_made_or_refused_with_what_is_possible_instead(
    state: State, by: frozenset[By], holds: frozenset[Condition]
) -> None:
    situation = Situation(state, by, holds)
    possible = possible_moves(situation)
    for name in MOVES:
        if name in [row.name for row in possible]:
            assert check_move(name, situation) is MOVES[name]
        else:
            with pytest.raises(MoveRefused) as refused:
                check_move(name, situation)
            assert refused.value.possible == possible
            assert str(refused.value)


@given(st.frozensets(st.sampled_from(By)), st.frozensets(st.sampled_from(Condition)))
def test_nobody_concludes_own_work_or_over_the_head_of_an_assigner(
    by: frozenset[By], holds: frozenset[Condition]
) -> None:
    may = "conclude" in [row.name for row in possible_moves(Situation(State.FED_BACK, by, holds))]
    needed = {
        *(Condition.RESULT_STANDS, Condition.NOT_OWN_WORK),
        *(Condition.NO_ASSIGNER, Condition.CHILDREN_CLOSED),
    }
    assert may == (By.HOLDER in by and needed <= holds)


def test_every_condition_is_used_and_has_a_sentence() -> None:
    used = {condition for row in MOVES.values() for condition in row.conditions}
    assert used == set(Condition)
    assert len({str(condition.sentence) for condition in Condition}) == len(Condition)


def test_an_unknown_move_is_refused_by_name() -> None:
    with pytest.raises(UnknownMove):
        check_move("explode", Situation(State.ESCALATED))


# --- roles ------------------------------------------------------------------------------------------------

# state → who may do what there, of the whole cast; everybody else may do nothing
PLATFORM = ("dispatcher", "second_dispatcher", "duty_chief")
HANDLERS = ("handler", "second_handler")
WATCH = {"inspector": {"urge", "note", "supervise"}}
OVER_HANDLER = {"transfer", "urge", "note", "cancel", "supervise"}  # the platform that assigned it
MAY: dict[str, dict[str, set[str]]] = {
    "escalated": {
        **{
            key: {"sign", "handle", "assign", "report_up", "return", "merge", "split", "reject", "note", "cancel"}
            for key in PLATFORM
        },
        "city_dispatcher": {"merge", "reject", "urge", "note", "cancel", "supervise"},
        **WATCH,
    },
    "assigned": {
        **{key: {"sign", "return", "note"} for key in HANDLERS},
        **dict.fromkeys(PLATFORM, OVER_HANDLER),
        "city_dispatcher": {"urge", "note", "cancel", "supervise"},
        **WATCH,
    },
    "handling": {
        **{key: {"handle", "feed_back", "return", "note", "ask_extension"} for key in HANDLERS},
        **dict.fromkeys(PLATFORM, OVER_HANDLER | {"suspend"}),
        "city_dispatcher": {"urge", "note", "cancel", "supervise", "suspend"},
        **WATCH,
    },
    "fed_back": {
        **{key: {"assign", "conclude", "rework", "note", "cancel"} for key in PLATFORM},
        "city_dispatcher": {"urge", "note", "cancel", "supervise"},
        **WATCH,
    },
    "concluded": {
        **{key: {"evaluate", "reopen"} for key in PLATFORM},
        "leader": {"evaluate", "reopen"},
        "city_dispatcher": {"reopen"},
    },
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


def test_the_words_of_digital_city_management_name_the_same_table(settings: Any) -> None:
    with translation.override("zh-hans"):
        assert (str(State.ASSIGNED.label), str(MOVES["conclude"].label)) == ("已交办", "办结")
        settings.FLOW_WORDING = "urban"
        assert [str(state.label) for state in State][:5] == ["已受理", "已立案", "已派遣", "处置中", "已挂账"]
        assert (str(State.FED_BACK.label), str(State.CONCLUDED.label)) == ("待核查", "已结案")
        assert [str(MOVES[name].label) for name in ("assign", "handle", "conclude")] == ["派遣", "处置", "结案"]


def test_the_document_is_not_stale() -> None:
    assert FLOW.read_text(encoding="utf-8") == flow(), "run: python -m tools.flow"
