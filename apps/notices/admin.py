"""Notices for administrators: to be looked at, never written by hand."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from apps.notices.models import Notice

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Notice]
else:
    Base = admin.ModelAdmin  # generic for the type checker only


@admin.register(Notice)
class NoticeAdmin(Base):
    """Who was told what, newest first."""

    list_display = ["sentence", "recipient", "channel", "created_at", "read_at"]
    list_select_related = ["recipient"]
    list_filter = ["channel"]
    search_fields = ["recipient__username", "recipient__name"]
    ordering = ["-id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return False
