"""What must hold beside state and standing before a move can be made; each with the sentence for when it does not."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Condition(StrEnum):
    """A fact about the issue, or about the person and the issue."""

    UNSIGNED = "unsigned"
    HELD_BY_CELL = "held_by_cell"
    HAS_CELLS_BELOW = "has_cells_below"
    HAS_SUPERIOR = "has_superior"
    HAS_WAY_BACK = "has_way_back"
    FIRST_RETURN = "first_return"
    NOT_BINDING = "not_binding"
    IN_TIME_TO_RETURN = "in_time_to_return"
    UNDISPUTED = "undisputed"
    TO_ADJUDICATE = "to_adjudicate"
    HAS_ASSIGNER = "has_assigner"
    NO_ASSIGNER = "no_assigner"
    RESULT_STANDS = "result_stands"
    HAS_RESULT = "has_result"
    NOT_OWN_WORK = "not_own_work"
    OWN_WORK = "own_work"
    CHILDREN_CLOSED = "children_closed"
    ANSWERS_TO_NOBODY = "answers_to_nobody"
    NEVER_SUSPENDED = "never_suspended"
    IN_TIME = "in_time"
    EXTENSIONS_LEFT = "extensions_left"
    NOTHING_ASKED = "nothing_asked"
    EXTENSION_ASKED = "extension_asked"
    EXTENSION_AGREED = "extension_agreed"
    NOT_AGREED_BY_YOU = "not_agreed_by_you"
    NOT_RATED_BY_YOU = "not_rated_by_you"
    RECENTLY_CLOSED = "recently_closed"
    HAS_CARD = "has_card"
    MERGED_INTO_OPEN = "merged_into_open"
    NEVER_APPEALED = "never_appealed"
    APPEAL_OPEN = "appeal_open"
    NOT_REVIEWED_BY_YOU = "not_reviewed_by_you"

    @property
    def sentence(self) -> Promise:
        return _SENTENCES[self]


_SENTENCES: Final[Mapping[Condition, Promise]] = {
    Condition.UNSIGNED: _("It has already been signed for."),
    Condition.HELD_BY_CELL: _("A department cannot do this; it can return the issue or feed back."),
    Condition.HAS_CELLS_BELOW: _("A level-3 cell has nobody below to assign it to; report it up."),
    Condition.HAS_SUPERIOR: _("There is nothing above the city to report it to."),
    Condition.HAS_WAY_BACK: _("Nobody handed it over, so it cannot be returned."),
    Condition.FIRST_RETURN: _("It was returned between these two before; one of them must deal with it now."),
    Condition.NOT_BINDING: _("It was adjudicated; the ruling binds: no return, no report upward, no transfer."),
    Condition.IN_TIME_TO_RETURN: _("It was signed for too long ago to be returned; report what hinders you."),
    Condition.UNDISPUTED: _("Two departments have declined it: only a ruling moves it now. Adjudicate it."),
    Condition.TO_ADJUDICATE: _("There is no dispute to rule on: nobody, or only one, has declined it."),
    Condition.HAS_ASSIGNER: _("Nobody assigned it, so there is nobody to feed back to; record how it was solved."),
    Condition.NO_ASSIGNER: _("It was assigned from above: feed the result back to whoever assigned it."),
    Condition.RESULT_STANDS: _("There is no result that waits to be checked."),
    Condition.HAS_RESULT: _("There is no result yet: handle it, or assign it."),
    Condition.NOT_OWN_WORK: _("You handled it yourself; somebody else must check and conclude it."),
    Condition.OWN_WORK: _("It is not your own work: check it, and conclude it or send it for rework."),
    Condition.CHILDREN_CLOSED: _("A part of it is still open; conclude the parts first."),
    Condition.ANSWERS_TO_NOBODY: _("Somebody above waits for the result; only they can end it so."),
    Condition.NEVER_SUSPENDED: _("It was suspended once before; it cannot be suspended again."),
    Condition.IN_TIME: _("Its time has run out: no extension can be asked or granted any more."),
    Condition.EXTENSIONS_LEFT: _("It was extended twice already."),
    Condition.NOTHING_ASKED: _("An extension has been asked for and is not decided yet."),
    Condition.EXTENSION_ASKED: _("No extension has been asked for."),
    Condition.EXTENSION_AGREED: _("The extension must first be agreed to by whoever waits for the result."),
    Condition.NOT_AGREED_BY_YOU: _("You asked for it or agreed to it; somebody else must grant it."),
    Condition.NOT_RATED_BY_YOU: _("You have evaluated it already."),
    Condition.RECENTLY_CLOSED: _("It was closed too long ago to be opened again; please report it anew."),
    Condition.HAS_CARD: _("It is not under supervision."),
    Condition.MERGED_INTO_OPEN: _("What it was merged into is closed by now; reopen that, or report it anew."),
    Condition.NEVER_APPEALED: _("An appeal was made once before; there is only one."),
    Condition.APPEAL_OPEN: _("There is no appeal to decide."),
    Condition.NOT_REVIEWED_BY_YOU: _("You appealed or reviewed it already; somebody else must decide."),
}
