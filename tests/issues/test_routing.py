"""The rule that finds a holder: examples from the town. What must be true of every chain: test_routing_laws.py."""

import pytest
from django.utils import translation

from apps.issues.routing import (
    Answer,
    Cell,
    Decision,
    Department,
    Matter,
    NoChain,
    Power,
    Reason,
    Rule,
    Staff,
    State,
    default_decision,
    route,
    sentence,
)

CITY, DISTRICT, STREET, COMMUNITY, YARD = (Cell(id=10 + tier, tier=tier) for tier in range(5))
CHAIN = (YARD, COMMUNITY, STREET, DISTRICT, CITY)
RUBBLE = Matter(categories=(3, 2, 1))
NOBODY = Staff()
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
    staff: Staff = NOBODY,
) -> Decision:
    return route(matter=matter, chain=chain, powers=powers, rules=rules, vacant=vacant, staff=staff)


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


def test_a_rule_never_sends_a_report_down_but_is_passed_over() -> None:
    decision = decide(powers_from(4), chain=(STREET, DISTRICT, CITY), rules=(Rule(1, "社区", to_tier=3),))
    assert way(decision) == [(STREET, Reason.WITHIN_POWERS)]
    assert decision.trace.alarms == ((1, Answer.NO_TIER),)


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


# --- seconded staff, and departments that get it at once ---------------------------------------------------

CHENGGUAN = Department(7, "chengguan", DISTRICT.id)
OF_THE_STREET = Department(8, "chengguan", STREET.id)
OF_THE_CITY = Department(9, "chengguan", CITY.id)


def seconded_at(tier: int, *, may_handle: bool = False) -> dict[tuple[int | None, int], Power]:
    """As `powers_from(1)`, but the cell of that tier leaves it to the chengguan's seconded staff first."""
    return powers_from(1) | {(3, tier): Power(may_handle, "chengguan")}


def test_seconded_staff_get_it_from_the_cell_in_which_they_work() -> None:
    decision = decide(seconded_at(2), staff=Staff({STREET.id: [CHENGGUAN]}))
    assert way(decision) == [
        (COMMUNITY, Reason.BEYOND_POWERS),
        (STREET, Reason.BEYOND_POWERS),
        (STREET, Reason.SECONDED),
    ]
    assert (decision.state, decision.department, decision.holder) == (State.ASSIGNED, CHENGGUAN, STREET)
    assert (decision.suggestion, decision.has_alarm) == ("", False)


def test_staff_seconded_to_a_cell_below_on_the_way_count_and_those_elsewhere_do_not() -> None:
    assert decide(seconded_at(2), staff=Staff({COMMUNITY.id: [CHENGGUAN]})).department == CHENGGUAN
    for elsewhere in (DISTRICT.id, CITY.id, 99):
        decision = decide(seconded_at(2), staff=Staff({elsewhere: [CHENGGUAN]}))
        assert (decision.holder, decision.department) == (DISTRICT, None)


def test_people_of_another_kind_or_of_the_city_are_not_seconded_staff_of_it() -> None:
    others = [Department(5, "gongshang", DISTRICT.id), OF_THE_CITY]
    assert decide(seconded_at(2), staff=Staff({STREET.id: others})).department is None


def test_the_most_local_department_of_a_kind_comes_first() -> None:
    decision = decide(seconded_at(2), staff=Staff({STREET.id: [CHENGGUAN, OF_THE_STREET]}))
    assert decision.department == OF_THE_STREET


def test_without_seconded_staff_a_cell_that_may_handles_it_itself() -> None:
    assert way(decide(seconded_at(3, may_handle=True))) == [(COMMUNITY, Reason.BEYOND_POWERS)]
    with_staff = decide(seconded_at(3, may_handle=True), staff=Staff({COMMUNITY.id: [CHENGGUAN]}))
    assert way(with_staff)[-1] == (COMMUNITY, Reason.SECONDED)


def test_staff_in_the_very_cell_get_it_in_one_hop() -> None:
    decision = decide(seconded_at(4), staff=Staff({YARD.id: [CHENGGUAN]}))
    assert way(decision) == [(YARD, Reason.SECONDED)]


def test_in_a_vacant_cell_its_superior_gives_it_to_the_seconded_staff_with_an_alarm() -> None:
    decision = decide(seconded_at(2), staff=Staff({STREET.id: [CHENGGUAN]}), vacant=frozenset({STREET.id}))
    assert way(decision)[-2:] == [(DISTRICT, Reason.VACANT), (DISTRICT, Reason.SECONDED)]
    assert (decision.state, decision.has_alarm) == (State.ASSIGNED, True)


def test_a_platform_keeps_it_to_pass_on_unless_its_power_gives_it_away_at_once() -> None:
    staff = Staff({DISTRICT.id: [CHENGGUAN]})
    assert decide(powers_from(1), staff=staff).department is None
    powers = powers_from(1) | {(3, 1): Power(True, "chengguan", assigns_directly=True)}
    decision = decide(powers, staff=staff)
    assert way(decision)[-2:] == [(DISTRICT, Reason.BEYOND_POWERS), (DISTRICT, Reason.DIRECT)]
    assert (decision.state, decision.department) == (State.ASSIGNED, CHENGGUAN)
    nobody_there = decide(powers)
    assert (nobody_there.state, nobody_there.suggestion) == (State.ESCALATED, "chengguan")


def test_the_platform_s_own_department_comes_before_those_below_it() -> None:
    powers = powers_from(1) | {(3, 1): Power(True, "chengguan", assigns_directly=True)}
    staff = Staff({STREET.id: [OF_THE_STREET], DISTRICT.id: [CHENGGUAN], CITY.id: [OF_THE_CITY]})
    assert decide(powers, staff=staff).department == CHENGGUAN


def test_the_city_always_sees_a_grave_matter_first() -> None:
    powers: dict[tuple[int | None, int], Power] = {(3, 0): Power(True, "chengguan", assigns_directly=True)}
    decision = decide(powers, matter=Matter((3,), is_grave=True), staff=Staff({CITY.id: [OF_THE_CITY]}))
    assert (decision.state, decision.department, decision.suggestion) == (State.ESCALATED, None, "chengguan")


def test_a_rule_may_give_it_to_seconded_staff_or_to_a_department_at_once() -> None:
    staff = Staff({COMMUNITY.id: [CHENGGUAN], DISTRICT.id: [CHENGGUAN]})
    to_street = (Rule(1, "占道", to_tier=2, department_kind="chengguan"),)
    assert way(decide({}, rules=to_street, staff=staff)) == [(STREET, Reason.RULE), (STREET, Reason.SECONDED)]
    to_district = (Rule(1, "占道", to_tier=1, department_kind="chengguan", assigns_directly=True),)
    decision = decide({}, rules=to_district, staff=staff)
    assert way(decision) == [(DISTRICT, Reason.RULE), (DISTRICT, Reason.DIRECT)]
    assert decision.hops[-1].rule == "占道"


@pytest.mark.parametrize("tier", [4, 3, 2])
def test_vacancies_at_every_tier_end_with_somebody_who_is_there(tier: int) -> None:
    cells = [cell for cell in CHAIN if cell.tier >= 2]
    for first in range(len(cells)):
        vacant = frozenset(cell.id for cell in cells[first:] if cell.tier <= tier)
        decision = decide(powers_from(tier), vacant=vacant)
        assert decision.holder.is_platform or decision.holder.id not in vacant
        assert decision.has_alarm == (tier in [cell.tier for cell in cells[first:]])
