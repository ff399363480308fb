"""Who holds a new report, and why: the way up from its cell, hop by hop (逐级上报), as a pure rule.

Takes values, gives values; who reads and writes them is `services.routing`. The order of the questions:

1. the first routing rule whose conditions all hold sends it straight to a tier;
2. a grave category goes straight to the city;
3. else it climbs one tier at a time until a tier has the power (the nearest row: minor class, class, field, none);
4. a cell within its powers but without a leader passes it on to its superior's leader;
5. where no row answers, the district platform holds it and an alarm is raised. Never silent.

It never goes down and never stays without a holder. A hop's `reason` says why the issue came to that cell; it is kept
in the event as a code and values, and `sentence` makes words of it in the reader's language.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_noop

DISTRICT: Final = 1  # the platforms are the district's and the city's: tiers 1 and 0; larger is lower


class Reason(StrEnum):
    """Why an issue came to the cell that holds it."""

    WITHIN_POWERS = "within_powers"  # the cell it was seen in may handle it
    BEYOND_POWERS = "beyond_powers"  # the cell below may not
    RULE = "rule"
    GRAVE = "grave"
    VACANT = "vacant"  # the cell below may, but has no leader
    NO_POWER = "no_power"  # no row says who may: default holder
    SAID_TO_BE_SOLVED = "said_to_be_solved"  # on the spot, but not by somebody who may end it: filed all the same
    BROKEN = "broken"  # the cell or category is unknown, or routing it failed: default holder


SENTENCES: Final[Mapping[str, str]] = {
    Reason.WITHIN_POWERS: gettext_noop("Within the powers of %(to)s"),
    Reason.BEYOND_POWERS: gettext_noop("Beyond the powers of %(from)s"),
    Reason.RULE: gettext_noop("By the rule “%(rule)s”"),
    Reason.GRAVE: gettext_noop("A grave matter goes to the city at once"),
    Reason.VACANT: gettext_noop("%(from)s has no leader now; the leader of its superior stands in"),
    Reason.NO_POWER: gettext_noop("No rule says who handles this; %(to)s decides"),
    Reason.SAID_TO_BE_SOLVED: gettext_noop("Said to be solved on the spot; it is checked all the same"),
    Reason.BROKEN: gettext_noop("This report could not be routed by the rules; %(to)s decides"),
}


class State(StrEnum):
    """The two states routing can end in (values of models.State)."""

    ASSIGNED = "assigned"  # to a cell that handles it itself
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
class Matter:
    """What the rules ask of a report. `categories`: its minor class, class and field, in that order."""

    categories: tuple[int, ...]
    is_grave: bool = False
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Power:
    """What a tier may do with a category."""

    may_handle: bool
    department_kind: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """An exception, in the order of asking. None means: any."""

    id: int
    name: str
    to_tier: int
    category_id: int | None = None
    area_id: int | None = None
    is_urgent: bool | None = None
    department_kind: str = ""

    def holds(self, matter: Matter, area: Collection[int]) -> bool:
        """Whether all its conditions hold for a matter seen in a cell whose chain is `area`."""
        return (
            (self.category_id is None or self.category_id in matter.categories)
            and (self.area_id is None or self.area_id in area)
            and (self.is_urgent is None or self.is_urgent == matter.is_urgent)
        )


Powers = Mapping[tuple[int | None, int], Power]  # (category or None, tier)


@dataclass(frozen=True, slots=True)
class Hop:
    """The issue comes to `cell` for `reason`; `rule` is the name of the rule if one sent it."""

    cell: Cell
    reason: Reason
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole way. The last hop's cell is the holder; a single hop to the cell itself means: it stays.

    suggestion: the kind of department a platform would pass it to, or "".
    has_alarm: people must look at the data: a vacancy, a missing rule, a broken row.
    """

    hops: tuple[Hop, ...]
    state: State
    suggestion: str = ""
    has_alarm: bool = False

    @property
    def holder(self) -> Cell:
        """The one cell that holds the issue now."""
        return self.hops[-1].cell


