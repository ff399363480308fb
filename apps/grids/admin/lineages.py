"""What became of cells: to be read, never written by hand."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from apps.grids.models import Lineage

if TYPE_CHECKING:
    _LineageModelAdmin = admin.ModelAdmin[Lineage]
else:  # Django's classes take no type at run time
    _LineageModelAdmin = admin.ModelAdmin


@admin.register(Lineage)
class LineageAdmin(_LineageModelAdmin):
    """Rows are written by the services that move, split and merge cells."""

    list_display = ["happened_at", "kind", "old", "new", "parent_before", "parent_after", "share"]
    list_select_related = ["old", "new", "parent_before", "parent_after"]
    list_filter = ["kind"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-id"]
    search_fields = ["old__name", "old__code__startswith", "new__name", "new__code__startswith"]
    autocomplete_fields = ["old", "new", "parent_before", "parent_after"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Lineage | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Lineage | None = None) -> bool:
        return False
