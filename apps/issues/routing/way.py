"""Who holds a new report, and why: the way up from its cell, hop by hop (逐级上报), as a pure rule.

Takes values, gives values; who reads and writes them is `services.routing`. The order of the questions:

1. the first routing rule whose conditions all hold sends it straight to a tier (one that cannot be asked does not);
2. a grave category goes straight to the city;
3. else it climbs one tier at a time until a tier has the power (the nearest row: minor class, class, field, none), or
   until a cell is reached in which seconded staff of the department named by the row work: they come first;
4. a cell within its powers but without a leader passes it on to its superior's leader;
5. where no row answers, the district platform holds it and an alarm is raised. Never silent.

It never goes down and never stays without a holder. A hop's `reason` says why the issue came to that cell; it is kept
in the event as a code and values, and `sentence` makes words of it in the reader's language.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apps.issues.routing.rules import ask
from apps.issues.routing.values import (
    Answer,
    Cell,
    Decision,
    Department,
    Hop,
    Matter,
    NoChain,
    Power,
    Powers,
    Reason,
    Rule,
    Staff,
    State,
    Trace,
)

NOT_LOOKED_UP = Staff()


def route(
    *,
    matter: Matter,
    chain: Sequence[Cell],
    powers: Powers,
    rules: Sequence[Rule],
    vacant: Collection[int],
    staff: Staff = NOT_LOOKED_UP,
) -> Decision:
    """Decide who holds a report seen in `chain[0]`; `chain` leads upward from there, at best to the city.

    `rules` are those of the set in the order of asking, the switched-off ones too; `vacant` holds the ids of cells
    without a leader. Raises `NoChain` for an empty chain.
    """
    if not chain:
        raise NoChain
    rule, asked = ask(rules, matter, chain, staff)
    question = _Question(matter, chain, powers, vacant, staff, asked)
    if rule is not None:
        return question.by_rule(rule)
    return question.at_the_city() if matter.is_grave else question.climb()


def default_decision(chain: Sequence[Cell], reason: Reason) -> Decision:
    """The district platform (the city where there is no district) holds it and must look why."""
    if not chain:
        raise NoChain
    holder = next((cell for cell in chain if cell.is_platform), chain[-1])
    return Decision((Hop(holder, reason),), _state_at(holder), has_alarm=True)


def nearest_power(powers: Powers, matter: Matter, tier: int) -> Power | None:
    """The row that counts for the tier: of the minor class, else of the class, the field, or without category."""
    found = _row_that_counts(powers, matter, tier)
    return found[1] if found else None


def _row_that_counts(powers: Powers, matter: Matter, tier: int) -> tuple[int | None, Power] | None:
    for category in (*matter.categories, None):
        power = powers.get((category, tier))
        if power is not None:
            return category, power
    return None


def _may_hold(power: Power, cell: Cell) -> bool:
    """A platform may also hold what it only passes on to a department."""
    return power.may_handle or (cell.is_platform and bool(power.department_kind))


def _state_at(cell: Cell) -> State:
    return State.ESCALATED if cell.is_platform else State.ASSIGNED


@dataclass(frozen=True, slots=True)
class _Question:
    """One report on its way, after the rules were asked."""

    matter: Matter
    chain: Sequence[Cell]
    powers: Powers
    vacant: Collection[int]
    staff: Staff
    asked: tuple[tuple[int, Answer], ...]

    def by_rule(self, rule: Rule) -> Decision:
        """Straight to the rule's tier; where it names no department, the powers of that tier do."""
        cell = next(cell for cell in self.chain if cell.tier == rule.to_tier)  # else the rule would not hold
        found = _row_that_counts(self.powers, self.matter, cell.tier)
        category, power = found or (None, Power(may_handle=True))
        way = [Hop(cell, Reason.RULE, rule.name)]
        if rule.department_kind:
            return self._settle(way, Power(True, rule.department_kind, rule.assigns_directly), Trace(self.asked))
        return self._settle(way, power, Trace(self.asked, (category, cell.tier, power) if found else None))

    def at_the_city(self) -> Decision:
        """A grave matter: the platform itself always sees it first, whatever the powers say."""
        top = self.chain[-1]
        power = nearest_power(self.powers, self.matter, top.tier)
        seen_first = Power(True, power.department_kind if power and top.is_platform else "")
        return self._settle([Hop(top, Reason.GRAVE)], seen_first, Trace(self.asked))

    def climb(self) -> Decision:
        """Tier by tier, each superior because the one below may not."""
        way: list[Hop] = []
        for place, cell in enumerate(self.chain):
            found = _row_that_counts(self.powers, self.matter, cell.tier)
            if found is None:
                break
            category, power = found
            way.append(Hop(cell, Reason.BEYOND_POWERS if place else Reason.WITHIN_POWERS))
            if _may_hold(power, cell) or self._seconded(power, cell):
                return self._settle(way, power, Trace(self.asked, (category, cell.tier, power)))
        return self._hand_to_default(way)

    def _seconded(self, power: Power, cell: Cell) -> Department | None:
        """The department whose people work there; platforms have desks, no seconded staff."""
        if cell.is_platform or not power.department_kind:
            return None
        return self.staff.seconded(power.department_kind, self.chain, cell)

    def _direct(self, power: Power, cell: Cell) -> Department | None:
        """The department that a platform does not even look before giving it to."""
        if not (cell.is_platform and power.assigns_directly and power.department_kind):
            return None
        return self.staff.of_platform(power.department_kind, self.chain, cell)

    def _hand_to_default(self, way: list[Hop]) -> Decision:
        """What was climbed so far stays in the history; then the default holder above, or here."""
        rest = self.chain[min(len(way), len(self.chain) - 1) :]
        last = default_decision(rest, Reason.NO_POWER)
        climbed = [hop for hop in way[1:] if hop.cell != last.holder]
        return Decision((*climbed, *last.hops), last.state, has_alarm=True, trace=Trace(self.asked))

    def _settle(self, way: list[Hop], power: Power, trace: Trace) -> Decision:
        """End the way with somebody there: the department's people, a cell that is led, or a platform."""
        reached = way[-1].cell
        department, reason = self._seconded(power, reached), Reason.SECONDED
        if department is None:
            department, reason = self._direct(power, reached), Reason.DIRECT
        way = self._past_vacancies(way)
        has_alarm = way[-1].cell != reached
        holder, rule = way[-1].cell, way[-1].rule
        if department is not None:
            way.append(Hop(holder, reason, rule, department))
        if len(way) > 1 and way[0].cell == self.chain[0]:
            way = way[1:]  # it was there already
        state = State.ASSIGNED if department else _state_at(holder)
        suggestion = power.department_kind if holder.is_platform and department is None else ""
        return Decision(tuple(way), state, suggestion, has_alarm, trace)

    def _past_vacancies(self, way: list[Hop]) -> list[Hop]:
        """A platform is never vacant: its superior watches its clock."""
        place = self.chain.index(way[-1].cell)
        passed = list(way)
        while not (cell := self.chain[place]).is_platform and cell.id in self.vacant and place + 1 < len(self.chain):
            place += 1
            passed.append(Hop(self.chain[place], Reason.VACANT, way[-1].rule))
        return passed
