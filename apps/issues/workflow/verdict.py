"""May this move be made now? A refusal says why, and what is possible instead."""

from dataclasses import dataclass

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.workflow.conditions import Condition
from apps.issues.workflow.move import Move
from apps.issues.workflow.states import By, State
from apps.issues.workflow.table import MOVES


@dataclass(frozen=True, slots=True)
class Situation:
    """What the table asks: the issue's state, how the person stands to it, and the conditions that hold."""

    state: State
    by: frozenset[By] = frozenset()
    holds: frozenset[Condition] = frozenset()


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


class NotForYou(MoveRefused):
    """Somebody else may make it now; the sentence says who."""

    status = 403


def moves_from(state: State) -> tuple[Move, ...]:
    """The moves that the state allows, in the order of the table."""
    return tuple(move for move in MOVES.values() if state in move.to)


def possible_moves(situation: Situation) -> tuple[Move, ...]:
    """The moves that state, standing and conditions allow, in the order of the table."""
    return tuple(
        move for move in moves_from(situation.state) if move.by & situation.by and _unmet(move, situation.holds) is None
    )


def check_move(name: str, situation: Situation) -> Move:
    """Return the move. Raises UnknownMove, MoveRefused or NotForYou."""
    move = MOVES.get(name)
    if move is None:
        raise UnknownMove
    if situation.state not in move.to:
        sentence = translate("“%(move)s” is not possible: the issue is %(state)s.")
        values = {"move": move.label, "state": situation.state.label}
        raise MoveRefused(move, sentence % values, possible_moves(situation))
    if not move.by & situation.by:
        raise NotForYou(move, _who_may(move), possible_moves(situation))
    unmet = _unmet(move, situation.holds)
    if unmet is not None:
        raise MoveRefused(move, str(unmet.sentence), possible_moves(situation))
    return move


def _who_may(move: Move) -> str:
    who = translate(", ").join(str(by.label) for by in By if by in move.by)
    return translate("“%(move)s” is not yours to do; it is done by: %(who)s.") % {"move": move.label, "who": who}


def _unmet(move: Move, holds: frozenset[Condition]) -> Condition | None:
    """The first condition of the move that does not hold."""
    return next((condition for condition in move.conditions if condition not in holds), None)
