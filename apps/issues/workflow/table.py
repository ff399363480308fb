"""The table of moves. A civil servant can review it; nothing else in the code names a state to go to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class State(TextChoices):
    """Where an issue stands in the loop 采集 → 上报 → 交办 → 办理 → 反馈 → 办结 (reference: domain §6)."""

    COLLECTED = "collected", pgettext_lazy("state", "collected")  # filed, waits for its route
    ESCALATED = "escalated", pgettext_lazy("state", "reported up")  # waits at a platform to be passed on
    ASSIGNED = "assigned", pgettext_lazy("state", "assigned")
    HANDLING = "handling", pgettext_lazy("state", "being handled")
    FED_BACK = "fed_back", pgettext_lazy("state", "fed back")
    CONCLUDED = "concluded", pgettext_lazy("state", "concluded")


PLATFORM_TIERS: Final = frozenset({0, 1})  # the city's and the districts' platforms (grids.models.Tier)
LOWEST_TIER: Final = 4  # level 3: nothing below to assign to
CITY_TIER: Final = 0


class Target(StrEnum):
    """Where the issue goes."""

    STAYS = "stays"
    SUPERIOR = "superior"
    CHOSEN = "chosen"  # the department or cell below that the actor names
    BACK = "back"  # to whoever handed it over; a report from below goes back down
    ASSIGNER = "assigner"
    WHO_FED_BACK = "who_fed_back"
    NOBODY = "nobody"  # closed

    @property
    def label(self) -> Promise:
        return _TARGET_LABELS[self]


_TARGET_LABELS: Final[Mapping[Target, Promise]] = {
    Target.STAYS: _("stays with its holder"),
    Target.SUPERIOR: _("to the superior cell"),
    Target.CHOSEN: _("to the chosen department or cell below"),
    Target.BACK: _("back to whoever handed it over"),
    Target.ASSIGNER: _("to whoever assigned it"),
    Target.WHO_FED_BACK: _("to whoever fed it back"),
    Target.NOBODY: _("closed"),
}


class Condition(StrEnum):
    """What must hold beside the state. The sentence is shown to the person when it does not."""

    UNSIGNED = "unsigned"
    HELD_BY_CELL = "held_by_cell"
    HAS_CELLS_BELOW = "has_cells_below"
    HAS_SUPERIOR = "has_superior"
    HAS_WAY_BACK = "has_way_back"
    FIRST_RETURN = "first_return"
    HAS_ASSIGNER = "has_assigner"
    NO_ASSIGNER = "no_assigner"
    WAS_FED_BACK = "was_fed_back"
    NOT_OWN_WORK = "not_own_work"

    @property
    def sentence(self) -> Promise:
        return _SENTENCES[self]


_SENTENCES: Final[Mapping[Condition, Promise]] = {
    Condition.UNSIGNED: _("It has already been signed for."),
    Condition.HELD_BY_CELL: _("A department cannot do this; it can return the issue or feed back."),
    Condition.HAS_CELLS_BELOW: _("A level-3 cell has nobody below to assign it to; report it up."),
    Condition.HAS_SUPERIOR: _("There is nothing above the city to report it to."),
    Condition.HAS_WAY_BACK: _("Nobody handed it over, so it cannot be returned."),
    Condition.FIRST_RETURN: _("It was returned between these two before; one of them must deal with it now."),
    Condition.HAS_ASSIGNER: _("Nobody assigned it, so there is nobody to feed back to; record how it was solved."),
    Condition.NO_ASSIGNER: _("It was assigned from above: feed the result back to whoever assigned it."),
    Condition.WAS_FED_BACK: _("Nobody has fed back, so there is nobody to send it back to."),
    Condition.NOT_OWN_WORK: _("You handled it yourself; somebody else must check and conclude it."),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One row. `words`: what the text is called; `needs_words` in which source states it must be given.

    `to` gives the state afterwards for each state before: its keys are the allowed source states.
    """

    name: str
    label: Promise
    to: Mapping[State, State]
    target: Target
    words: Promise
    needs_words: frozenset[State] = frozenset()
    conditions: tuple[Condition, ...] = ()
    takes_photos: bool = False
    to_downward: State | None = None  # the state where it goes back down to whoever reported it up
    is_primary: bool = False

    @property
    def sources(self) -> frozenset[State]:
        """The states from which it may be made."""
        return frozenset(self.to)

    @property
    def needs_target(self) -> bool:
        """Whether the actor must name a department or a cell."""
        return self.target is Target.CHOSEN


