"""One issue as a pane: what it is, who is responsible, what happened, what this person may do now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.dispatch.selectors.lines import stands_words
from apps.issues.models import Handover, Issue, IssueEvent, LinkKind, Photo, Standard, State
from apps.issues.selectors.acting import own_work, standing_from
from apps.issues.selectors.detail import Detail
from apps.issues.selectors.targets import Targets
from apps.issues.selectors.timeline import Line as Event
from apps.issues.selectors.wording import reporter_words
from apps.issues.workflow import Move
from apps.staff.models import User
from apps.staff.selectors import Scope, leader_of

KEYS: Final = {"sign": "E", "assign": "1", "return": "3"}
DANGER: Final = frozenset({"return", "rework"})
HINTS: Final[dict[str, Promise]] = {
    "sign": _("Says that you have seen it; the caption goes away."),
    "handle": _("This desk deals with it itself."),
    "feed_back": _("The result goes to whoever assigned it."),
    "self_handle": _("You solved it; the report is closed."),
    "conclude": _("The result is good; the report is closed."),
    "rework": _("The result is not good; it goes back to whoever fed back."),
    "report_up": _("Beyond your powers: the cell above takes over."),
    "return": _("Not your duty: it goes back to whoever handed it over."),
}

# what the words are that came with a handover; an instruction unless said otherwise
INSTRUCTION: Final = pgettext_lazy("field", "Instruction")
WORDS_OF: Final[dict[str, Promise]] = {
    LinkKind.FEED_BACK: _("Result fed back"),
    LinkKind.RETURN: _("Reason of return"),
    LinkKind.REWORK: _("Reason of rework"),
    LinkKind.REPORT_UP: _("Reason for reporting up"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One move that the person may make now, as a form."""

    move: Move
    needs_words: bool
    is_open: bool
    is_main: bool = False
    targets: Targets | None = None
    words: str = ""

    @property
    def key(self) -> str:
        """The keyboard's shortcut."""
        return KEYS.get(self.move.name, "")

    @property
    def hint(self) -> Promise | str:
        """What the move means, in one sentence."""
        return HINTS.get(self.move.name, "")

    @property
    def is_danger(self) -> bool:
        """Whether it sends somebody's work back."""
        return self.move.name in DANGER

    @property
    def has_words(self) -> bool:
        """Whether the form asks for words at all: signing is one press."""
        return self.move.name != "sign"


@dataclass(frozen=True, slots=True)
class Pane:
    """Everything the template draws."""

    detail: Detail
    actions: list[Action]
    leader: User | None
    standard: Standard | None
    reporter: str

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


def pane_of(detail: Detail, at: datetime) -> Pane:
    """Three queries: the cell's leader, his or her name, the standard."""
    issue = detail.issue
    leader_id = leader_of(issue.grid_id, at)
    standard = Standard.objects.filter(category_id=issue.category_id, is_default=True).first()
    return Pane(
        detail=detail,
        actions=actions_of(detail.moves, State(issue.state), detail.targets, standard),
        leader=User.objects.filter(pk=leader_id).first() if leader_id else None,
        standard=standard,
        reporter=reporter_words(issue),
    )


def actions_of(
    moves: Sequence[Move],
    state: State,
    targets: Targets | None = None,
    standard: Standard | None = None,
    *,
    is_card: bool = False,
) -> list[Action]:
    """Forms for the moves: signing first, then the one most likely next, opened; the rest folded.

    One of them is the main one. On a card signing stands alone: what comes after it opens when it is done.
    """
    wanted = sorted(moves, key=lambda move: (move.name != "sign", not _is_next(move, state), not move.is_primary))
    first = next((move for move in wanted if move.name != "sign"), None)
    waits_for_signing = bool(wanted) and wanted[0].name == "sign"
    return [
        Action(
            move,
            needs_words=state in move.needs_words,
            is_open=move is first and move.is_primary and not (is_card and waits_for_signing),
            is_main=move is wanted[0],
            targets=targets if move.needs_target else None,
            words=_instruction(standard) if move.needs_target and standard else "",
        )
        for move in wanted
    ]


def _instruction(standard: Standard) -> str:
    """What the form proposes to write to whoever gets it: the standard's own condition."""
    return translate("Please handle it in time. It is concluded when: %(condition)s") % {
        "condition": standard.concluding
    }


def _is_next(move: Move, state: State) -> bool:
    """The result that lies there is judged before anything else is thought of."""
    return state == State.FED_BACK and move.name in ("conclude", "feed_back")


@dataclass(frozen=True, slots=True)
class Task:
    """One card of somebody's own work."""

    issue: Issue
    actions: list[Action]
    words: str
    words_are: Promise
    is_escalated: bool
    is_unsigned: bool
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
    """Cards for issues that lie with the person. Two queries, whatever their number."""
    ids = [issue.id for issue in issues]
    handovers: dict[int, list[Handover]] = {id: [] for id in ids}
    for handover in Handover.objects.filter(issue_id__in=ids).order_by("id"):
        handovers[handover.issue_id].append(handover)
    own = _own_work(ids, scope)
    return [_task(issue, handovers[issue.id], scope, at, issue.id in own) for issue in issues]


def _own_work(ids: Iterable[int], scope: Scope) -> set[int]:
    done = IssueEvent.objects.filter(own_work(scope.user_id), issue_id__in=ids)
    return set(done.values_list("issue_id", flat=True))


def _task(issue: Issue, handovers: list[Handover], scope: Scope, at: datetime, has_worked: bool) -> Task:
    standing = standing_from(issue, handovers, scope, at, has_worked=has_worked)
    opened = next((row for row in handovers if row.ended_at is None), None)
    moves = [move for move in standing.moves if not move.needs_target]  # assigning has its page: a list to choose from
    return Task(
        issue=issue,
        actions=actions_of(moves, State(issue.state), is_card=True),
        words=opened.instruction if opened else "",
        words_are=WORDS_OF.get(opened.kind, INSTRUCTION) if opened else INSTRUCTION,
        is_escalated=opened is not None and opened.kind == LinkKind.ESCALATE,
        is_unsigned=opened is not None and opened.signed_at is None,
        soon_at=opened.soon_at if opened is not None else None,
    )
