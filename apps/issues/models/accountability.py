"""Accountability 问责: for each late holding, who answered for it then, in words that no later change touches."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.grids.models import Grid
from apps.issues.models.issue import Handover, Issue
from apps.issues.models.joint import CoHandling
from apps.staff.models import Department

BETWEEN = " / "  # the names of a chain of cells


class LateHolding(models.Model):
    """One holding whose clock ran out: a handover, or a department's part in joint handling; never both.

    Names are copies of what was true at `late_since`: cells that are moved, renamed or closed later and posts that end
    change nothing here. How long it was late is told by the handover itself, which nobody changes any more.
    `people`: [{"post", "user", "name", "role", "stand_in"}] of whoever acted for the holder on that day;
    `is_vacant`: nobody of the cell's own did, so its superior's people stand here.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="late_holdings", verbose_name=_("issue"))
    handover = models.OneToOneField(Handover, models.PROTECT, null=True, related_name="late_holding")
    co_handling = models.OneToOneField(CoHandling, models.PROTECT, null=True, related_name="late_holding")
    grid = models.ForeignKey(Grid, models.PROTECT, related_name="+", db_index=False, verbose_name=_("cell"))
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("department")
    )
    late_since = models.DateTimeField(_("late since"))
    cell_code = models.CharField(_("code of the cell"), max_length=15)
    place = models.TextField(_("holding cell"))  # the chain of names, the city first
    department_name = models.CharField(_("department"), max_length=200, blank=True)
    people = models.JSONField(_("people"), default=list)
    is_vacant = models.BooleanField(_("vacant"), default=False)
    is_excused = models.BooleanField(_("excused"), default=False)  # an appeal was upheld; the raw fact stays

    if TYPE_CHECKING:
        issue_id: int
        grid_id: int
        department_id: int | None

    class Meta:
        verbose_name = _("accountability record")
        verbose_name_plural = _("accountability records")
        constraints = [
            models.CheckConstraint(
                condition=Q(handover__isnull=False, co_handling__isnull=True)
                | Q(handover__isnull=True, co_handling__isnull=False),
                name="lateholding_of_one_holding",
            ),
        ]
        indexes = [
            models.Index(F("late_since").desc(), F("id").desc(), name="lateholding_newest"),
            models.Index("grid", F("late_since").desc(), F("id").desc(), name="lateholding_of_cell"),
            models.Index(
                "department",
                F("late_since").desc(),
                F("id").desc(),
                condition=Q(department__isnull=False),
                name="lateholding_of_department",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id}: {self.department_name or self.place}"

    @property
    def cell_name(self) -> str:
        """What the holding cell was called."""
        return self.place.rsplit(BETWEEN, 1)[-1]
