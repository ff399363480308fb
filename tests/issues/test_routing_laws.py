"""What must be true of routing whatever the chain, the powers, the rules and the vacancies are."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.issues.routing import (
    FAULTS,
    Answer,
    Cell,
    Decision,
    Department,
    Matter,
    Power,
    Powers,
    Reason,
    Rule,
    Staff,
    State,
    route,
)

CHAIN = tuple(Cell(id=10 + tier, tier=tier) for tier in reversed(range(5)))
MAY = Power(may_handle=True)
KINDS = ["", "chengguan", "shuiwu"]
cell_ids = st.sampled_from([cell.id for cell in CHAIN])

chains = st.integers(0, 4).map(lambda start: CHAIN[start:])
powers_of_any_city = st.dictionaries(
    st.tuples(st.sampled_from([None, 1, 2, 3]), st.integers(0, 4)),
    st.builds(Power, st.booleans(), st.sampled_from(KINDS), st.booleans()),
)
matters = st.builds(Matter, st.just((3, 2, 1)), st.booleans(), st.booleans(), st.sampled_from([None, True, False]))
any_rule = st.builds(
    Rule,
    id=st.integers(1, 9),
    name=st.just("规则"),
    to_tier=st.integers(0, 5),
    category_id=st.sampled_from([None, 1, 2, 3, 4]),
    area_id=st.sampled_from([None, *(cell.id for cell in CHAIN), 99]),
    is_urgent=st.sampled_from([None, True, False]),
    department_kind=st.sampled_from(KINDS),
    is_working_time=st.sampled_from([None, True, False]),
    assigns_directly=st.booleans(),
    is_active=st.booleans(),
    fault=st.sampled_from([None, None, None, Answer.AREA_GONE, Answer.CATEGORY_GONE]),
)
any_rules = st.lists(any_rule, max_size=4).map(tuple)
vacancies = st.frozensets(cell_ids)
departments = st.builds(
    lambda number, kind, cell: Department(number * 100 + cell, kind, cell),
    st.integers(1, 3),
    st.sampled_from(KINDS[1:]),
    cell_ids,
)
any_staff = st.builds(
    Staff,
    posted=st.dictionaries(cell_ids, st.lists(departments, max_size=3)),
    kinds=st.one_of(st.none(), st.dictionaries(cell_ids, st.frozensets(st.sampled_from(KINDS[1:])))),
)


class Question:
    """One call of `route`, to be asked again with something changed."""

    def __init__(
        self,
        chain: tuple[Cell, ...],
        powers: Powers,
        matter: Matter,
        rules: tuple[Rule, ...],
        vacant: frozenset[int],
        staff: Staff,
    ) -> None:
        self.chain, self.powers, self.matter = chain, powers, matter
        self.rules, self.vacant, self.staff = rules, vacant, staff

    def ask(
        self,
        *,
        rules: tuple[Rule, ...] | None = None,
        powers: Powers | None = None,
        vacant: frozenset[int] | None = None,
    ) -> Decision:
        return route(
            matter=self.matter,
            chain=self.chain,
            powers=self.powers if powers is None else powers,
            rules=self.rules if rules is None else rules,
            vacant=self.vacant if vacant is None else vacant,
            staff=self.staff,
        )

    def __repr__(self) -> str:
        return f"Question({self.chain}, {self.powers}, {self.matter}, {self.rules}, {self.vacant}, {self.staff})"


questions = st.builds(Question, chains, powers_of_any_city, matters, any_rules, vacancies, any_staff)


def outcome(decision: Decision) -> object:
    """Everything but the trace."""
    return decision.hops, decision.state, decision.suggestion, decision.has_alarm


@given(questions)
def test_it_always_ends_in_the_chain_and_never_goes_down(question: Question) -> None:
    decision = question.ask()
    places = [question.chain.index(hop.cell) for hop in decision.hops if hop.department is None]
    assert places == sorted(set(places))
    assert all(hop.department is None for hop in decision.hops[:-1])
    assert question.chain.index(decision.holder) >= max(places, default=0)
    if decision.department is not None:
        assert not places or decision.holder == question.chain[places[-1]]
    else:
        assert places[0] > 0 or len(places) == 1


@given(questions)
def test_it_is_assigned_to_a_cell_or_department_and_waits_at_a_platform(question: Question) -> None:
    decision = question.ask()
    waits = decision.department is None and decision.holder.is_platform
    assert (decision.state == State.ESCALATED) == waits
    assert not decision.suggestion or waits


@given(questions)
def test_the_holder_is_alive(question: Question) -> None:
    decision = question.ask()
    assert decision.holder.is_platform or decision.holder.id not in question.vacant
    if decision.department is not None:
        posted = [one for cell in question.chain for one in question.staff.posted.get(cell.id, ())]
        assert decision.department in posted  # somebody of theirs is posted on the way up: they cover the place
    if Reason.VACANT in [hop.reason for hop in decision.hops]:
        assert decision.has_alarm


@given(questions)
def test_the_same_question_has_the_same_answer(question: Question) -> None:
    assert question.ask() == question.ask()


@given(questions, any_rule, st.integers(0, 4))
def test_a_switched_off_rule_changes_nothing_but_the_trace(question: Question, rule: Rule, place: int) -> None:
    off = replace(rule, is_active=False)
    rules = (*question.rules[:place], off, *question.rules[place:])
    assert outcome(question.ask(rules=rules)) == outcome(question.ask())


@given(questions)
def test_a_broken_rule_behaves_as_if_absent_except_for_its_alarm(question: Question) -> None:
    decision = question.ask()
    for number, (id, answer) in enumerate(decision.trace.asked):
        if answer in FAULTS:
            without = (*question.rules[:number], *question.rules[number + 1 :])
            assert outcome(question.ask(rules=without)) == outcome(decision)
            assert (id, answer) in decision.trace.alarms


@given(questions)
def test_only_one_rule_decides_and_the_trace_says_which(question: Question) -> None:
    decision = question.ask()
    held = [id for id, answer in decision.trace.asked if answer is Answer.HOLDS]
    by_rule = bool(held) and decision.trace.asked[-1] == (held[-1], Answer.HOLDS)
    assert len(held) <= 1
    if by_rule:
        assert all(hop.reason in (Reason.RULE, Reason.VACANT, Reason.SECONDED, Reason.DIRECT) for hop in decision.hops)
    else:
        assert Reason.RULE not in [hop.reason for hop in decision.hops]


@given(questions, st.integers(0, 4))
def test_more_powers_for_a_tier_never_send_a_report_higher(question: Question, tier: int) -> None:
    before, after = question.ask(rules=()), question.ask(rules=(), powers={**question.powers, (3, tier): MAY})
    if question.matter.is_grave or before.department is not None:
        return  # a grave matter never climbs; MAY without a kind takes the work from the seconded staff
    assert question.chain.index(after.holder) <= question.chain.index(before.holder)


@given(questions, cell_ids)
def test_one_more_vacancy_never_sends_a_report_lower(question: Question, left: int) -> None:
    before, after = question.ask(), question.ask(vacant=question.vacant | {left})
    assert question.chain.index(after.holder) >= question.chain.index(before.holder)
