"""Moves that watch over the work and its clock, and change no holder: suspending, more time, urging, cards, notes."""

from typing import Final

from django.utils.translation import pgettext_lazy

from apps.issues.workflow.move import NOTE, OPEN, Move, Target, stays
from apps.issues.workflow.states import By

_ABOVE: Final = frozenset({By.PLATFORM, By.SUPERIOR})
_ANYBODY: Final = frozenset({By.HOLDER, By.ASSIGNER, By.PLATFORM, By.SUPERIOR, By.CO_HANDLER, By.INSPECTOR})

WATCHING: Final = (
    Move(
        name="urge",  # 催办
        label=pgettext_lazy("move", "Urge"),
        to=stays(*OPEN),
        by=frozenset({By.ASSIGNER, By.SUPERIOR, By.INSPECTOR}),
        target=Target.STAYS,
        words=NOTE,
    ),
    Move(
        name="note",
        label=pgettext_lazy("move", "Note"),
        to=stays(*OPEN),
        by=_ANYBODY,
        target=Target.STAYS,
        words=NOTE,
        needs_words=frozenset(OPEN),
    ),
)
