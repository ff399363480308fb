"""The rule that finds a holder: examples from the town, and what must be true of every chain."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.issues.routing import (
    Cell,
    Decision,
    Matter,
    NoChain,
    Power,
    Reason,
    Rule,
    State,
    default_decision,
    route,
    sentence,
)

CITY, DISTRICT, STREET, COMMUNITY, YARD = (Cell(id=10 + tier, tier=tier) for tier in range(5))
CHAIN = (YARD, COMMUNITY, STREET, DISTRICT, CITY)
RUBBLE = Matter(categories=(3, 2, 1))
MAY, MAY_NOT = Power(may_handle=True), Power(may_handle=False)


def powers_from(tier: int, category: int | None = 3) -> dict[tuple[int | None, int], Power]:
    """Tiers up to (and of) `tier` may handle it; its platforms pass it to the chengguan."""
    return {(category, at): Power(at <= tier, "chengguan" if at <= 1 else "") for at in (cell.tier for cell in CHAIN)}


def decide(
    powers: dict[tuple[int | None, int], Power],
    *,
    matter: Matter = RUBBLE,
    rules: tuple[Rule, ...] = (),
    vacant: frozenset[int] = frozenset(),
    chain: tuple[Cell, ...] = CHAIN,
) -> Decision:
    return route(matter=matter, chain=chain, powers=powers, rules=rules, vacant=vacant)


def way(decision: Decision) -> list[tuple[Cell, Reason]]:
    return [(hop.cell, hop.reason) for hop in decision.hops]


def test_a_cell_within_its_powers_keeps_the_report() -> None:
    decision = decide(powers_from(4))
    assert way(decision) == [(YARD, Reason.WITHIN_POWERS)]
    assert (decision.state, decision.has_alarm) == (State.ASSIGNED, False)


def test_beyond_its_powers_it_goes_up_one_tier_at_a_time() -> None:
    decision = decide(powers_from(1))
    assert way(decision) == [
        (COMMUNITY, Reason.BEYOND_POWERS),
        (STREET, Reason.BEYOND_POWERS),
        (DISTRICT, Reason.BEYOND_POWERS),
    ]
    assert (decision.state, decision.suggestion, decision.has_alarm) == (State.ESCALATED, "chengguan", False)


def test_it_stops_at_the_first_tier_that_may() -> None:
    decision = decide(powers_from(3))
    assert way(decision) == [(COMMUNITY, Reason.BEYOND_POWERS)]
    assert decision.state == State.ASSIGNED


def test_a_grave_matter_goes_to_the_city_in_one_hop() -> None:
    decision = decide({}, matter=Matter((3, 2, 1), is_grave=True))
    assert way(decision) == [(CITY, Reason.GRAVE)]
    assert (decision.state, decision.has_alarm) == (State.ESCALATED, False)


def test_the_power_of_the_minor_class_counts_before_that_of_the_field() -> None:
    powers = powers_from(1) | {(1, 4): MAY, (None, 4): MAY}
    assert decide(powers).holder == DISTRICT
    powers.pop((3, 4))
    assert decide(powers).holder == YARD


def test_the_row_without_category_counts_when_no_other_does() -> None:
    assert decide(powers_from(2, category=None)).holder == STREET


def test_without_any_row_the_district_holds_it_with_an_alarm() -> None:
    decision = decide({})
    assert way(decision) == [(DISTRICT, Reason.NO_POWER)]
    assert (decision.state, decision.has_alarm) == (State.ESCALATED, True)


def test_a_hole_above_keeps_the_hops_climbed_so_far() -> None:
    powers = powers_from(1)
    powers.pop((3, 2))
    assert way(decide(powers)) == [(COMMUNITY, Reason.BEYOND_POWERS), (DISTRICT, Reason.NO_POWER)]


def test_where_nobody_at_all_may_the_city_holds_it_with_an_alarm() -> None:
    decision = decide(dict.fromkeys(powers_from(0), MAY_NOT))
    assert (decision.holder, decision.hops[-1].reason, decision.has_alarm) == (CITY, Reason.NO_POWER, True)


def test_a_platform_holds_what_it_may_only_pass_on() -> None:
    powers = powers_from(0) | {(3, 1): Power(may_handle=False, department_kind="gongshang")}
    assert (decide(powers).holder, decide(powers).suggestion) == (DISTRICT, "gongshang")


def test_the_superior_of_a_vacant_cell_stands_in_and_it_is_said() -> None:
    decision = decide(powers_from(4), vacant=frozenset({YARD.id}))
    assert way(decision) == [(COMMUNITY, Reason.VACANT)]
    assert (decision.state, decision.has_alarm) == (State.ASSIGNED, True)


def test_vacancies_in_a_row_end_at_the_platform() -> None:
    decision = decide(powers_from(3), vacant=frozenset({COMMUNITY.id, STREET.id, DISTRICT.id}))
    assert way(decision) == [
        (COMMUNITY, Reason.BEYOND_POWERS),
        (STREET, Reason.VACANT),
        (DISTRICT, Reason.VACANT),
    ]
    assert decision.state == State.ESCALATED


def test_the_first_rule_whose_conditions_hold_goes_before_everything() -> None:
    rules = (
        Rule(1, "夜间施工", to_tier=0, category_id=99),
        Rule(2, "另一街道", to_tier=0, area_id=999),
        Rule(3, "加急", to_tier=0, is_urgent=True),
        Rule(4, "园田社区建筑垃圾", to_tier=2, category_id=2, area_id=COMMUNITY.id, is_urgent=False),
        Rule(5, "后面的", to_tier=0),
    )
    decision = decide(powers_from(4), rules=rules, matter=Matter((3, 2, 1), is_grave=True))
    assert way(decision) == [(STREET, Reason.RULE)]
    assert decision.hops[0].rule == "园田社区建筑垃圾"


def test_a_rule_never_sends_a_report_down() -> None:
    decision = decide(powers_from(4), chain=(STREET, DISTRICT, CITY), rules=(Rule(1, "社区", to_tier=3),))
    assert way(decision) == [(STREET, Reason.RULE)]


def test_the_default_holder_without_a_district_is_the_city() -> None:
    assert default_decision((CITY,), Reason.BROKEN).holder == CITY


def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(NoChain):
        decide({}, chain=())
    with pytest.raises(NoChain):
        default_decision((), Reason.BROKEN)


def test_every_reason_is_a_sentence_and_an_unknown_one_stays_readable() -> None:
    with translation.override("en"):
        assert (
            sentence("vacant", {"from": "A", "to": "B"}) == "A has no leader now; the leader of its superior stands in"
        )
        assert all("%" not in sentence(reason, {}) for reason in Reason)
    assert sentence("from_2040", {}) == "from_2040"


# --- what must be true of every chain -----------------------------------------------------------------

chains = st.integers(0, 4).map(lambda start: CHAIN[start:])
powers_of_any_city = st.dictionaries(
    st.tuples(st.sampled_from([None, 1, 2, 3]), st.integers(0, 4)),
    st.builds(Power, st.booleans(), st.sampled_from(["", "chengguan"])),
)
matters = st.builds(Matter, st.just((3, 2, 1)), st.booleans(), st.booleans())
rules_of_any_city = st.lists(
    st.builds(
        Rule,
        st.integers(1, 9),
        st.just("规则"),
        st.integers(0, 4),
        st.sampled_from([None, 1, 2, 3, 4]),
        st.sampled_from([None, *(cell.id for cell in CHAIN), 99]),
        st.sampled_from([None, True, False]),
    ),
    max_size=3,
).map(tuple)
vacancies = st.frozensets(st.sampled_from([cell.id for cell in CHAIN]))


@given(chains, powers_of_any_city, matters, rules_of_any_city, vacancies)
def test_it_always_ends_in_the_chain_and_only_ever_goes_up(
    chain: tuple[Cell, ...],
    powers: dict[tuple[int | None, int], Power],
    matter: Matter,
    rules: tuple[Rule, ...],
    vacant: frozenset[int],
) -> None:
    decision = decide(powers, chain=chain, matter=matter, rules=rules, vacant=vacant)
    places = [chain.index(hop.cell) for hop in decision.hops]
    assert places == sorted(set(places))
    assert places[0] > 0 or len(places) == 1
    assert decision.holder == chain[places[-1]]
    assert (decision.state == State.ESCALATED) == decision.holder.is_platform


@given(chains, powers_of_any_city, matters, rules_of_any_city, vacancies)
def test_a_vacant_cell_never_holds_unless_the_alarm_says_so(
    chain: tuple[Cell, ...],
    powers: dict[tuple[int | None, int], Power],
    matter: Matter,
    rules: tuple[Rule, ...],
    vacant: frozenset[int],
) -> None:
    decision = decide(powers, chain=chain, matter=matter, rules=rules, vacant=vacant)
    assert decision.holder.is_platform or decision.holder.id not in vacant
    if Reason.VACANT in [hop.reason for hop in decision.hops]:
        assert decision.has_alarm


@given(powers_of_any_city, st.integers(0, 4), vacancies)
def test_more_powers_for_a_tier_never_send_a_report_higher(
    powers: dict[tuple[int | None, int], Power], tier: int, vacant: frozenset[int]
) -> None:
    before = decide(powers, vacant=vacant)
    after = decide(powers | {(3, tier): MAY}, vacant=vacant)
    assert CHAIN.index(after.holder) <= CHAIN.index(before.holder)


@given(powers_of_any_city, vacancies, st.sampled_from([cell.id for cell in CHAIN]))
def test_one_more_vacancy_never_sends_a_report_lower(
    powers: dict[tuple[int | None, int], Power], vacant: frozenset[int], left: int
) -> None:
    before = decide(powers, vacant=vacant)
    after = decide(powers, vacant=vacant | {left})
    assert CHAIN.index(after.holder) >= CHAIN.index(before.holder)
