"""May this move be made now? A refusal says why, and what is possible instead."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.workflow.table import CITY_TIER, LOWEST_TIER, MOVES, Condition, Move, State


@dataclass(frozen=True, slots=True)
class Situation:
    """What the table asks of an issue and of the person who wants to move it."""

    state: State
    holder_tier: int
    is_department: bool = False
    is_signed: bool = False
    has_assigner: bool = False
    has_way_back: bool = False
    was_returned: bool = False  # between the same two, whichever way
    was_fed_back: bool = False
    is_own_work: bool = False  # the person signed for the handling, handled it, or fed it back


class UnknownMove(Refused):
    """There is no move of that name."""

    sentence = _("There is no such move.")
    status = 404


class MoveRefused(Refused):
    """The table does not allow the move now. `possible` are the moves that it would allow."""

    status = 409

    def __init__(self, move: Move, reason: str, possible: tuple[Move, ...]) -> None:
        super().__init__()
        self.move = move
        self.reason = reason
        self.possible = possible

    def __str__(self) -> str:
        if not self.possible:
            return self.reason
        names = translate(", ").join(str(move.label) for move in self.possible)
        return translate("%(reason)s Possible now: %(moves)s.") % {"reason": self.reason, "moves": names}


def moves_from(state: State) -> tuple[Move, ...]:
    """The moves that the state allows, in the order of the table."""
    return tuple(move for move in MOVES.values() if state in move.to)


def possible_moves(situation: Situation) -> tuple[Move, ...]:
    """The moves that state and conditions allow, in the order of the table."""
    return tuple(move for move in moves_from(situation.state) if _unmet(move, situation) is None)


def check_move(name: str, situation: Situation) -> Move:
    """Return the move. Raises UnknownMove or MoveRefused."""
    move = MOVES.get(name)
    if move is None:
        raise UnknownMove
    if situation.state not in move.to:
        state = situation.state.label
        sentence = translate("“%(move)s” is not possible: the issue is %(state)s.")
        raise MoveRefused(move, sentence % {"move": move.label, "state": state}, possible_moves(situation))
    unmet = _unmet(move, situation)
    if unmet is not None:
        raise MoveRefused(move, str(unmet.sentence), possible_moves(situation))
    return move


def _unmet(move: Move, situation: Situation) -> Condition | None:
    """The first condition of the move that does not hold."""
    facts = _facts(situation)
    return next((condition for condition in move.conditions if not facts[condition]), None)


def _facts(situation: Situation) -> Mapping[Condition, bool]:
    return {
        Condition.UNSIGNED: not situation.is_signed,
        Condition.HELD_BY_CELL: not situation.is_department,
        Condition.HAS_CELLS_BELOW: situation.holder_tier < LOWEST_TIER,
        Condition.HAS_SUPERIOR: situation.holder_tier > CITY_TIER,
        Condition.HAS_WAY_BACK: situation.has_way_back,
        Condition.FIRST_RETURN: not situation.was_returned,
        Condition.HAS_ASSIGNER: situation.has_assigner,
        Condition.NO_ASSIGNER: not situation.has_assigner,
        Condition.WAS_FED_BACK: situation.was_fed_back,
        Condition.NOT_OWN_WORK: not situation.is_own_work,
    }
