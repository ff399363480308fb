"""When a report is taken for one that is there already: data per category."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.issues.models.catalogue import Category


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
