"""What may be reported, to which standard, and who has the power: data of the city, felt everywhere within 5 s."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.issues.admin.kinds import KindSelect
from apps.issues.models import Category, DuplicateRule, EscalationRung, Power, Standard, TierLimit
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.rules import power_faults

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
    StandardBase = admin.TabularInline[Standard, Category]
    PowerBase = admin.TabularInline[Power, Category]
    PowerFormBase = forms.ModelForm[Power]
    RungFormBase = forms.ModelForm[EscalationRung]
else:  # Django's classes take no type at run time
    Base = admin.ModelAdmin
    StandardBase = PowerBase = admin.TabularInline
    PowerFormBase = RungFormBase = forms.ModelForm


class CatalogueAdmin(Base):
    """Makes this process read the catalogue again after a change."""

    list_per_page = 50
    show_full_result_count = False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: ANN401
        """Comes last of all writes, with and without inlines."""
        super().save_related(request, form, formsets, change)
        transaction.on_commit(forget_catalogue)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(forget_catalogue)

    def delete_queryset(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(forget_catalogue)


class StandardInline(StandardBase):
    """One row per standard; the default one gives the limit."""

    model = Standard
    extra = 0


class PowerForm(PowerFormBase):
    """Says why a row could not be followed, before it is kept."""

    class Meta:
        model = Power
        fields = ["category", "tier", "may_handle", "department_kind", "assigns_directly"]
        widgets = {"department_kind": KindSelect}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook: here the row is as it would be kept
        for fault in power_faults(self.instance) if not self.errors else []:
            self.add_error(fault.field_name, str(fault))


class PowerInline(PowerBase):
    """Which tier may handle it."""

    form = PowerForm
    model = Power
    extra = 0


@admin.register(Category)
class CategoryAdmin(CatalogueAdmin):
    """Fields, classes and minor classes. What issues carry cannot be deleted; switch it off instead."""

    list_display = ["code", "name", "name_en", "level", "parent", "is_grave", "is_active"]
    list_select_related = ["parent"]
    list_filter = ["level", "is_active", "is_grave"]
    search_fields = ["code__startswith", "name", "name_en"]
    autocomplete_fields = ["parent"]
    ordering = ["order", "code"]
    inlines = [StandardInline, PowerInline]


@admin.register(Power)
class PowerAdmin(CatalogueAdmin):
    """Category × tier; the row without category counts where no other does."""

    form = PowerForm
    list_display = ["category", "tier", "may_handle", "department_kind", "assigns_directly"]
    list_select_related = ["category"]
    list_filter = ["tier", "may_handle", "department_kind"]
    search_fields = ["category__name", "category__code__startswith"]
    autocomplete_fields = ["category"]
    ordering = ["category__code", "tier"]


@admin.register(TierLimit)
class TierLimitAdmin(CatalogueAdmin):
    """How long a tier may hold an issue where no standard says otherwise."""

    list_display = ["tier", "purpose", "limit_amount", "limit_unit"]
    list_display_links = ["tier", "purpose"]
    list_filter = ["tier", "purpose"]
    ordering = ["tier", "purpose"]


@admin.register(DuplicateRule)
class DuplicateRuleAdmin(CatalogueAdmin):
    """How near and how recent a report is for a probable duplicate; the nearest row by category counts."""

    list_display = ["__str__", "category", "radius_m", "window_hours", "is_active"]
    list_select_related = ["category"]
    list_filter = ["is_active"]
    search_fields = ["category__name", "category__code__startswith"]
    autocomplete_fields = ["category"]
    ordering = ["category__code"]


class RungForm(RungFormBase):
    """A ladder has exactly one overdue rung: it is the first to be made, and the last to go."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        values = cleaned or {}
        if self.errors or values.get("kind") == EscalationRung.Kind.OVERDUE:
            return cleaned
        if not ladder_of(values["category"], values["tier"], values["purpose"]).filter(kind="overdue").exists():
            raise ValidationError(_("Begin this ladder with its rung “overdue”, at 100 % of the limit."))
        return cleaned


def ladder_of(category: Category | None, tier: int | None, purpose: str) -> "models.QuerySet[EscalationRung]":
    """The rows that make one ladder."""
    return EscalationRung.objects.filter(category=category, tier=tier, purpose=purpose)


@admin.register(EscalationRung)
class EscalationRungAdmin(CatalogueAdmin):
    """What happens when to whoever is silent or late; the nearest ladder counts as a whole."""

    form = RungForm
    list_display = ["kind", "category", "tier", "purpose", "counts_from", "amount", "unit"]
    list_select_related = ["category"]
    list_filter = ["kind", "tier", "purpose"]
    search_fields = ["category__name", "category__code__startswith"]
    autocomplete_fields = ["category"]
    ordering = ["category__code", "tier", "purpose", "id"]

    def has_delete_permission(self, request: HttpRequest, obj: EscalationRung | None = None) -> bool:
        if obj is not None and obj.kind == EscalationRung.Kind.OVERDUE:
            others = ladder_of(obj.category, obj.tier, obj.purpose).exclude(id=obj.id)
            return super().has_delete_permission(request, obj) and not others.exists()
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Many at once would not be asked for their overdue rung."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_readonly_fields(self, request: HttpRequest, obj: EscalationRung | None = None) -> list[str]:
        """The overdue rung of a ladder stays where it is."""
        is_overdue = obj is not None and obj.kind == EscalationRung.Kind.OVERDUE
        return ["category", "tier", "purpose", "kind", "counts_from", "amount", "unit"] if is_overdue else []
