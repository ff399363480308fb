"""Where an issue can stand, and who can stand to it how: the two margins of the table of moves."""

from enum import StrEnum
from typing import Final

from django.db.models import IntegerChoices, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.issues.workflow.wording import worded

PLATFORM_TIERS: Final = frozenset({0, 1})  # the city's and the districts' platforms (grids.models.Tier)
LOWEST_TIER: Final = 4  # level 3: nothing below to assign to
CITY_TIER: Final = 0


class State(TextChoices):
    """Where an issue stands in the loop 采集 → 上报 → 交办 → 办理 → 反馈 → 办结 → 评价 (reference: domain §6)."""

    COLLECTED = "collected", worded(pgettext_lazy("state", "collected"), pgettext_lazy("urban state", "taken in"))
    ESCALATED = "escalated", worded(pgettext_lazy("state", "reported up"), pgettext_lazy("urban state", "registered"))
    ASSIGNED = "assigned", worded(pgettext_lazy("state", "assigned"), pgettext_lazy("urban state", "dispatched"))
    HANDLING = "handling", worded(pgettext_lazy("state", "being handled"), pgettext_lazy("urban state", "in disposal"))
    SUSPENDED = "suspended", pgettext_lazy("state", "suspended")  # 挂账: its clock stands still until a day
    FED_BACK = "fed_back", worded(pgettext_lazy("state", "fed back"), pgettext_lazy("urban state", "to be checked"))
    CONCLUDED = "concluded", worded(pgettext_lazy("state", "concluded"), pgettext_lazy("urban state", "case closed"))
    EVALUATED = "evaluated", pgettext_lazy("state", "evaluated")
    REJECTED = "rejected", pgettext_lazy("state", "rejected")
    CANCELLED = "cancelled", pgettext_lazy("state", "cancelled")
    MERGED = "merged", pgettext_lazy("state", "merged")  # the same matter as another issue, which goes on

    @property
    def is_open(self) -> bool:
        """Whether somebody still holds it."""
        return self not in CLOSED


CLOSED: Final = frozenset({State.CONCLUDED, State.EVALUATED, State.REJECTED, State.CANCELLED, State.MERGED})
ENDED_WELL: Final = frozenset({State.CONCLUDED, State.EVALUATED})


class By(StrEnum):
    """How a person stands to an issue now. Somebody may stand to it in several ways, or in none."""

    HOLDER = "holder"  # acts for the cell or department that holds it, or held it when it closed
    ASSIGNER = "assigner"  # acts for whoever waits for the holder's result
    PLATFORM = "platform"  # acts for the platform of a cell at or above the holder, level 1 included
    SUPERIOR = "superior"  # acts for a cell above the holder; for a department also the cell it belongs to
    APPROVER = "approver"  # acts for the district's or the city's platform above the holder; for the city, itself
    CO_HANDLER = "co_handler"  # acts for a department that handles it jointly 协办
    INSPECTOR = "inspector"  # inspects at or above the holder's cell
    REPORTER = "reporter"
    LATE_HOLDER = "late_holder"  # acts for a department whose holding of it was late

    @property
    def label(self) -> Promise:
        return _BY_LABELS[self]


_BY_LABELS: Final[dict[By, Promise]] = {
    By.HOLDER: _("who acts for its holder"),
    By.ASSIGNER: _("who waits for the holder's result"),
    By.PLATFORM: _("a platform at or above the holder"),
    By.SUPERIOR: _("who acts for a cell above the holder"),
    By.APPROVER: _("a district's platform or the city's, above the holder"),
    By.CO_HANDLER: _("a department that handles it jointly"),
    By.INSPECTOR: _("an inspector"),
    By.REPORTER: _("who reported it"),
    By.LATE_HOLDER: _("a department that was late with it"),
}


class Card(IntegerChoices):
    """How sharply an issue is watched from above. It only grows, until a person lifts it 取消督办 (domain §6)."""

    NONE = 0, pgettext_lazy("card", "none")
    SUPERVISED = 1, pgettext_lazy("card", "supervised")
    YELLOW = 2, pgettext_lazy("card", "yellow card")
    RED = 3, pgettext_lazy("card", "red card")
