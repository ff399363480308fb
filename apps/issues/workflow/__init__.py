"""What may happen to an issue, by whom, and when: the one source for pages, API, docs and tests (docs/flow.md)."""

from apps.issues.workflow.chain import (
    Holder,
    Link,
    LinkKind,
    assigners,
    declined_by,
    is_ruled,
    last_fed_back_by,
    last_handled_by,
    reported_by,
    result_stands,
    was_returned_between,
    way_back,
)
from apps.issues.workflow.conditions import Condition
from apps.issues.workflow.deeds import MOST_EXTENSIONS, OWN_WORK, Deed
from apps.issues.workflow.move import Clock, Give, Move, Target
from apps.issues.workflow.states import CLOSED, PLATFORM_TIERS, By, Card, State
from apps.issues.workflow.table import MOVES
from apps.issues.workflow.verdict import (
    MoveRefused,
    NotForYou,
    Situation,
    UnknownMove,
    check_move,
    moves_from,
    possible_moves,
)

__all__ = [
    "CLOSED",
    "MOST_EXTENSIONS",
    "MOVES",
    "OWN_WORK",
    "PLATFORM_TIERS",
    "By",
    "Card",
    "Clock",
    "Condition",
    "Deed",
    "Give",
    "Holder",
    "Link",
    "LinkKind",
    "Move",
    "MoveRefused",
    "NotForYou",
    "Situation",
    "State",
    "Target",
    "UnknownMove",
    "assigners",
    "check_move",
    "declined_by",
    "is_ruled",
    "last_fed_back_by",
    "last_handled_by",
    "moves_from",
    "possible_moves",
    "reported_by",
    "result_stands",
    "was_returned_between",
    "way_back",
]
