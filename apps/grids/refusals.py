"""Refused changes to the tree, by name. `str()` of each is a sentence for the person who asked."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class TreeRefused(Exception):
    """The tree stays as it is."""

    sentence: Promise = _("The tree cannot be changed like this.")

    def __init__(self, **values: object) -> None:
        super().__init__()
        self.values = values

    def __str__(self) -> str:
        return str(self.sentence) % self.values


class NoSuchCell(TreeRefused):
    """There is no live cell of that id."""

    sentence = _("There is no such cell, or it has been closed.")


class BadCode(TreeRefused):
    """Not fifteen digits, or not the shape of its tier."""

    sentence = _("%(code)s is not a code of this tier: fifteen digits, zeros where lower tiers would count.")


class CodeTaken(TreeRefused):
    """Codes are never reused, not even those of closed cells."""

    sentence = _("The code %(code)s belongs to %(cell)s already. Codes are never reused.")


class EmptyName(TreeRefused):
    """A cell needs a name of at most 80 characters."""

    sentence = _("A cell needs a name of at most 80 characters.")


class WrongTier(TreeRefused):
    """A cell hangs exactly one tier below its parent."""

    sentence = _("%(cell)s (%(tier)s) cannot hang below %(parent)s (%(parent_tier)s).")


class RootsStay(TreeRefused):
    """City and districts have no parent to leave."""

    sentence = _("%(cell)s is a root of the tree and cannot be moved below another cell.")


class HasChildren(TreeRefused):
    """A cell with live cells below cannot be closed or deleted."""

    sentence = _("%(cell)s still has cells below it (%(count)d). Move or close them first.")


class StillUsed(TreeRefused):
    """Reports, posts or departments point to the cell."""

    sentence = _("%(cell)s cannot be deleted: it is used by %(uses)s. Close it instead.")


class EndsTooEarly(TreeRefused):
    """A cell must have lived at least a day."""

    sentence = _("%(cell)s begins on %(begins)s and can only end after that day.")


class NotToday(TreeRefused):
    """A cell is closed from today on: what lies on its ground goes to the heir from the next report on."""

    sentence = _("A cell is closed from today on: write %(today)s as its end, or leave end and successor empty.")


class NeedsHeir(TreeRefused):
    """The ground of a cell must not be left without one."""

    sentence = _(
        "Choose as which cell %(cell)s goes on: its ground must not lie in no cell. "
        "If no cell stands beside it, move it below another parent first."
    )


class NotBeside(TreeRefused):
    """A cell goes on as a living one of its tier under the same parent."""

    sentence = _("%(cell)s can only go on as a living cell of its tier under the same parent, not as %(heir)s.")


class HeirHasCells(TreeRefused):
    """The cells below the heir would not reach the ground it is given."""

    sentence = _(
        "%(heir)s is divided into cells, none of which would hold the ground of %(cell)s. "
        "Add a cell for that ground below %(cell)s and move it to %(heir)s first."
    )


class StillTied(TreeRefused):
    """People hold posts in the cell, or it holds issues."""

    sentence = _("%(cell)s cannot be closed yet. %(ties)s")


class OverlapsNeighbour(TreeRefused):
    """Two cells of one tier would claim the same ground."""

    sentence = _("The boundary overlaps %(neighbour)s by %(area).0f m².")


class LeavesParent(TreeRefused):
    """A cell lies inside its parent."""

    sentence = _("The boundary leaves %(parent)s by %(area).0f m².")


class LosesChildren(TreeRefused):
    """The cells below must stay inside."""

    sentence = _("%(child)s would lie outside by %(area).0f m².")
