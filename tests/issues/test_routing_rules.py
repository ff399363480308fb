"""Asking rules one by one: what each answers, what is kept of it, and that nothing broken is silent."""

import pytest
from django.utils import translation

from apps.issues.routing import (
    ALARMING,
    Answer,
    Cell,
    Matter,
    Power,
    Powers,
    Rule,
    Staff,
    answer_sentence,
    ask,
    catches_all_of,
    route,
)

CHAIN = tuple(Cell(id=10 + tier, tier=tier) for tier in reversed(range(5)))
RUBBLE = Matter(categories=(3, 2, 1), is_working_time=True)


def answers(*rules: Rule, matter: Matter = RUBBLE, staff: Staff | None = None) -> list[Answer]:
    return [answer for _, answer in ask(rules, matter, CHAIN, staff or Staff())[1]]


def test_each_rule_says_why_it_does_not_hold_and_none_is_asked_after_the_one_that_does() -> None:
    rules = (
        Rule(1, "类别", to_tier=1, category_id=99),
        Rule(2, "区域", to_tier=1, area_id=99),
        Rule(3, "加急", to_tier=1, is_urgent=True),
        Rule(4, "夜间", to_tier=1, is_working_time=False),
        Rule(5, "停用", to_tier=1, is_active=False),
        Rule(6, "白天", to_tier=1, is_working_time=True),
        Rule(7, "后面的", to_tier=0),
    )
    assert answers(*rules) == [
        Answer.CATEGORY, Answer.AREA, Answer.URGENCY, Answer.HOURS, Answer.OFF, Answer.HOLDS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (Rule(1, "x", to_tier=1, fault=Answer.AREA_GONE, area_id=99), Answer.AREA_GONE),
        (Rule(1, "x", to_tier=1, fault=Answer.CATEGORY_GONE, category_id=3), Answer.CATEGORY_GONE),
        (Rule(1, "x", to_tier=7), Answer.NO_TIER),
        (Rule(1, "x", to_tier=1, department_kind="shuiwu"), Answer.NO_DEPARTMENT),
        (Rule(1, "x", to_tier=1, is_working_time=True), Answer.NO_CALENDAR),
    ],
)
def test_a_rule_that_cannot_be_asked_is_passed_over_with_its_fault(rule: Rule, fault: Answer) -> None:
    staff = Staff(kinds={11: {"chengguan"}, 10: {"shuiwu"}})  # the city's departments are the city's alone
    matter = Matter(categories=(3, 2, 1), is_working_time=None)
    decision = route(
        matter=matter, chain=CHAIN, powers={(None, 4): Power(may_handle=True)}, rules=[rule], vacant=(), staff=staff
    )
    assert decision.holder == CHAIN[0]
    assert decision.trace.alarms == ((1, fault),)


def test_a_switched_off_rule_is_alarmed_only_where_it_would_have_held() -> None:
    off = Rule(1, "x", to_tier=1, category_id=3, is_active=False)
    assert answers(off) == [Answer.OFF]
    assert answers(off, matter=Matter((9,))) == [Answer.CATEGORY]


def test_the_history_names_at_most_twenty_rules_and_keeps_the_nearest() -> None:
    far = [Rule(n, "远", to_tier=1, category_id=99) for n in range(100)]
    near = [Rule(200 + n, "近", to_tier=1, area_id=99) for n in range(5)]
    last = Rule(300, "中", to_tier=1)
    decision = route(matter=RUBBLE, chain=CHAIN, powers={}, rules=[*far, *near, last], vacant=())
    codes = decision.trace.codes()
    rules = codes["rules"]
    assert isinstance(rules, list)
    assert (codes["asked"], len(rules)) == (106, 20)
    assert [id for id, _ in rules[:5]] == [200, 201, 202, 203, 204]
    assert rules[-1] == [300, "holds"]


def test_the_trace_keeps_the_row_that_counted_as_it_was() -> None:
    powers: Powers = {(3, 4): Power(may_handle=False), (2, 3): Power(may_handle=True)}
    decision = route(matter=RUBBLE, chain=CHAIN, powers=powers, rules=[], vacant=())
    assert decision.trace.codes() == {"asked": 0, "rules": [], "power": [2, 3, True, ""]}


def test_every_answer_is_a_sentence_and_an_unknown_one_stays_readable() -> None:
    with translation.override("en"):
        assert answer_sentence("area", "夜间施工") == "The rule “夜间施工” is for another area."
        assert all("%" not in answer_sentence(answer, "x") for answer in Answer)
    assert answer_sentence("from_2040", "x") == "x: from_2040"
    assert Answer.HOLDS not in ALARMING


EVERYTHING = Rule(1, "一切", to_tier=1)


@pytest.mark.parametrize(
    ("earlier", "later", "caught"),
    [
        (EVERYTHING, Rule(2, "x", to_tier=1, category_id=3), True),
        (EVERYTHING, Rule(2, "x", to_tier=0), False),  # what the city itself reports has no district above
        (Rule(1, "x", to_tier=1, category_id=1), Rule(2, "x", to_tier=1, category_id=3), True),
        (Rule(1, "x", to_tier=1, category_id=3), Rule(2, "x", to_tier=1, category_id=1), False),
        (Rule(1, "x", to_tier=1, area_id=12), Rule(2, "x", to_tier=1, area_id=13), True),
        (Rule(1, "x", to_tier=1, area_id=13), Rule(2, "x", to_tier=1), False),
        (Rule(1, "x", to_tier=1, is_urgent=True), Rule(2, "x", to_tier=1), False),
        (Rule(1, "x", to_tier=1, is_urgent=True), Rule(2, "x", to_tier=1, is_urgent=True), True),
        (Rule(1, "x", to_tier=1, is_working_time=False), Rule(2, "x", to_tier=1, is_working_time=True), False),
        (Rule(1, "x", to_tier=1, is_active=False), Rule(2, "x", to_tier=1), False),
        (Rule(1, "x", to_tier=1, fault=Answer.AREA_GONE), Rule(2, "x", to_tier=1), False),
    ],
)
def test_an_earlier_rule_that_catches_all_of_a_later_one_is_found(earlier: Rule, later: Rule, caught: bool) -> None:
    lineage = {3: (3, 2, 1), 1: (1,), None: ()}[later.category_id]
    chain = {13: (13, 12, 11, 10), None: ()}[later.area_id]
    assert catches_all_of(earlier, later, lineage, chain) == caught
