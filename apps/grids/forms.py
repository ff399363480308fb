"""Forms of the tree: they ask the services' own checks, and turn a refusal into a message at the form."""

import json
from typing import TYPE_CHECKING, Any

import shapely
from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import BaseRenderer
from django.forms.widgets import Script
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from shapely.geometry.base import BaseGeometry

from apps.common import clock
from apps.grids.models import Boundary, Grid
from apps.grids.outlines import BadOutline, outline_from_geojson
from apps.grids.refusals import NoSuchCell, NotToday, TreeRefused
from apps.grids.services.boundaries import check_boundaries
from apps.grids.services.cells import check_close, check_move, check_new_cell, checked_name

if TYPE_CHECKING:
    _CellModelForm = forms.ModelForm[Grid]
    _BoundaryModelForm = forms.ModelForm[Boundary]
else:  # Django's classes take no type at run time
    _CellModelForm = _BoundaryModelForm = forms.ModelForm


class CellForm(_CellModelForm):
    """A cell, new or known. To be cleaned and saved under one and the same tree lock."""

    heir = forms.ModelChoiceField(
        label=_("Goes on as"),
        queryset=Grid.objects.none(),
        required=False,
        help_text=_("The cell beside it that takes its ground when it is closed."),
    )

    class Meta:
        model = Grid
        fields = ["code", "name", "tier", "parent", "is_local_code", "valid_from", "valid_to"]
        help_texts = {"valid_to": _("Closes the cell for good. Closing counts from today; no other day can be given.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cell = self.instance
        if cell.pk:
            beside = Grid.objects.filter(tier=cell.tier, parent=cell.parent_id, valid_to=None).exclude(pk=cell.pk)
            heir = self.fields["heir"]
            assert isinstance(heir, forms.ModelChoiceField)
            heir.queryset = beside.order_by("code")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self._ask(cleaned)
            except TreeRefused as refusal:
                raise ValidationError(str(refusal)) from refusal
        return cleaned

    def _ask(self, cleaned: dict[str, Any]) -> None:
        if self.instance._state.adding:
            check_new_cell(
                code=cleaned["code"], name=cleaned["name"], tier=cleaned["tier"], parent=cleaned.get("parent")
            )
            return
        cell = Grid.objects.get(pk=self.instance.pk)
        if cell.valid_to is not None:
            raise NoSuchCell
        checked_name(cleaned["name"])
        if "parent" in self.changed_data:
            check_move(cell=cell, parent=cleaned["parent"])
            cell.parent = cleaned["parent"]  # it is moved before it is closed
        if cleaned.get("valid_to") or cleaned.get("heir"):
            now = clock.now()
            if cleaned.get("valid_to") != timezone.localdate(now):
                raise NotToday(today=timezone.localdate(now))
            check_close(cell=cell, heir=cleaned.get("heir"), now=now)

    def validate_constraints(self) -> None:
        """Leave the constraints to the checks above, which name them in words; the database holds them anyway."""


class OutlineWidget(forms.Textarea):
    """GeoJSON in a text field, and above it a map to draw it on; without JavaScript the text field remains."""

    around = ""

    def render(
        self, name: str, value: object, attrs: dict[str, Any] | None = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        text = super().render(name, value, attrs, renderer)
        words = {
            "draw": _("Draw the boundary"),
            "redraw": _("Draw it anew"),
            "help": _("Drag the corners. A corner dropped near a neighbour's takes its place."),
        }
        labels = json.dumps({key: str(word) for key, word in words.items()}, ensure_ascii=False)
        return format_html(
            '<div class="outline-editor" data-around="{}" data-words="{}">{}</div>', self.around, labels, text
        )

    class Media:
        css = {"all": ["leaflet/leaflet.css", "leaflet/draw/leaflet.draw.css", "app/outline.css"]}
        js = ["leaflet/leaflet.js", "leaflet/draw/leaflet.draw.js", Script("app/outline.js", type="module")]


class BoundaryForm(_BoundaryModelForm):
    """A cell's outline as GeoJSON, WGS-84. To be cleaned and saved under one and the same tree lock."""

    outline = forms.CharField(
        label=_("outline (GeoJSON, WGS-84)"),
        widget=OutlineWidget(attrs={"rows": 6, "cols": 80, "spellcheck": "false"}),
    )
    polygon: BaseGeometry

    class Meta:
        model = Boundary
        fields = ["grid"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            shape = shapely.from_wkb(bytes(self.instance.wkb))
            self.fields["outline"].initial = json.dumps(shapely.geometry.mapping(shape))
        grid_id = self.instance.pk or self.initial.get("grid")
        if grid_id and str(grid_id).isdigit():
            widget = self.fields["outline"].widget
            assert isinstance(widget, OutlineWidget)
            widget.around = reverse("admin:grids_boundary_around", args=[grid_id])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        grid_id = self.instance.pk or (cleaned["grid"].pk if cleaned.get("grid") else None)
        if grid_id is None or "outline" not in cleaned:
            return cleaned
        try:
            self.polygon = outline_from_geojson(json.loads(cleaned["outline"]))
            check_boundaries(polygons={grid_id: self.polygon})
        except (ValueError, RecursionError) as trouble:
            raise ValidationError({"outline": _("This is not JSON.")}) from trouble
        except (BadOutline, TreeRefused) as refusal:
            raise ValidationError({"outline": str(refusal)}) from refusal
        return cleaned
