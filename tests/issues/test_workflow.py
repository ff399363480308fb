"""The table of moves, cell by cell: state × move × role; the chain of obligations; the document made of it."""

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
    Holder,
    Link,
    LinkKind,
    MoveRefused,
    NotForYou,
    Situation,
    State,
    Target,
    UnknownMove,
    assigners,
    check_move,
    declined_by,
    is_ruled,
    last_handled_by,
    possible_moves,
    reported_by,
    was_returned_between,
    way_back,
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
    | {"sign", "handle", "assign", "report_up", "return", "adjudicate", "merge", "split", "reject"},
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
    needed = {Condition.NOT_OWN_WORK, Condition.NO_ASSIGNER, Condition.CHILDREN_CLOSED}
    assert may == (By.HOLDER in by and needed <= holds)


def test_every_condition_is_used_and_has_a_sentence() -> None:
    used = {condition for row in MOVES.values() for condition in row.conditions}
    assert used == set(Condition)
    assert len({str(condition.sentence) for condition in Condition}) == len(Condition)


def test_an_unknown_move_is_refused_by_name() -> None:
    with pytest.raises(UnknownMove):
        check_move("explode", Situation(State.ESCALATED))


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


OTHER_DEPARTMENT = Holder(DISTRICT, 8)


def test_two_departments_decline_until_a_ruling_which_binds() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT)]
    assert declined_by(links) == (DEPARTMENT,)
    links += [link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT), link(LinkKind.RETURN, OTHER_DEPARTMENT, DISTRICT)]
    assert declined_by(links) == (DEPARTMENT, OTHER_DEPARTMENT)
    assert not is_ruled(links)
    links.append(link(LinkKind.ADJUDICATE, DISTRICT, DEPARTMENT))
    assert declined_by(links) == ()
    assert is_ruled(links)
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    links.append(link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT))
    assert is_ruled([*links, link(LinkKind.REWORK, DISTRICT, DEPARTMENT)])
    assert is_ruled([*links, link(LinkKind.REOPEN, DISTRICT, DEPARTMENT)])
    assert not is_ruled([*links, link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT)])


def test_who_rules_from_above_takes_over_what_was_owed_below() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT), link(LinkKind.ADJUDICATE, CITY, OTHER_DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(CITY),)


def test_who_unmerges_it_owes_the_result_neither_to_itself_nor_downward() -> None:
    links = [*ASSIGNED, link(LinkKind.UNMERGE, DEPARTMENT, DISTRICT)]
    assert assigners(links, is_within) == ()
    street = [*FILED[:2], link(LinkKind.ASSIGN, STREET, CELL), link(LinkKind.UNMERGE, CELL, DISTRICT)]
    assert assigners(street, is_within) == ()
    from_city = [*FILED, link(LinkKind.ASSIGN, CITY, DISTRICT), link(LinkKind.ASSIGN, DISTRICT, STREET)]
    assert assigners([*from_city, link(LinkKind.UNMERGE, STREET, DISTRICT)], is_within) == (Holder(CITY),)


def test_a_transfer_changes_who_owes_the_result_not_who_waits_for_it() -> None:
    links = [*ASSIGNED, link(LinkKind.TRANSFER, DISTRICT, OTHER_DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    assert way_back(links, OTHER_DEPARTMENT, is_within) == (Holder(DISTRICT), False)


def test_who_handled_it_last_is_the_first_who_fed_back_without_a_break() -> None:
    links = [
        *FILED,
        link(LinkKind.ASSIGN, CITY, DISTRICT),
        link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT),
        link(LinkKind.FEED_BACK, OTHER_DEPARTMENT, DISTRICT),
        link(LinkKind.ASSIGN, DISTRICT, DEPARTMENT),
    ]
    assert last_handled_by(FILED) is None
    assert last_handled_by(links) == OTHER_DEPARTMENT
    links += [link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT), link(LinkKind.FEED_BACK, DISTRICT, CITY)]
    assert last_handled_by(links) == DEPARTMENT


def test_who_opens_it_again_waits_for_the_result() -> None:
    links = [*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT), link(LinkKind.REOPEN, DISTRICT, DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)


@given(st.lists(st.sampled_from([*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]), max_size=12))
def test_any_chain_can_be_folded(links: list[Link]) -> None:
    assert len(assigners(links, is_within)) <= len(links)


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
