"""Names of what this room tells people, for programs that listen (apps.notices.kinds). Names are never changed."""

from typing import Final

from apps.issues.services import telling
from apps.issues.services.moves import CLOSED, TOLD
from apps.notices import kinds
from apps.notices.services import Words

BY_SWEEP: Final[dict[str, Words]] = {
    "issue.arrived": telling.ARRIVED,
    "issue.due_soon": telling.REMIND,
    "issue.overdue": telling.OVERDUE,
    "issue.overdue_below": telling.OVERDUE_BELOW,
    "issue.moved_up": telling.MOVED_UP,
    "issue.taken_up": telling.TAKEN,
    "issue.still_overdue": telling.REALARM,
}


def register_kinds() -> None:
    """A gap in posts or rules wakes people: until it is mended, reports lie with nobody who can act."""
    for name, words in BY_SWEEP.items():
        kinds.register(name, [words.one, words.many])
    kinds.register("issue.gap", [telling.ALARM.one, telling.ALARM.many], is_urgent=True)
    for move, text in TOLD.items():
        kinds.register(f"issue.{move}", [text])
    kinds.register("issue.concluded", [CLOSED])
