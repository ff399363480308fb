"""One issue as a pane: what it is, who is responsible, what happened, what this person may do now."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.dispatch.selectors.lines import stands_words
from apps.issues.models import CoHandling, Handover, Issue, IssueEvent, LinkKind, Photo, Standard, State
from apps.issues.selectors.acting import Standing, standing_from
from apps.issues.selectors.actions import Action, actions_of
from apps.issues.selectors.detail import Detail
from apps.issues.selectors.duplicates import Similar, similar_to
from apps.issues.selectors.facts import Told
from apps.issues.selectors.timeline import Line as Event
from apps.issues.selectors.wording import reporter_words
from apps.issues.workflow import By, Deed
from apps.staff.models import User
from apps.staff.selectors import Scope, leader_of

# what the words are that came with a handover; an instruction unless said otherwise
INSTRUCTION: Final = pgettext_lazy("field", "Instruction")
WORDS_OF: Final[dict[str, Promise]] = {
    LinkKind.FEED_BACK: _("Result fed back"),
    LinkKind.RETURN: _("Reason of return"),
    LinkKind.REWORK: _("Reason of rework"),
    LinkKind.REPORT_UP: _("Reason for reporting up"),
    LinkKind.TRANSFER: _("Reason of transfer"),
    LinkKind.ADJUDICATE: _("Ruling, binding"),
    LinkKind.REOPEN: _("Why it is open again"),
}


@dataclass(frozen=True, slots=True)
class Pane:
    """Everything the template draws."""

    detail: Detail
    actions: list[Action]
    leader: User | None
    standard: Standard | None
    reporter: str
    similar: Sequence[Similar] = ()  # open, near and of the same kind; only where the person may merge

    @property
    def issue(self) -> Issue:
        """The issue itself."""
        return self.detail.issue

    @property
    def what(self) -> str:
        """The report's own words, the category's sentence where it has none."""
        return self.issue.text.strip() or self.issue.category.caption

    @property
    def stands(self) -> str:
        """What it waits for."""
        handover = self.detail.open_handover
        return stands_words(State(self.issue.state), handover is not None and handover.signed_at is None)

    @property
    def is_escalated(self) -> bool:
        """Whether it came to its holder because somebody below was late."""
        handover = self.detail.open_handover
        return handover is not None and handover.kind == LinkKind.ESCALATE

    @property
    def soon_at(self) -> datetime | None:
        """When its lamp turns yellow."""
        handover = self.detail.open_handover
        return handover.soon_at if handover is not None else None

    @property
    def unit(self) -> str:
        """The unit of the open clock, in words: extensions are asked for in it."""
        handover = self.detail.open_handover
        return handover.get_limit_unit_display() if handover else ""

    @property
    def usual(self) -> list[Action]:
        """The moves of every day."""
        return [action for action in self.actions if not action.is_rare]

    @property
    def rare(self) -> list[Action]:
        """The moves that are seldom needed, folded away together."""
        return [action for action in self.actions if action.is_rare]

    @property
    def rare_names(self) -> set[str]:
        """Their names."""
        return {action.move.name for action in self.rare}

    @property
    def newest(self) -> Event | None:
        """The last thing somebody wrote: the result to judge, the instruction to follow, the reason of a return."""
        return next((line for line in reversed(self.detail.lines) if line.words), None)

    @property
    def photos_before(self) -> list[Photo]:
        """As found."""
        return [photo for photo in self.detail.photos if photo.stage == Photo.Stage.REPORT]

    @property
    def photos_after(self) -> list[Photo]:
        """After handling."""
        return [photo for photo in self.detail.photos if photo.stage == Photo.Stage.RESULT]


def pane_of(detail: Detail, scope: Scope, at: datetime) -> Pane:
    """Three queries: the cell's leader, his or her name, the standard; two more for what may be the same."""
    issue = detail.issue
    leader_id = leader_of(issue.grid_id, at)
    standard = Standard.objects.filter(category_id=issue.category_id, is_default=True).first()
    return Pane(
        detail=detail,
        actions=actions_of(
            detail.moves,
            State(issue.state),
            detail.targets,
            standard,
            has_helpers=bool(detail.standing.told.co_handlings),
        ),
        leader=User.objects.filter(pk=leader_id).first() if leader_id else None,
        standard=standard,
        reporter=reporter_words(issue),
        similar=similar_to(issue, scope) if any(move.name == "merge" for move in detail.moves) else (),
    )


@dataclass(frozen=True, slots=True)
class Task:
    """One card of somebody's own work."""

    issue: Issue
    actions: list[Action]
    words: str
    words_are: Promise
    is_escalated: bool
    is_unsigned: bool
    due_at: datetime | None
    is_joint: bool  # the person only helps
    soon_at: datetime | None  # when its lamp turns yellow

    @property
    def what(self) -> str:
        """The report's own words, the category's sentence where it has none."""
        return self.issue.text.strip() or self.issue.category.caption

    @property
    def stands(self) -> str:
        """What it waits for."""
        return stands_words(State(self.issue.state), self.is_unsigned)


def tasks_of(issues: Sequence[Issue], scope: Scope, at: datetime) -> list[Task]:
    """Cards for issues that lie with the person. Three queries, whatever their number."""
    told = {id: Told(handovers, deeds, parts) for id, handovers, deeds, parts in _past([issue.id for issue in issues])}
    return [_task(issue, told[issue.id], scope, at) for issue in issues]


def _past(ids: Sequence[int]) -> Iterator[tuple[int, list[Handover], list[Deed], list[CoHandling]]]:
    """Handovers, deeds and open joint handlings of many issues."""
    handovers, deeds, parts = defaultdict(list), defaultdict(list), defaultdict(list)
    for handover in Handover.objects.filter(issue_id__in=ids).order_by("id"):
        handovers[handover.issue_id].append(handover)
    events = IssueEvent.objects.filter(issue_id__in=ids).order_by("issue_id", "seq")
    for issue_id, kind, actor_id, state in events.values_list("issue_id", "kind", "actor_id", "state"):
        deeds[issue_id].append(Deed(kind, actor_id, state))
    for part in CoHandling.objects.filter(issue_id__in=ids, ended_at=None):
        parts[part.issue_id].append(part)
    for id in ids:
        yield id, handovers[id], deeds[id], parts[id]


def _task(issue: Issue, told: Told, scope: Scope, at: datetime) -> Task:
    standing = standing_from(issue, told, scope, at)
    part = _own_part(told, standing)
    opened = told.open_handover
    moves = [move for move in standing.moves if not move.needs_target]  # assigning has its page: a list to choose from
    actions = actions_of(moves, State(issue.state), is_card=True, has_helpers=bool(told.co_handlings))
    return Task(
        issue=issue,
        actions=[action for action in actions if not action.is_rare],
        words=part.instruction if part else opened.instruction if opened else "",
        words_are=WORDS_OF.get(opened.kind, INSTRUCTION) if opened and not part else INSTRUCTION,
        is_escalated=opened is not None and opened.kind == LinkKind.ESCALATE,
        is_unsigned=opened is not None and opened.signed_at is None,
        due_at=part.due_at if part else issue.due_at,
        is_joint=part is not None,
        soon_at=opened.soon_at if opened is not None else None,
    )


def _own_part(told: Told, standing: Standing) -> CoHandling | None:
    """The person's part in somebody else's issue; None where it is the person's own."""
    post = standing.posts.get(By.CO_HANDLER)
    if post is None or By.HOLDER in standing.posts:
        return None
    return next((part for part in told.co_handlings if part.department_id == post.department_id), None)
