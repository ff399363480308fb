"""Boundaries: drawn on a map among their neighbours, or pasted as GeoJSON."""

import json
from typing import TYPE_CHECKING, Any

import shapely
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.grids.forms import BoundaryForm
from apps.grids.models import Boundary, Grid
from apps.grids.selectors.maps import Around, outlines_around
from apps.grids.services import set_boundary, tree_lock

if TYPE_CHECKING:
    _BoundaryModelAdmin = admin.ModelAdmin[Boundary]
else:  # Django's classes take no type at run time
    _BoundaryModelAdmin = admin.ModelAdmin


@admin.register(Boundary)
class BoundaryAdmin(_BoundaryModelAdmin):
    """One cell's outline at a time. Never deleted: a closed cell keeps its ground for every question about the past."""

    form = BoundaryForm
    list_display = ["grid", "code", "hectares", "source_crs", "updated_at"]
    list_select_related = ["grid"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["grid__code"]
    search_fields = ["grid__name", "grid__code__startswith", "grid__pinyin__startswith"]
    autocomplete_fields = ["grid"]
    actions = None
    fields = ["grid", "outline", "hectares", "source_crs", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Boundary]:
        """Leave the polygons in the database until one is looked at."""
        return super().get_queryset(request).defer("wkb", "simple_wkb")

    def get_readonly_fields(self, request: HttpRequest, obj: Boundary | None = None) -> list[str]:
        shown = ["hectares", "source_crs", "updated_at"]
        return [*shown, "grid"] if obj else shown

    def has_delete_permission(self, request: HttpRequest, obj: Boundary | None = None) -> bool:
        return False

    @admin.display(description=_("code"), ordering="grid__code")
    def code(self, obj: Boundary) -> str:
        return obj.grid.code

    @admin.display(description=_("area (ha)"), ordering="area_m2")
    def hectares(self, obj: Boundary) -> str:
        return f"{obj.area_m2 / 10_000:,.1f}" if obj.pk else "–"

    def get_urls(self) -> list[URLPattern]:
        """Add the neighbours that the map shows and snaps to."""
        around = path(
            "around/<int:grid_id>/", self.admin_site.admin_view(self.around_view), name="grids_boundary_around"
        )
        return [around, *super().get_urls()]

    def around_view(self, request: HttpRequest, grid_id: int) -> HttpResponse:
        """Answer with the exact outlines of the parent and of the cells around."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        cell = get_object_or_404(Grid, pk=grid_id)
        return JsonResponse({"type": "FeatureCollection", "features": [_feature(it) for it in outlines_around(cell)]})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Check and save under one lock."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        with tree_lock():
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Boundary, form: "ModelForm[Boundary]", change: bool) -> None:
        assert isinstance(form, BoundaryForm)
        if "outline" in form.changed_data:
            set_boundary(cell_id=obj.grid_id, polygon=form.polygon, now=clock.now())
        obj.refresh_from_db()


def _feature(around: Around) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"name": around.name, "role": around.role},
        "geometry": json.loads(shapely.to_geojson(around.outline)),
    }
