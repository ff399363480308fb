"""The table of moves. A civil servant can review it; nothing else in the code names a state to go to."""

from collections.abc import Mapping
from typing import Final

from apps.issues.workflow.branches import BRANCHES
from apps.issues.workflow.loop import LOOP
from apps.issues.workflow.move import Move
from apps.issues.workflow.watching import WATCHING

MOVES: Final[Mapping[str, Move]] = {move.name: move for move in (*LOOP, *BRANCHES, *WATCHING)}
