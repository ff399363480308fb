"""When a report is taken for one that is there already: data per category; and who said that it is."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.issues.models.catalogue import Category
from apps.issues.models.issue import Issue


class DuplicateRule(models.Model):
    """How near and how recent a report of the same minor class is for a probable duplicate (reference: domain §2.6).

    The nearest row counts: minor class, then class, then field, then the row without category. One that is switched
    off switches the hint off for what lies below it; without any row nothing is hinted at.
    """

    category = models.ForeignKey(
        Category, models.CASCADE, null=True, blank=True, related_name="duplicate_rules", verbose_name=_("category")
    )
    radius_m = models.PositiveIntegerField(_("radius (m)"))
    window_hours = models.PositiveIntegerField(_("window (hours)"))
    is_active = models.BooleanField(_("in use"), default=True)

    if TYPE_CHECKING:
        category_id: int | None

    class Meta:
        verbose_name = _("rule for duplicates")
        verbose_name_plural = _("rules for duplicates")
        constraints = [
            models.UniqueConstraint(fields=["category"], nulls_distinct=False, name="duplicaterule_one_per_category"),
            models.CheckConstraint(
                condition=Q(radius_m__range=(1, 2000), window_hours__range=(1, 720)), name="duplicaterule_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category or '*'}: {self.radius_m} m, {self.window_hours} h"


class Support(models.Model):
    """Somebody saw the same 我也遇到: instead of a second report there is one supporter more.

    It gives no right to see the issue: who supports hears how it ends, and no more (docs/adr/0020).
    """

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="supports", db_index=False, verbose_name=_("issue"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="supports", db_index=False, verbose_name=_("supporter")
    )
    created_at = models.DateTimeField(_("since"))

    if TYPE_CHECKING:
        issue_id: int
        user_id: int

    class Meta:
        verbose_name = _("support")
        verbose_name_plural = _("supports")
        constraints = [models.UniqueConstraint(fields=["issue", "user"], name="support_once_each")]
        indexes = [models.Index(F("user"), F("id").desc(), name="support_newest")]

    def __str__(self) -> str:
        return f"{self.issue_id}: {self.user_id}"
