"""Issues as lines of a queue: what a dispatcher must know to choose the next one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import pgettext

from apps.issues.models import Handover, Issue, LinkKind, State, soon_in
from apps.issues.selectors.reporters import also_reported
from apps.issues.selectors.wording import also_words, caption_text


@dataclass(frozen=True, slots=True)
class Line:
    """One issue. `is_gone`: it no longer belongs to the list that still shows it."""

    issue: Issue
    is_unsigned: bool
    is_escalated: bool
    is_gone: bool = False
    soon_at: datetime | None = None  # when its lamp turns yellow
    also: int = 0  # how many others reported or support it

    @property
    def what(self) -> str:
        """The report's own words, the category's sentence where it has none."""
        return " ".join(self.issue.text.split()) or self.issue.category.caption

    @property
    def also_words(self) -> str:
        """How many others saw it."""
        return also_words(self.also)

    @property
    def caption(self) -> str:
        """The red caption: 园田社区第九网格长发来信息,有建筑垃圾未清运."""
        return caption_text(self.issue)

    @property
    def holder(self) -> str:
        """Who holds it."""
        return str(self.issue.holder_department or self.issue.holder_grid)

    @property
    def stands(self) -> str:
        """What is to be done next, in a dispatcher's words."""
        return stands_words(State(self.issue.state), self.is_unsigned)


def stands_words(state: State, is_unsigned: bool) -> str:
    """待签收, 待交办, … : the state, told as what it waits for."""
    if state == State.ESCALATED:
        return pgettext("waits", "to be signed") if is_unsigned else pgettext("waits", "to be assigned")
    if state == State.ASSIGNED:
        return pgettext("waits", "assigned, not signed") if is_unsigned else str(state.label)
    if state == State.FED_BACK:
        return pgettext("waits", "to be concluded")
    return str(state.label)


def lines_of(issues: Sequence[Issue], gone: Iterable[int] = ()) -> list[Line]:
    """Lines of issues read with queue.SHOWN. Two queries."""
    away = set(gone)
    opened = Handover.objects.filter(issue_id__in=[issue.id for issue in issues], ended_at=None)
    clocks = {row[0]: row for row in opened.values_list("issue_id", "kind", "signed_at", "rung_at", "rung_kinds")}
    others = also_reported([issue.id for issue in issues])
    lines = (_line(issue, clocks.get(issue.id), issue.id in away) for issue in issues)
    return [replace(line, also=others.get(line.issue.id, 0)) for line in lines]


def _line(
    issue: Issue, clock: tuple[int, str, datetime | None, list[datetime], list[str]] | None, is_gone: bool
) -> Line:
    if clock is None:
        return Line(issue, is_unsigned=False, is_escalated=False, is_gone=is_gone)
    _id, kind, signed_at, rung_at, rung_kinds = clock
    return Line(issue, signed_at is None, kind == LinkKind.ESCALATE, is_gone, soon_in(rung_at, rung_kinds))
