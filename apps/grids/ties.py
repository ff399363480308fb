"""What still hangs on a cell that is about to be closed: posts, issues in its hands.

This room knows neither people nor issues, so the rooms above register what they would say when Django starts
(`AppConfig.ready`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from apps.grids.models import Grid

Tie = Callable[[Grid, datetime], str]
"""Answers with a sentence: how many there are and what to do with them first. Empty where nothing hangs on the cell."""

_ties: Final[list[Tie]] = []


def register(tie: Tie) -> None:
    """Ask this, too, before a cell is closed."""
    if tie not in _ties:
        _ties.append(tie)


def ties_of(cell: Grid, now: datetime) -> list[str]:
    """The sentences of all rooms, in the order of their floors."""
    return [told for tie in _ties if (told := tie(cell, now))]
