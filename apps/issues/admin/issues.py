"""Issues in the admin: read-only, and only those that the reader's own posts let them see."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.issues.models import Handover, Issue, IssueEvent
from apps.issues.selectors.numbers import id_in_number
from apps.issues.selectors.queue import MOST_COUNTED
from apps.issues.selectors.visibility import visible_issues
from apps.staff.access import scope_of_request

if TYPE_CHECKING:
    IssueBase = admin.ModelAdmin[Issue]
    HandoverBase = admin.TabularInline[Handover, Issue]
    EventBase = admin.TabularInline[IssueEvent, Issue]
    PaginatorBase = Paginator[Issue]
else:  # Django's classes take no type at run time
    IssueBase = admin.ModelAdmin
    HandoverBase = EventBase = admin.TabularInline
    PaginatorBase = Paginator


class ReadOnly:
    """Issues change by moves alone, history by nothing."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class CappedPaginator(PaginatorBase):
    """Counts to a thousand: an exact count of millions takes seconds, and nobody pages through them."""

    @cached_property
    def count(self) -> int:
        rows: models.QuerySet[Issue] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MOST_COUNTED].count()


class HandoverInline(ReadOnly, HandoverBase):
    """Who held it, and until when they had."""

    model = Handover
    fields = ["kind", "to_grid", "to_department", "instruction", "started_at", "due_at", "signed_at", "ended_at"]
    ordering = ["id"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Handover]":
        return super().get_queryset(request).select_related("to_grid", "to_department")


class EventInline(ReadOnly, EventBase):
    """The history, as it was written."""

    model = IssueEvent
    fields = ["seq", "kind", "actor", "at", "state", "holder_grid", "holder_department", "payload"]
    ordering = ["seq"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[IssueEvent]":
        return super().get_queryset(request).select_related("actor", "holder_grid", "holder_department")


@admin.register(Issue)
class IssueAdmin(ReadOnly, IssueBase):
    """The newest thousand; search for others. Who has no post sees none, an administrator too."""

    list_display = ["number", "category", "grid", "state", "holder", "due_at"]
    list_select_related = ["category", "grid", "holder_grid", "holder_department"]
    list_filter = ["state"]
    search_fields = ["=id", "text"]
    search_help_text = _("The number, or words of the text")
    ordering = ["-id"]
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    exclude = ["client_key", "client_digest"]
    inlines = [HandoverInline, EventInline]

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Issue]":
        return visible_issues(scope_of_request(request))

    @admin.display(description=_("holder"))
    def holder(self, obj: Issue) -> str:
        return str(obj.holder_department or obj.holder_grid)

    def get_search_results(
        self, request: HttpRequest, queryset: "models.QuerySet[Issue]", search_term: str
    ) -> tuple["models.QuerySet[Issue]", bool]:
        """A whole number 20130208-000123 is found too."""
        issue_id = id_in_number(search_term)
        return super().get_search_results(request, queryset, str(issue_id) if issue_id else search_term)
