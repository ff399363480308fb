"""The shape of one row of the table of moves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.issues.workflow.conditions import Condition
from apps.issues.workflow.states import By, State


class Target(StrEnum):
    """Where the issue goes."""

    STAYS = "stays"
    SUPERIOR = "superior"
    CHOSEN = "chosen"  # the department or cell below that the actor names
    BACK = "back"  # to whoever handed it over; a report from below goes back down
    ASSIGNER = "assigner"
    WHO_FED_BACK = "who_fed_back"
    LAST_HANDLER = "last_handler"  # who handled it before it was closed
    ACTOR = "actor"  # the platform that makes the move
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
    Target.LAST_HANDLER: _("to whoever handled it last"),
    Target.ACTOR: _("to the platform that does it"),
    Target.NOBODY: _("closed"),
}


class Clock(StrEnum):
    """What becomes of the holder's clock."""

    RUNS_ON = "runs_on"
    FRESH = "fresh"  # a new holding with a clock of its own; the same department goes on with what it had left
    PAUSES = "pauses"
    RESUMES = "resumes"
    EXTENDED = "extended"
    ENDS = "ends"

    @property
    def label(self) -> Promise:
        return _CLOCK_LABELS[self]


_CLOCK_LABELS: Final[Mapping[Clock, Promise]] = {
    Clock.RUNS_ON: _("runs on"),
    Clock.FRESH: _("a new one starts"),
    Clock.PAUSES: _("stands still"),
    Clock.RESUMES: _("goes on with what was left"),
    Clock.EXTENDED: _("is extended"),
    Clock.ENDS: _("ends"),
}


class Give(StrEnum):
    """What a move may ask for beside words, photos and a target."""

    CO_DEPARTMENTS = "co_departments"
    WITHOUT_CO = "without_co"
    UNTIL = "until"
    AMOUNT = "amount"
    SCORE = "score"
    IS_SATISFIED = "is_satisfied"
    INTO = "into"
    PARTS = "parts"
    CARD = "card"

    @property
    def label(self) -> Promise:
        return _GIVE_LABELS[self]


_GIVE_LABELS: Final[Mapping[Give, Promise]] = {
    Give.CO_DEPARTMENTS: pgettext_lazy("field", "Jointly with"),
    Give.WITHOUT_CO: pgettext_lazy("field", "Why without the co-handlers"),
    Give.UNTIL: pgettext_lazy("field", "Suspended until"),
    Give.AMOUNT: pgettext_lazy("field", "Longer by"),
    Give.SCORE: pgettext_lazy("field", "Score (1–5)"),
    Give.IS_SATISFIED: pgettext_lazy("field", "Satisfied"),
    Give.INTO: pgettext_lazy("field", "Number of the issue that goes on"),
    Give.PARTS: pgettext_lazy("field", "Parts, one a line"),
    Give.CARD: pgettext_lazy("field", "Card"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One row. `words`: what the text is called; `needs_words` in which source states it must be given.

    `to` gives the state afterwards for each state before: its keys are the allowed source states. `by`: any one of
    these standings will do. `gives`: what else is asked, and whether it must be given.
    """

    name: str
    label: Promise
    to: Mapping[State, State]
    by: frozenset[By]
    target: Target
    words: Promise
    needs_words: frozenset[State] = frozenset()
    conditions: tuple[Condition, ...] = ()
    clock: Clock = Clock.RUNS_ON
    gives: Mapping[Give, bool] = field(default_factory=dict)
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


def all_to(*states: State, to: State) -> dict[State, State]:
    """Each of the states leads to the same one."""
    return dict.fromkeys(states, to)


def stays(*states: State) -> dict[State, State]:
    """Each of the states stays what it is."""
    return {state: state for state in states}


OPEN: Final = tuple(state for state in State if state.is_open and state is not State.COLLECTED)
REASON: Final = pgettext_lazy("field", "Reason")
RESULT: Final = pgettext_lazy("field", "Result")
NOTE: Final = pgettext_lazy("field", "Note")
