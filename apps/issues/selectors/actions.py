"""The moves that somebody may make now, as forms: what they ask, what they mean, which of them comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.issues.models import Standard, State
from apps.issues.selectors.targets import Targets
from apps.issues.workflow import Card, Give, Move

KEYS: Final = {"sign": "E", "assign": "1", "return": "3"}
DANGER: Final = frozenset({"return", "rework", "reject", "cancel"})
WORDLESS: Final = frozenset({"sign"})  # one press
RARE: Final = frozenset(  # folded away together: they are needed, but not every day
    {"transfer", "suspend", "ask_extension", "urge", "note", "supervise", "lift_card", "merge", "unmerge", "split"}
    | {"reject", "cancel", "appeal"}
)
HINTS: Final[dict[str, Promise]] = {
    "sign": _("Says that you have seen it; the caption goes away."),
    "handle": _("This desk deals with it itself."),
    "feed_back": _("The result goes to whoever assigned it."),
    "co_feed_back": _("Your part is done; the main handler is told."),
    "self_handle": _("You solved it; the report is closed."),
    "conclude": _("The result is good; the report is closed."),
    "rework": _("The result is not good; it goes back to whoever fed back."),
    "refer": _("You handled it yourself: a colleague concludes it, or your superior checks it."),
    "report_up": _("Beyond your powers: the cell above takes over."),
    "return": _("Not your duty: it goes back to whoever handed it over."),
    "transfer": _("Somebody else gets it; you still wait for the result."),
    "evaluate": _("Say how well it was done."),
    "reopen": _("It is not solved: whoever handled it goes on."),
    "adjudicate": _("Your ruling is binding and goes to all parties and to the reporter."),
    "suspend": _("Its clock stands still until that day; once, a year at most."),
    "resume": _("Its clock goes on with what was left."),
    "ask_extension": _("At most twice, each time at most the original limit."),
    "agree_extension": _("The first of two steps; somebody above grants it."),
    "grant_extension": _("The due time moves."),
    "urge": _("The holder is reminded; no clock moves."),
    "supervise": _("A card only becomes sharper, until it is lifted."),
    "merge": _("The same matter: this one ends, the other goes on, and everybody who reported hears of the result."),
    "split": _("Each part becomes an issue of its own; this one waits for them."),
    "reject": _("Not a matter for the grid; the reporter is told why."),
    "cancel": _("Filed by mistake; the reporter is told why."),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One move that the person may make now, as a form. `gives`: what else it asks, and whether that must be given."""

    move: Move
    needs_words: bool
    is_open: bool
    is_main: bool = False
    targets: Targets | None = None
    words: str = ""
    gives: Mapping[str, bool] = field(default_factory=dict)

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
        """Whether it sends somebody's work back, or ends it unsolved."""
        return self.move.name in DANGER

    @property
    def is_rare(self) -> bool:
        """Whether it is folded away with the others that are seldom needed."""
        return self.move.name in RARE

    @property
    def has_words(self) -> bool:
        """Whether the form asks for words at all: signing is one press."""
        return self.move.name not in WORDLESS

    @property
    def asks(self) -> dict[str, Promise]:
        """What the form asks beside words and target: name → label."""
        return {name: Give(name).label for name in self.gives}

    @property
    def cards(self) -> list[tuple[str, Promise]]:
        """The cards to choose from."""
        return [(card.name.lower(), card.label) for card in Card if card is not Card.NONE]


def actions_of(
    moves: Sequence[Move],
    state: State,
    targets: Mapping[str, Targets] | None = None,
    standard: Standard | None = None,
    *,
    is_card: bool = False,
    has_helpers: bool = False,
) -> list[Action]:
    """Forms for the moves: signing first, then the one most likely next, opened; the rest folded.

    One of them is the main one. On a card signing stands alone: what comes after it opens when it is done.
    `has_helpers`: co-handlers are at work, so feeding back without them asks why.
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
            targets=(targets or {}).get(move.name),
            words=_instruction(standard) if move.name == "assign" and standard else "",
            gives={give.value: must for give, must in move.gives.items() if give is not Give.WITHOUT_CO or has_helpers},
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
