"""What routing is asked and what it answers, as plain values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

DISTRICT: Final = 1  # the platforms are the district's and the city's: tiers 1 and 0; larger is lower
MOST_TRACED: Final = 20  # rules named in a history; the others are counted


class Reason(StrEnum):
    """Why an issue came to the cell or department that holds it."""

    WITHIN_POWERS = "within_powers"  # the cell it was seen in may handle it
    BEYOND_POWERS = "beyond_powers"  # the cell below may not
    RULE = "rule"
    GRAVE = "grave"
    VACANT = "vacant"  # the cell below may, but has no leader
    SECONDED = "seconded"  # people of the department work in that very cell 下沉人员
    DIRECT = "direct"  # the powers or the rule give it to the department at once
    NO_POWER = "no_power"  # no row says who may: default holder
    SAID_TO_BE_SOLVED = "said_to_be_solved"  # on the spot, but not by somebody who may end it: filed all the same
    BROKEN = "broken"  # the cell or category is unknown, or routing it failed: default holder


class Answer(StrEnum):
    """What asking one rule gave: it holds, a condition does not, it is switched off, or it cannot be asked."""

    HOLDS = "holds"
    CATEGORY = "category"
    AREA = "area"
    URGENCY = "urgency"
    HOURS = "hours"
    OFF = "off"
    AREA_GONE = "area_gone"
    CATEGORY_GONE = "category_gone"
    NO_TIER = "no_tier"
    NO_DEPARTMENT = "no_department"
    NO_CALENDAR = "no_calendar"


FAULTS: Final = frozenset(
    {Answer.AREA_GONE, Answer.CATEGORY_GONE, Answer.NO_TIER, Answer.NO_DEPARTMENT, Answer.NO_CALENDAR}
)
ALARMING: Final = FAULTS | {Answer.OFF}


class State(StrEnum):
    """The two states routing can end in (values of models.State)."""

    ASSIGNED = "assigned"  # to a cell that handles it itself, or to a department
    ESCALATED = "escalated"  # at a platform, to be passed on


class NoChain(ValueError):
    """There is no cell at all to hold the issue; the caller offers at least the city."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell on the way up."""

    id: int
    tier: int

    @property
    def is_platform(self) -> bool:
        """Whether it passes issues on to departments instead of handling them."""
        return self.tier <= DISTRICT


@dataclass(frozen=True, slots=True)
class Department:
    """A line department; `cell_id` is the cell it belongs to."""

    id: int
    kind: str
    cell_id: int


@dataclass(frozen=True, slots=True)
class Matter:
    """What the rules ask of a report. `categories`: its minor class, class and field, in that order.

    is_working_time: at the moment of routing, by the district's hours; None where the calendar does not know that year.
    """

    categories: tuple[int, ...]
    is_grave: bool = False
    is_urgent: bool = False
    is_working_time: bool | None = None


@dataclass(frozen=True, slots=True)
class Power:
    """What a tier may do with a category.

    department_kind: in a cell of level 1 to 3 the kind whose seconded staff come first; at a platform the kind it
    passes the issue on to, or, with `assigns_directly`, that gets it at once.
    """

    may_handle: bool
    department_kind: str = ""
    assigns_directly: bool = False


Powers = Mapping[tuple[int | None, int], Power]  # (category or None, tier)


@dataclass(frozen=True, slots=True)
class Rule:
    """An exception, in the order of asking. None means: any. `fault`: why it can hold for no report at all."""

    id: int
    name: str
    to_tier: int
    category_id: int | None = None
    area_id: int | None = None
    is_urgent: bool | None = None
    department_kind: str = ""
    is_working_time: bool | None = None
    assigns_directly: bool = False
    is_active: bool = True
    fault: Answer | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """Where departments have people at one moment.

    posted: by cell, the departments with a handler whose post lies in that very cell.
    kinds: by cell, the kinds of its own departments; None where nobody has looked, then no rule is doubted for it.
    """

    posted: Mapping[int, Sequence[Department]] = field(default_factory=dict)
    kinds: Mapping[int, Collection[str]] | None = None

    def seconded(self, kind: str, chain: Sequence[Cell], cell: Cell) -> Department | None:
        """Of that kind, with people in `cell` or in a cell of the chain below it: the most local post first.

        Departments of the city alone are not asked: they are the city's (as on the form for assigning).
        """
        homes = [place.id for place in chain if place.tier > 0]
        for place in chain[: chain.index(cell) + 1]:
            found = [one for one in self.posted.get(place.id, ()) if one.kind == kind and one.cell_id in homes]
            if found:
                return min(found, key=lambda one: homes.index(one.cell_id))
        return None

    def of_platform(self, kind: str, chain: Sequence[Cell], platform: Cell) -> Department | None:
        """Of that kind, the platform's own or one below it, with people for the place; its own first."""
        homes = [place.id for place in reversed(chain) if place.tier >= platform.tier]
        posted = (one for place in chain for one in self.posted.get(place.id, ()))
        found = [one for one in posted if one.kind == kind and one.cell_id in homes]
        return min(found, key=lambda one: homes.index(one.cell_id), default=None)

    def has_kind(self, kind: str, chain: Sequence[Cell], tier: int) -> bool:
        """Whether a cell of the chain has such a department that `tier` could pass it to."""
        if self.kinds is None:
            return True
        lowest = min(tier, DISTRICT)
        return any(kind in self.kinds.get(place.id, ()) for place in chain if place.tier >= lowest)


@dataclass(frozen=True, slots=True)
class Hop:
    """The issue comes to `cell` for `reason`, or from there to `department`; `rule` names the rule if one sent it."""

    cell: Cell
    reason: Reason
    rule: str = ""
    department: Department | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """How the decision was found: the rules asked, in order, with their answers, and the power row that counted.

    power: category (None: the row without one), tier and row; None where a rule or nothing decided.
    """

    asked: tuple[tuple[int, Answer], ...] = ()
    power: tuple[int | None, int, Power] | None = None

    @property
    def alarms(self) -> tuple[tuple[int, Answer], ...]:
        """Rules that could not be asked, and those switched off that would have held."""
        return tuple(pair for pair in self.asked if pair[1] in ALARMING)

    def codes(self, most: int = MOST_TRACED) -> dict[str, object]:
        """For the history, bounded: what nearly held comes before what is for other categories altogether."""
        kept = self.asked
        if len(kept) > most:
            near = [pair for pair in kept[:-1] if pair[1] is not Answer.CATEGORY]
            far = [pair for pair in kept[:-1] if pair[1] is Answer.CATEGORY]
            kept = (*(near + far)[: most - 1], kept[-1])  # the last one asked may be the one that holds
        codes: dict[str, object] = {"asked": len(self.asked), "rules": [[id, str(answer)] for id, answer in kept]}
        if self.power is not None:
            category, tier, row = self.power
            codes["power"] = [category, tier, row.may_handle, row.department_kind]
        return codes


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole way. The last hop's cell is the holder, or has it done by `department`; one hop to itself: it stays.

    suggestion: the kind of department a platform would pass it to, or "".
    has_alarm: people must look at the data: a vacancy, a missing rule, a broken row.
    """

    hops: tuple[Hop, ...]
    state: State
    suggestion: str = ""
    has_alarm: bool = False
    trace: Trace = Trace()

    @property
    def holder(self) -> Cell:
        """The one cell that holds the issue now, or waits for what `department` does."""
        return self.hops[-1].cell

    @property
    def department(self) -> Department | None:
        """The department that holds it, if one does."""
        return self.hops[-1].department
