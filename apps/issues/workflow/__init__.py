"""What may happen to an issue, to whom, and when: the one source for pages, API, docs and tests (docs/flow.md)."""

from apps.issues.workflow.chain import (
    Holder,
    Link,
    LinkKind,
    assigners,
    last_fed_back_by,
    reported_by,
    was_returned_between,
    way_back,
)
from apps.issues.workflow.table import MOVES, PLATFORM_TIERS, Condition, Move, State, Target
from apps.issues.workflow.verdict import MoveRefused, Situation, UnknownMove, check_move, moves_from, possible_moves

__all__ = [
    "MOVES",
    "PLATFORM_TIERS",
    "Condition",
    "Holder",
    "Link",
    "LinkKind",
    "Move",
    "MoveRefused",
    "Situation",
    "State",
    "Target",
    "UnknownMove",
    "assigners",
    "check_move",
    "last_fed_back_by",
    "moves_from",
    "possible_moves",
    "reported_by",
    "was_returned_between",
    "way_back",
]
