"""Joint handling 联合办理: departments that help the holder, each with a clock of its own."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.issues.models.catalogue import UnitChoices
from apps.issues.models.issue import Issue
from apps.staff.models import Department


class CoHandling(models.Model):
    """One department's part 协办 in an issue that another one handles 主办. It never moves the issue.

    Open while `ended_at` is empty. It ends with the co-handler's result, or when the holder it helps changes.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="co_handlings", verbose_name=_("issue"))
    department = models.ForeignKey(
        Department, models.PROTECT, related_name="+", db_index=False, verbose_name=_("department")
    )
    instruction = models.TextField(_("instruction"), blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    started_at = models.DateTimeField(_("started"))
    limit_amount = models.DecimalField(_("limit"), max_digits=7, decimal_places=2)
    limit_unit = models.CharField(_("unit"), max_length=12, choices=UnitChoices.choices)
    due_at = models.DateTimeField(_("due"))
    is_overdue = models.BooleanField(_("overdue"), default=False)
    is_on_record = models.BooleanField(_("on record"), default=False, db_default=False)
    ended_at = models.DateTimeField(_("ended"), null=True)
    outcome = models.CharField(_("outcome"), max_length=20, blank=True)  # the kind of the event that ended it
    result = models.TextField(_("result"), blank=True)

    if TYPE_CHECKING:
        issue_id: int
        department_id: int

    class Meta:
        verbose_name = _("joint handling")
        verbose_name_plural = _("joint handlings")
        constraints = [
            models.UniqueConstraint(
                fields=["issue", "department"], condition=Q(ended_at=None), name="cohandling_once_at_a_time"
            ),
            models.CheckConstraint(condition=Q(due_at__gte=F("started_at")), name="cohandling_clock_runs_forward"),
        ]
        indexes = [
            models.Index(fields=["department", "issue"], name="cohandling_department_issue"),
            models.Index(fields=["due_at", "id"], condition=Q(ended_at=None, is_overdue=False), name="cohandling_due"),
            models.Index(fields=["id"], condition=Q(is_overdue=True, is_on_record=False), name="cohandling_to_record"),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id}: {self.department}"
