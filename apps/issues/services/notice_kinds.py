"""Names of what this room tells people, for programs that listen (apps.notices.kinds). Names are never changed."""

from typing import Final

from apps.issues.services import announcing, helpers, recounting, swept, telling
from apps.notices import kinds
from apps.notices.services import Words

BY_SWEEP: Final[dict[str, Words]] = {
    "issue.arrived": telling.ARRIVED,
    "issue.due_soon": telling.REMIND,
    "issue.unsigned": swept.UNSIGNED,
    "issue.unsigned_below": swept.UNSIGNED_BELOW,
    "issue.overdue": telling.OVERDUE,
    "issue.overdue_below": telling.OVERDUE_BELOW,
    "issue.yellow_card": swept.YELLOW,
    "issue.yellow_card_below": swept.YELLOW_BELOW,
    "issue.red_card": swept.RED,
    "issue.red_card_below": swept.RED_BELOW,
    "issue.moved_up": telling.MOVED_UP,
    "issue.taken_up": telling.TAKEN,
    "issue.still_overdue": telling.REALARM,
    "issue.pause_over": swept.RESUMED,
    "issue.helping_late": helpers.HELPER_LATE,
    "issue.helped_late": helpers.HELPED_LATE,
    "issue.recounted": recounting.RECOUNTED,
}
TO_OTHERS: Final[dict[str, str]] = {
    "issue.help": announcing.TO_HELPERS,
    "issue.taken_away": announcing.TO_LOSER,
    "issue.ruling": announcing.TO_PARTIES,
}
TO_REPORTERS: Final[dict[str, str]] = {"conclude": "concluded", "self_handle": "concluded"}


def register_kinds() -> None:
    """A gap in posts or rules wakes people: until it is mended, reports lie with nobody who can act."""
    for name, words in BY_SWEEP.items():
        kinds.register(name, [words.one, words.many])
    kinds.register("issue.gap", [telling.ALARM.one, telling.ALARM.many], is_urgent=True)
    for move, text in {**announcing.TO_HOLDER, **announcing.TO_ASSIGNER}.items():
        kinds.register(f"issue.{move}", [text])
    for name, text in TO_OTHERS.items():
        kinds.register(name, [text])
    for move, text in announcing.TO_REPORTERS.items():
        if text not in TO_OTHERS.values():
            kinds.register(f"issue.{TO_REPORTERS.get(move, 'report_' + move)}", [text])
    for move, text in announcing.TO_MERGED.items():  # the same news of a duplicate
        kinds.register(kinds.kind_of(announcing.TO_REPORTERS[move]), [text])
    for move, text in announcing.TO_SUPPORTERS.items():
        kinds.register(f"issue.supported_{TO_REPORTERS.get(move, move)}", [text])
