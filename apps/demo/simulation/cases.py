"""One report as its people know it: folded from its events, live and after a crash alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from apps.issues.workflow import State

NEW_HOLDER: Final = frozenset(
    {
        *("file", "report_up", "refer", "assign", "transfer", "return", "feed_back", "rework", "escalate"),
        *("reopen", "unmerge", "adjudicate"),
    }
)
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_RUNGS: Final = frozenset({"unsigned", "remind", "co_overdue", "duplicate", "no_duplicate", "recount"})
JOLTS: Final = frozenset({"overdue", "realarm", "resume", "yellow_card", "red_card", "urge", "supervise"})


class Seen(NamedTuple):
    """One event. `co`: the names of departments asked to help; `by`: the department that helped."""

    version: int
    kind: str
    at: datetime
    state: str
    holder_grid: int
    holder_department: int | None
    due_at: datetime | None
    actor: int | None
    co: Sequence[str] = ()
    by: str = ""


@dataclass(slots=True)
class Case:
    """What is known of one report, and when somebody will next do something about it (None: nobody means to)."""

    name: str
    id: int
    category: int
    grid: int
    district: int
    reporter: int
    version: int = 0
    state: str = State.COLLECTED
    kind: str = ""
    at: datetime = LONG_AGO
    holder_grid: int = 0
    holder_department: int | None = None
    due_at: datetime | None = None
    is_signed: bool = False
    is_late: bool = False
    late_department: int | None = None
    declined: list[int] = field(default_factory=list)
    reworks: int = 0
    times_reopened: int = 0
    asked: int = 0  # 1: more time is asked for, 2: agreed to
    extended: int = 0
    was_suspended: bool = False
    appealed: int = 0  # 1: appealed, 2: one reviewer agreed, 3: decided
    rated: bool = False
    owed: int = 0  # how many wait for a result, as far as can be told from events
    helpers: list[str] = field(default_factory=list)
    last_actor: int | None = None
    asked_by: int | None = None
    agreed_by: int | None = None
    tries: int = 0  # in vain, since the last event
    wake_at: datetime | None = None

    @property
    def actor_was_nobody(self) -> bool:
        """Whether the newest event came of itself and changed nobody's work: a rung of the ladder."""
        return self.kind in _RUNGS

    @property
    def is_open(self) -> bool:
        return State(self.state).is_open

    def observe(self, seen: Seen) -> None:
        """Take in the next event."""
        assert seen.version > self.version
        before = self.holder_department
        self.version, self.kind, self.at, self.state = seen.version, seen.kind, seen.at, seen.state
        self.holder_grid, self.holder_department = seen.holder_grid, seen.holder_department
        self.due_at, self.last_actor, self.tries = seen.due_at, seen.actor, 0
        if seen.kind in NEW_HOLDER:
            self.is_signed, self.is_late, self.asked, self.helpers = False, False, 0, list(seen.co)
        self.owed = _owed(self.owed, seen)
        _EFFECTS.get(seen.kind, _nothing)(self, seen, before)


def _owed(owed: int, seen: Seen) -> int:
    match seen.kind:
        case "assign" | "adjudicate" | "rework" | "reopen":
            return owed + (seen.actor is not None or seen.holder_department is not None)
        case "feed_back" | "return":
            return max(0, owed - 1)
        case "report_up" | "refer" | "escalate":
            return 0
    return owed


Effect = Callable[[Case, Seen, int | None], None]


def _nothing(case: Case, seen: Seen, before: int | None) -> None:
    """Most events change no more than what is read of them."""


def _sign(case: Case, seen: Seen, before: int | None) -> None:
    case.is_signed = True


def _overdue(case: Case, seen: Seen, before: int | None) -> None:
    case.is_late, case.late_department = True, seen.holder_department or case.late_department


def _escalate(case: Case, seen: Seen, before: int | None) -> None:
    case.late_department = before or case.late_department


def _return(case: Case, seen: Seen, before: int | None) -> None:
    if before is not None and before not in case.declined:
        case.declined.append(before)


def _rework(case: Case, seen: Seen, before: int | None) -> None:
    case.reworks += 1


def _reopen(case: Case, seen: Seen, before: int | None) -> None:
    case.times_reopened += 1
    case.rated = False


def _ask(case: Case, seen: Seen, before: int | None) -> None:
    case.asked, case.asked_by = 1, seen.actor


def _agree(case: Case, seen: Seen, before: int | None) -> None:
    case.asked, case.agreed_by = 2, seen.actor


def _grant(case: Case, seen: Seen, before: int | None) -> None:
    case.asked, case.extended = 0, case.extended + 1


def _refuse(case: Case, seen: Seen, before: int | None) -> None:
    case.asked, case.extended = 0, case.extended + 2  # asked once and refused: nobody asks again


def _suspend(case: Case, seen: Seen, before: int | None) -> None:
    case.was_suspended = True


def _helped(case: Case, seen: Seen, before: int | None) -> None:
    if seen.by in case.helpers:
        case.helpers.remove(seen.by)


def _appeal(case: Case, seen: Seen, before: int | None) -> None:
    case.appealed += 1


def _refuse_appeal(case: Case, seen: Seen, before: int | None) -> None:
    case.appealed = 3


def _evaluate(case: Case, seen: Seen, before: int | None) -> None:
    case.rated = True


_EFFECTS: Final[dict[str, Effect]] = {
    "sign": _sign,
    "overdue": _overdue,
    "escalate": _escalate,
    "return": _return,
    "rework": _rework,
    "reopen": _reopen,
    "ask_extension": _ask,
    "agree_extension": _agree,
    "grant_extension": _grant,
    "refuse_extension": _refuse,
    "suspend": _suspend,
    "co_feed_back": _helped,
    "appeal": _appeal,
    "uphold_appeal": _appeal,
    "refuse_appeal": _refuse_appeal,
    "evaluate": _evaluate,
}
