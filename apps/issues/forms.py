"""What a page may ask a list for."""

from typing import Any

from django import forms

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import State
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
