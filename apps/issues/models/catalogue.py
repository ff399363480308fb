"""What may be reported, to which standard it is handled, and who has the power to: all of it data."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.common.languages import localized
from apps.grids.models import Tier
from apps.issues.deadlines import CountsFrom, RungKind, Unit


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


class EscalationRung(models.Model):
    """One rung of a ladder: what happens when to whoever is silent or late (reference: domain §6, defaults).

    Rows of the same category, tier and purpose make one ladder. The nearest ladder counts, as a whole: of the minor
    class, its class, its field, then of no category; among those, one of the same tier and purpose before a wider one.
    """

    class Kind(models.TextChoices):
        UNSIGNED = RungKind.UNSIGNED.value, pgettext_lazy("rung", "not signed")
        REMIND = RungKind.REMIND.value, pgettext_lazy("rung", "reminder")
        OVERDUE = RungKind.OVERDUE.value, pgettext_lazy("rung", "overdue")
        YELLOW_CARD = RungKind.YELLOW_CARD.value, pgettext_lazy("rung", "yellow card")
        RED_CARD = RungKind.RED_CARD.value, pgettext_lazy("rung", "red card")
        ESCALATE = RungKind.ESCALATE.value, pgettext_lazy("rung", "moves up")

    class CountsFrom(models.TextChoices):
        SHARE = CountsFrom.SHARE.value, pgettext_lazy("rung", "per cent of the limit")
        START = CountsFrom.START.value, pgettext_lazy("rung", "after the start")
        DUE = CountsFrom.DUE.value, pgettext_lazy("rung", "after the due time")

    category = models.ForeignKey(
        Category, models.CASCADE, null=True, blank=True, related_name="rungs", verbose_name=_("category")
    )
    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier.choices, null=True, blank=True)
    purpose = models.CharField(_("purpose"), max_length=10, choices=TierLimit.Purpose.choices, blank=True)
    kind = models.CharField(_("rung"), max_length=12, choices=Kind.choices)
    counts_from = models.CharField(_("counts from"), max_length=5, choices=CountsFrom.choices, default=CountsFrom.SHARE)
    amount = models.DecimalField(_("amount"), max_digits=7, decimal_places=2)
    unit = models.CharField(_("unit"), max_length=12, choices=UnitChoices.choices, blank=True)

    if TYPE_CHECKING:
        category_id: int | None

    class Meta:
        verbose_name = _("rung of a ladder")
        verbose_name_plural = _("rungs of ladders")
        constraints = [
            models.UniqueConstraint(
                fields=["category", "tier", "purpose", "kind"], nulls_distinct=False, name="rung_one_of_a_kind"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="rung_after_the_start"),
            models.CheckConstraint(
                condition=Q(counts_from="share", unit="") | (~Q(counts_from="share") & ~Q(unit="")),
                name="rung_has_a_unit_or_is_a_share",
            ),
            models.CheckConstraint(
                condition=~Q(kind="overdue") | Q(counts_from="share", amount=100), name="rung_overdue_at_the_limit"
            ),
        ]

    def __str__(self) -> str:
        ladder = " · ".join(
            [str(self.category or "*"), self.get_tier_display() if self.tier is not None else "*"]
            + ([self.get_purpose_display()] if self.purpose else [])
        )
        return f"{ladder}: {self.get_kind_display()}"

    def clean(self) -> None:
        """Raise ValidationError for a rung that could not stand where it is put."""
        if self.amount is None or not self.kind or not self.counts_from:
            return  # said of the field already
        if (self.counts_from == self.CountsFrom.SHARE) == bool(self.unit):
            raise ValidationError({"unit": _("Give a unit, unless it is a per cent of the limit.")})
        if self.kind == self.Kind.OVERDUE and (self.counts_from, self.amount) != (self.CountsFrom.SHARE, Decimal(100)):
            raise ValidationError({"amount": _("It is overdue at 100 % of the limit, never at another time.")})
        is_early = self.kind in (self.Kind.UNSIGNED, self.Kind.REMIND)
        if is_early and (self._share >= 100 or self.counts_from == self.CountsFrom.DUE):
            raise ValidationError({"amount": _("This rung comes before the due time.")})
        if self.kind in _LATE_KINDS and (0 < self._share <= 100 or self.counts_from == self.CountsFrom.START):
            raise ValidationError({"amount": _("This rung comes after the due time.")})

    @property
    def _share(self) -> Decimal:
        return Decimal(self.amount) if self.counts_from == self.CountsFrom.SHARE else Decimal(0)


_LATE_KINDS = frozenset({EscalationRung.Kind.YELLOW_CARD, EscalationRung.Kind.RED_CARD, EscalationRung.Kind.ESCALATE})


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
