"""The daily anchors in the admin: to be looked at."""

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.issues.admin.issues import ReadOnly
from apps.issues.models import DayAnchor

if TYPE_CHECKING:
    AnchorBase = admin.ModelAdmin[DayAnchor]
else:  # Django's classes take no type at run time
    AnchorBase = admin.ModelAdmin


@admin.register(DayAnchor)
class DayAnchorAdmin(ReadOnly, AnchorBase):
    """One line a day; nobody adds, changes or takes one out."""

    list_display = ["day", "events", "issues", "root_text", "made_at"]
    date_hierarchy = "day"
    ordering = ["-day"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["day", "events", "issues", "first_event", "last_event", "root_text", "previous_text", "made_at"]

    @admin.display(description=DayAnchor._meta.get_field("root").verbose_name)
    def root_text(self, anchor: DayAnchor) -> str:
        return " ".join(anchor.root_groups)

    @admin.display(description=DayAnchor._meta.get_field("previous").verbose_name)
    def previous_text(self, anchor: DayAnchor) -> str:
        return " ".join(anchor.previous_groups)