def _all(*states: State, to: State) -> dict[State, State]:
    return dict.fromkeys(states, to)


_REASON = pgettext_lazy("field", "Reason")
_RESULT = pgettext_lazy("field", "Result")
_NOTE = pgettext_lazy("field", "Note")
_ROWS: Final = (
    Move(
        name="sign",
        label=pgettext_lazy("move", "Sign"),
        to={State.ESCALATED: State.ESCALATED, State.ASSIGNED: State.HANDLING},
        target=Target.STAYS,
        words=_NOTE,
        conditions=(Condition.UNSIGNED,),
        is_primary=True,
    ),
    Move(
        name="handle",
        label=pgettext_lazy("move", "Handle"),
        to=_all(State.ESCALATED, State.HANDLING, to=State.HANDLING),
        target=Target.STAYS,
        words=pgettext_lazy("field", "Progress"),
        needs_words=frozenset({State.HANDLING}),
        takes_photos=True,
    ),
    Move(
        name="assign",
        label=pgettext_lazy("move", "Assign"),
        to=_all(State.ESCALATED, State.HANDLING, State.FED_BACK, to=State.ASSIGNED),
        target=Target.CHOSEN,
        words=pgettext_lazy("field", "Instruction"),
        needs_words=frozenset({State.ESCALATED, State.HANDLING, State.FED_BACK}),
        conditions=(Condition.HELD_BY_CELL, Condition.HAS_CELLS_BELOW),
        is_primary=True,
    ),
    Move(
        name="feed_back",
        label=pgettext_lazy("move", "Feed back"),
        to=_all(State.HANDLING, State.FED_BACK, to=State.FED_BACK),
        target=Target.ASSIGNER,
        words=_RESULT,
        needs_words=frozenset({State.HANDLING, State.FED_BACK}),
        conditions=(Condition.HAS_ASSIGNER,),
        takes_photos=True,
        is_primary=True,
    ),
    Move(
        name="self_handle",
        label=pgettext_lazy("move", "Solved"),
        to=_all(State.ASSIGNED, State.HANDLING, to=State.CONCLUDED),
        target=Target.NOBODY,
        words=_RESULT,
        needs_words=frozenset({State.ASSIGNED, State.HANDLING}),
        conditions=(Condition.HELD_BY_CELL, Condition.NO_ASSIGNER),
        takes_photos=True,
        is_primary=True,
    ),
    Move(
        name="conclude",
        label=pgettext_lazy("move", "Conclude"),
        to=_all(State.FED_BACK, to=State.CONCLUDED),
        target=Target.NOBODY,
        words=_NOTE,
        conditions=(Condition.NO_ASSIGNER, Condition.NOT_OWN_WORK),
        is_primary=True,
    ),
    Move(
        name="rework",
        label=pgettext_lazy("move", "Send for rework"),
        to=_all(State.FED_BACK, to=State.HANDLING),
        target=Target.WHO_FED_BACK,
        words=_REASON,
        needs_words=frozenset({State.FED_BACK}),
        conditions=(Condition.WAS_FED_BACK,),
    ),
    Move(
        name="report_up",
        label=pgettext_lazy("move", "Report up"),
        to=_all(State.ASSIGNED, State.ESCALATED, State.HANDLING, to=State.ESCALATED),
        target=Target.SUPERIOR,
        words=_REASON,
        needs_words=frozenset({State.ASSIGNED, State.ESCALATED, State.HANDLING}),
        conditions=(Condition.HELD_BY_CELL, Condition.HAS_SUPERIOR),
    ),
    Move(
        name="return",
        label=pgettext_lazy("move", "Return"),
        to=_all(State.ASSIGNED, State.HANDLING, State.ESCALATED, to=State.ESCALATED),
        to_downward=State.ASSIGNED,
        target=Target.BACK,
        words=_REASON,
        needs_words=frozenset({State.ASSIGNED, State.HANDLING, State.ESCALATED}),
        conditions=(Condition.HAS_WAY_BACK, Condition.FIRST_RETURN),
    ),
)
MOVES: Final[Mapping[str, Move]] = {move.name: move for move in _ROWS}
