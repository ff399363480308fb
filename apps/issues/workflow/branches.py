"""The branches off the loop: ruling, merging, splitting, ending otherwise, appealing."""

from typing import Final

from django.utils.translation import pgettext_lazy

from apps.issues.workflow.conditions import Condition
from apps.issues.workflow.move import NOTE, OPEN, REASON, Clock, Give, Move, Target, all_to, stays
from apps.issues.workflow.states import By, State

_ABOVE: Final = frozenset({By.PLATFORM, By.SUPERIOR})
_HELD: Final = (State.ESCALATED, State.ASSIGNED, State.HANDLING)

BRANCHES: Final = (
    Move(
        name="adjudicate",  # 裁决，给说法
        label=pgettext_lazy("move", "Adjudicate"),
        to=all_to(*_HELD, to=State.ASSIGNED),
        by=_ABOVE,
        target=Target.CHOSEN,
        words=pgettext_lazy("field", "Ruling"),
        needs_words=frozenset(_HELD),
        conditions=(Condition.TO_ADJUDICATE,),
        clock=Clock.FRESH,
        gives={Give.CO_DEPARTMENTS: False},
    ),
    Move(
        name="merge",
        label=pgettext_lazy("move", "Merge as duplicate"),
        to=all_to(*_HELD, to=State.MERGED),
        by=frozenset({By.HOLDER, By.PLATFORM}),
        target=Target.NOBODY,
        words=NOTE,
        conditions=(Condition.HELD_BY_CELL, Condition.ANSWERS_TO_NOBODY, Condition.CHILDREN_CLOSED),
        clock=Clock.ENDS,
        gives={Give.INTO: True},
    ),
    Move(
        name="unmerge",
        label=pgettext_lazy("move", "Unmerge"),
        to={State.MERGED: State.ESCALATED},
        by=frozenset({By.PLATFORM}),
        target=Target.ACTOR,
        words=REASON,
        needs_words=frozenset({State.MERGED}),
        conditions=(Condition.MERGED_INTO_OPEN,),
        clock=Clock.FRESH,
    ),
    Move(
        name="split",
        label=pgettext_lazy("move", "Split"),
        to=stays(State.ESCALATED, State.HANDLING),
        by=frozenset({By.HOLDER}),
        target=Target.STAYS,
        words=NOTE,
        conditions=(Condition.HELD_BY_CELL,),
        gives={Give.PARTS: True},
    ),
    Move(
        name="reject",  # 不予受理
        label=pgettext_lazy("move", "Reject"),
        to=all_to(State.ESCALATED, State.ASSIGNED, to=State.REJECTED),
        by=frozenset({By.PLATFORM}),
        target=Target.NOBODY,
        words=REASON,
        needs_words=frozenset({State.ESCALATED, State.ASSIGNED}),
        conditions=(Condition.HELD_BY_CELL, Condition.NO_ASSIGNER, Condition.CHILDREN_CLOSED),
        clock=Clock.ENDS,
    ),
    Move(
        name="cancel",  # 作废
        label=pgettext_lazy("move", "Cancel"),
        to=all_to(*OPEN, to=State.CANCELLED),
        by=frozenset({By.PLATFORM}),
        target=Target.NOBODY,
        words=REASON,
        needs_words=frozenset(OPEN),
        conditions=(Condition.ANSWERS_TO_NOBODY, Condition.CHILDREN_CLOSED),
        clock=Clock.ENDS,
    ),
    Move(
        name="appeal",  # 超时申诉: once, after closing, by the department
        label=pgettext_lazy("move", "Appeal against lateness"),
        to=stays(State.CONCLUDED, State.EVALUATED),
        by=frozenset({By.LATE_HOLDER}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.CONCLUDED, State.EVALUATED}),
        conditions=(Condition.NEVER_APPEALED,),
    ),
    Move(
        name="uphold_appeal",  # two reviewers must agree
        label=pgettext_lazy("move", "Uphold the appeal"),
        to=stays(State.CONCLUDED, State.EVALUATED),
        by=frozenset({By.INSPECTOR, By.PLATFORM}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.CONCLUDED, State.EVALUATED}),
        conditions=(Condition.APPEAL_OPEN, Condition.NOT_REVIEWED_BY_YOU, Condition.NOT_OWN_WORK),
    ),
    Move(
        name="refuse_appeal",
        label=pgettext_lazy("move", "Refuse the appeal"),
        to=stays(State.CONCLUDED, State.EVALUATED),
        by=frozenset({By.INSPECTOR, By.PLATFORM}),
        target=Target.STAYS,
        words=REASON,
        needs_words=frozenset({State.CONCLUDED, State.EVALUATED}),
        conditions=(Condition.APPEAL_OPEN, Condition.NOT_REVIEWED_BY_YOU),
    ),
)
