"""What a page may ask a list for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import State
from apps.issues.selectors.accountability import Wanted
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.queue import LONGEST_SEARCH, Filters


class ListForm(forms.Form):
    """The filters of `/issues.csv`, all optional; the same words as in the API."""

    state = forms.ChoiceField(choices=[("", ""), *State.choices], required=False)
    district = forms.CharField(max_length=15, required=False)
    category = forms.CharField(max_length=12, required=False)
    overdue = forms.NullBooleanField(required=False)
    q = forms.CharField(max_length=LONGEST_SEARCH, required=False)

    def clean_district(self) -> int | None:
        """The district's id."""
        code = self.cleaned_data["district"]
        cell = tree().by_code(code)
        if code and (cell is None or cell.tier != Tier.DISTRICT):
            raise forms.ValidationError("", code="unknown")
        return cell.id if cell else None

    def clean_category(self) -> int | None:
        """The category's id."""
        code = self.cleaned_data["category"]
        category = catalogue().by_code.get(code)
        if code and category is None:
            raise forms.ValidationError("", code="unknown")
        return category.id if category else None

    def filters(self) -> Filters:
        """What was asked; call after is_valid."""
        asked: dict[str, Any] = self.cleaned_data
        return Filters(
            state=State(asked["state"]) if asked["state"] else None,
            grid_id=asked["district"],
            category_id=asked["category"],
            is_overdue=asked["overdue"],
            words=asked["q"],
        )


class RecordsForm(forms.Form):
    """The filters of the accountability records, all optional."""

    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    cell = forms.CharField(max_length=15, required=False)
    excused = forms.NullBooleanField(required=False)

    def clean_cell(self) -> int | None:
        """The cell's id."""
        code = self.cleaned_data["cell"].strip()
        cell = tree().by_code(code)
        if code and cell is None:
            raise forms.ValidationError(_("There is no cell with this code."), code="unknown")
        return cell.id if cell else None

    def wanted(self) -> Wanted:
        """What was asked; what cannot be read is not asked."""
        asked: dict[str, Any] = self.cleaned_data if self.is_bound else {}
        return Wanted(asked.get("since"), asked.get("until"), asked.get("cell"), asked.get("excused"))