def route(
    *, matter: Matter, chain: Sequence[Cell], powers: Powers, rules: Sequence[Rule], vacant: Collection[int]
) -> Decision:
    """Decide who holds a report seen in `chain[0]`; `chain` leads upward from there, at best to the city.

    `rules` are the active ones in the order of asking; `vacant` holds the ids of cells without a leader.
    Raises `NoChain` for an empty chain.
    """
    if not chain:
        raise NoChain
    area = {cell.id for cell in chain}
    rule = next((rule for rule in rules if rule.holds(matter, area)), None)
    if rule is not None:
        way = [Hop(_cell_of_tier(chain, rule.to_tier), Reason.RULE, rule.name)]
        return _settle(way, chain, vacant, rule.department_kind or _suggested(matter, way[-1].cell, powers))
    if matter.is_grave:
        top = Hop(chain[-1], Reason.GRAVE)
        return _settle([top], chain, vacant, _suggested(matter, top.cell, powers))
    return _climb(matter, chain, powers, vacant)


def default_decision(chain: Sequence[Cell], reason: Reason) -> Decision:
    """The district platform (the city where there is no district) holds it and must look why."""
    if not chain:
        raise NoChain
    holder = _cell_of_tier(chain, DISTRICT)
    return Decision((Hop(holder, reason),), _state_at(holder), has_alarm=True)


def nearest_power(powers: Powers, matter: Matter, tier: int) -> Power | None:
    """The row that counts for the tier: of the minor class, else of the class, the field, or without category."""
    found = (powers.get((category, tier)) for category in (*matter.categories, None))
    return next((power for power in found if power is not None), None)


def sentence(reason: str, values: Mapping[str, object]) -> str:
    """The reason in the active language. An unknown code is shown as it is: an old history stays readable."""
    pattern = SENTENCES.get(reason)
    if pattern is None:
        return reason
    return translate(pattern) % {"from": "?", "to": "?", "rule": "?", **values}


def _climb(matter: Matter, chain: Sequence[Cell], powers: Powers, vacant: Collection[int]) -> Decision:
    """Tier by tier, each superior because the one below may not."""
    way: list[Hop] = []
    for place, cell in enumerate(chain):
        power = nearest_power(powers, matter, cell.tier)
        is_last = place == len(chain) - 1
        if power is None or (is_last and not _may_hold(power, cell)):
            return _hand_to_default(way, chain[place:])
        way.append(Hop(cell, Reason.BEYOND_POWERS if place else Reason.WITHIN_POWERS))
        if _may_hold(power, cell):
            return _settle(way, chain, vacant, power.department_kind)
    raise NoChain  # not reached: the last cell either may or is the default


def _may_hold(power: Power, cell: Cell) -> bool:
    """A platform may also hold what it only passes on to a department."""
    return power.may_handle or (cell.is_platform and bool(power.department_kind))


def _hand_to_default(way: list[Hop], rest: Sequence[Cell]) -> Decision:
    """What was climbed so far stays in the history; then the default holder above, or here."""
    last = default_decision(rest, Reason.NO_POWER)
    return Decision((*way[1:], *last.hops), last.state, has_alarm=True)


def _settle(way: list[Hop], chain: Sequence[Cell], vacant: Collection[int], suggestion: str) -> Decision:
    """End the way at a cell that somebody leads. A platform always holds: its superior watches its clock."""
    has_alarm = False
    place = chain.index(way[-1].cell)
    while not chain[place].is_platform and chain[place].id in vacant and place + 1 < len(chain):
        place += 1
        way = [*way, Hop(chain[place], Reason.VACANT, way[-1].rule)]
        has_alarm = True
    if len(way) > 1 and way[0].cell == chain[0]:
        way = way[1:]  # it was there already
    return Decision(tuple(way), _state_at(way[-1].cell), suggestion, has_alarm)


def _cell_of_tier(chain: Sequence[Cell], tier: int) -> Cell:
    """The first cell of the chain that stands at the tier or higher; else the highest there is."""
    return next((cell for cell in chain if cell.tier <= tier), chain[-1])


def _suggested(matter: Matter, cell: Cell, powers: Powers) -> str:
    power = nearest_power(powers, matter, cell.tier)
    return power.department_kind if power else ""


def _state_at(cell: Cell) -> State:
    return State.ESCALATED if cell.is_platform else State.ASSIGNED
