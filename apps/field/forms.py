"""The report as the phone sends it: shapes only. Where it belongs is asked in selectors.places, filing in issues."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.field.selectors.kinds import kind_of
from apps.field.selectors.places import LONGEST_QUERY, Position

LONGEST_TEXT = 2000
LONGEST_KEY = 64
KEY_PATTERN = r"^[A-Za-z0-9-]{8,64}$"
DAMAGED = _("The form was damaged on the way; please send it again.")
KEY_ERRORS = dict.fromkeys(("required", "invalid", "max_length"), DAMAGED)
NOT_A_PLACE = _("The position could not be read; choose the cell instead.")


class ReportForm(forms.Form):
    """One report. Hidden fields never stand in the way: a position that makes no sense is dropped with a sentence."""

    key = forms.RegexField(
        KEY_PATTERN,
        max_length=LONGEST_KEY,
        error_messages=dict.fromkeys(("required", "invalid", "max_length"), DAMAGED),
    )
    category = forms.CharField(
        max_length=12, error_messages={"required": _("Choose what it is."), "max_length": _("Choose what it is.")}
    )
    text = forms.CharField(
        label=_("What do you see?"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3, "enterkeyhint": "done"}),
    )
    lon = forms.FloatField(required=False, error_messages={"invalid": NOT_A_PLACE})
    lat = forms.FloatField(required=False, error_messages={"invalid": NOT_A_PLACE})
    accuracy = forms.FloatField(required=False, error_messages={"invalid": NOT_A_PLACE})
    grid = forms.CharField(required=False, max_length=20)
    is_urgent = forms.BooleanField(required=False)
    is_solved = forms.BooleanField(required=False)
    result = forms.CharField(
        label=_("How was it solved?"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_category(self) -> str:
        """A minor class in use."""
        code: str = self.cleaned_data["category"]
        if kind_of(code) is None:
            raise forms.ValidationError(_("This kind is not in use any more; choose another one."))
        return code

    def clean(self) -> dict[str, Any]:
        """Solved on the spot needs a word on how."""
        if self.cleaned_data.get("is_solved") and not self.cleaned_data.get("result") and "result" not in self.errors:
            self.add_error("result", _("Say in a few words how it was solved."))
        return self.cleaned_data

    def position(self) -> Position | None:
        """The phone's position, if it sent one."""
        lon, lat = self.cleaned_data.get("lon"), self.cleaned_data.get("lat")
        if lon is None or lat is None:
            return None
        accuracy = self.cleaned_data.get("accuracy")
        return Position(lon, lat, accuracy if accuracy is not None and accuracy >= 0 else None)

    def fields_sent(self) -> dict[str, str]:
        """The fields as text, to be kept and shown again."""
        return {name: self.data[name] for name in self.fields if name in self.data}

    @property
    def summary(self) -> list[tuple[str, str]]:
        """(anchor, sentence) of every error; the position's errors point at the cell."""
        anchors = {"lon": "grid", "lat": "grid", "accuracy": "grid", "key": "report", "__all__": "photos"}
        return [(anchors.get(name, name), str(errors[0])) for name, errors in self.errors.items()]

    def drop_position(self) -> None:
        """Show the form again without the position that could not be read."""
        self.data = {name: value for name, value in _plain(self.data).items() if name not in ("lon", "lat", "accuracy")}


class CellForm(forms.Form):
    """The cell chosen in the question."""

    grid = forms.CharField(max_length=20)


class SameForm(forms.Form):
    """Which of the reports shown it is; empty: none of them."""

    same = forms.CharField(required=False, max_length=64)


class OlderForm(forms.Form):
    """Where a further page begins."""

    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class SearchForm(forms.Form):
    """Words to search cells by."""

    q = forms.CharField(required=False, max_length=LONGEST_QUERY)


class PointForm(forms.Form):
    """A position alone."""

    lon = forms.FloatField()
    lat = forms.FloatField()


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in data}
