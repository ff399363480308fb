"""What may be reported, to which standard it is handled, and who has the power to: all of it data."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.languages import localized
from apps.grids.models import Tier
from apps.issues.deadlines import Unit


class UnitChoices(models.TextChoices):
    """The four clocks of apps.issues.deadlines.Unit, for forms (reference: domain §2.6)."""

    URGENT_HOUR = Unit.URGENT_HOUR.value, _("urgent hour")
    WORK_HOUR = Unit.WORK_HOUR.value, _("work hour")
    WORK_DAY = Unit.WORK_DAY.value, _("work day")
    CALENDAR_DAY = Unit.CALENDAR_DAY.value, _("calendar day")


class Category(models.Model):
    """A field 领域, class 大类 or minor class 小类 of issues. Reports carry a minor class."""

    class Level(models.IntegerChoices):
        FIELD = 1, pgettext_lazy("category", "field")
        CLASS = 2, pgettext_lazy("category", "class")
        MINOR = 3, pgettext_lazy("category", "minor class")

    code = models.CharField(_("code"), max_length=12, unique=True)
    level = models.PositiveSmallIntegerField(_("level"), choices=Level.choices)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=100, blank=True)
    sentence = models.CharField(_("caption sentence"), max_length=120, blank=True)  # 有建筑垃圾未清运
    sentence_en = models.CharField(_("English caption sentence"), max_length=200, blank=True)
    icon = models.CharField(_("icon"), max_length=40, blank=True)
    is_grave = models.BooleanField(_("grave: to the city at once"), default=False)
    is_active = models.BooleanField(_("in use"), default=True)
    order = models.PositiveIntegerField(_("order"), default=0)

    if TYPE_CHECKING:
        parent_id: int | None

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["order", "code"]

    def __str__(self) -> str:
        return localized(self.name, self.name_en)

    @property
    def caption(self) -> str:
        """The sentence that stands for an empty text, in the reader's language."""
        return localized(self.sentence or self.name, self.sentence_en or self.name_en)


class Standard(models.Model):
    """One triple of a minor class: when to register, when to conclude, within what limit (reference: domain §2.6)."""

    category = models.ForeignKey(Category, models.CASCADE, related_name="standards", verbose_name=_("category"))
    registering = models.CharField(_("registering condition"), max_length=300)
    concluding = models.CharField(_("concluding condition"), max_length=300)
    limit_amount = models.DecimalField(_("limit"), max_digits=7, decimal_places=2)
    limit_unit = models.CharField(_("unit"), max_length=12, choices=UnitChoices.choices)
    is_default = models.BooleanField(_("applies unless another is chosen"), default=True)

    class Meta:
        verbose_name = _("standard")
        verbose_name_plural = _("standards")
        constraints = [
            models.UniqueConstraint(
                fields=["category"], condition=Q(is_default=True), name="standard_one_default_per_category"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.limit_amount} {self.get_limit_unit_display()}"


class TierLimit(models.Model):
    """How long a tier may hold an issue where no standard says otherwise (reference: domain §6, defaults)."""

    class Purpose(models.TextChoices):
        DISPATCH = "dispatch", _("sign and pass on")
        HANDLE = "handle", _("handle")
        CHECK = "check", _("check and conclude")

    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier.choices)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    limit_amount = models.DecimalField(_("limit"), max_digits=7, decimal_places=2)
    limit_unit = models.CharField(_("unit"), max_length=12, choices=UnitChoices.choices)

    class Meta:
        verbose_name = _("limit of a tier")
        verbose_name_plural = _("limits of tiers")
        constraints = [models.UniqueConstraint(fields=["tier", "purpose"], name="tierlimit_one_per_purpose")]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} · {self.get_purpose_display()}"


class Power(models.Model):
    """Category × tier: may this tier handle it itself, and which kind of department does it pass it to?

    The nearest row counts: minor class, then class, then field, then the row without category. In a cell of level 1
    to 3 the department's seconded staff come first; a platform passes it on, or, with `assigns_directly`, at once.
    """

    category = models.ForeignKey(
        Category, models.CASCADE, null=True, blank=True, related_name="powers", verbose_name=_("category")
    )
    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier.choices)
    may_handle = models.BooleanField(_("may handle"))
    department_kind = models.CharField(_("kind of department"), max_length=30, blank=True)
    assigns_directly = models.BooleanField(_("the department gets it at once"), default=False)

    if TYPE_CHECKING:
        category_id: int | None

    class Meta:
        verbose_name = _("power")
        verbose_name_plural = _("powers")
        constraints = [
            models.UniqueConstraint(
                fields=["category", "tier"], nulls_distinct=False, name="power_one_per_category_and_tier"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category or '*'} · {self.get_tier_display()}"
