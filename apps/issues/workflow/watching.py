"""Moves that watch over the work and its clock, and change no holder: suspending, more time, urging, cards, notes."""

from typing import Final

from django.utils.translation import pgettext_lazy

from apps.issues.workflow.conditions import Condition
from apps.issues.workflow.move import NOTE, OPEN, REASON, Clock, Give, Move, Target, stays
from apps.issues.workflow.states import By, State

_ABOVE: Final = frozenset({By.PLATFORM, By.SUPERIOR})
_APPROVES: Final = frozenset({By.APPROVER})  # nobody stops or stretches the own clock (domain §5)
_ANYBODY: Final = frozenset({By.HOLDER, By.ASSIGNER, By.PLATFORM, By.SUPERIOR, By.CO_HANDLER, By.INSPECTOR})

WATCHING: Final = (
    Move(
        name="suspend",  # 挂账
        label=pgettext_lazy("move", "Suspend"),
        to={State.HANDLING: State.SUSPENDED},
        by=_APPROVES,
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.HANDLING}),
        conditions=(Condition.NEVER_SUSPENDED,),
        clock=Clock.PAUSES,
        gives={Give.UNTIL: True},
    ),
    Move(
        name="resume",
        label=pgettext_lazy("move", "Resume"),
        to={State.SUSPENDED: State.HANDLING},
        by=_ABOVE,
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.SUSPENDED}),
        clock=Clock.RESUMES,
        is_primary=True,
    ),
    Move(
        name="ask_extension",  # 延期: asked by the holder, agreed to by who waits, granted by somebody above
        label=pgettext_lazy("move", "Ask for more time"),
        to=stays(State.HANDLING),
        by=frozenset({By.HOLDER}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.HANDLING}),
        conditions=(Condition.IN_TIME, Condition.EXTENSIONS_LEFT, Condition.NOTHING_ASKED),
        gives={Give.AMOUNT: True},
    ),
    Move(
        name="agree_extension",
        label=pgettext_lazy("move", "Agree to more time"),
        to=stays(State.HANDLING),
        by=frozenset({By.ASSIGNER, By.SUPERIOR, By.APPROVER}),
        target=Target.STAYS,
        words=NOTE,
        conditions=(Condition.EXTENSION_ASKED, Condition.IN_TIME, Condition.NOT_AGREED_BY_YOU),
    ),
    Move(
        name="grant_extension",
        label=pgettext_lazy("move", "Grant more time"),
        to=stays(State.HANDLING),
        by=_APPROVES,
        target=Target.STAYS,
        words=NOTE,
        conditions=(
            *(Condition.EXTENSION_ASKED, Condition.EXTENSION_AGREED, Condition.NOT_AGREED_BY_YOU),
            Condition.IN_TIME,
        ),
        clock=Clock.EXTENDED,
        is_primary=True,
    ),
    Move(
        name="refuse_extension",
        label=pgettext_lazy("move", "Refuse more time"),
        to=stays(State.HANDLING),
        by=frozenset({By.ASSIGNER, By.PLATFORM, By.SUPERIOR}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.HANDLING}),
        conditions=(Condition.EXTENSION_ASKED,),
    ),
    Move(
        name="supervise",  # 督办
        label=pgettext_lazy("move", "Supervise"),
        to=stays(*OPEN),
        by=frozenset({By.SUPERIOR, By.INSPECTOR}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset(OPEN),
        gives={Give.CARD: True},
    ),
    Move(
        name="lift_card",  # 取消督办
        label=pgettext_lazy("move", "Lift supervision"),
        to=stays(*OPEN),
        by=frozenset({By.SUPERIOR, By.INSPECTOR}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset(OPEN),
        conditions=(Condition.HAS_CARD,),
    ),
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
