"""The working calendar: a day corrected here is never overwritten by later seeding."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.issues.admin.issues import ReadOnly
from apps.issues.models import CalendarDay, CalendarEdit, Issue, WorkingPeriod
from apps.issues.services.calendar import delete_working_periods, edit_calendar_day, save_working_period

if TYPE_CHECKING:
    DayBase = admin.ModelAdmin[CalendarDay]
    PeriodBase = admin.ModelAdmin[WorkingPeriod]
    EditBase = admin.ModelAdmin[CalendarEdit]
else:  # Django's classes take no type at run time
    DayBase = PeriodBase = EditBase = admin.ModelAdmin

SHOWN_DAYS = 5


@admin.register(CalendarDay)
class CalendarDayAdmin(DayBase):
    """Working days, holidays and make-up days 调休."""

    list_display = ["date", "is_working", "name", "source"]
    list_filter = ["is_working", "source"]
    date_hierarchy = "date"
    search_fields = ["name"]
    ordering = ["-date"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["date", "is_working", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarDay | None = None) -> list[str]:
        return ["date"] if obj else []

    def save_model(self, request: HttpRequest, obj: CalendarDay, form: Any, change: bool) -> None:  # noqa: ANN401
        edit_calendar_day(
            day=obj.date, is_working=obj.is_working, name=obj.name, now=clock.now(), actor_id=request.user.pk
        )
        _say_that_clocks_follow(request)

    def has_delete_permission(self, request: HttpRequest, obj: CalendarDay | None = None) -> bool:
        return False


@admin.register(WorkingPeriod)
class WorkingPeriodAdmin(PeriodBase):
    """Hours of the city, and of a district that has its own. Ended by a date, so that old clocks stay explained."""

    list_display = ["start", "end", "district", "valid_from", "valid_to"]
    list_select_related = ["district"]
    autocomplete_fields = ["district"]
    ordering = ["-valid_from", "start"]
    list_per_page = 50
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: WorkingPeriod, form: Any, change: bool) -> None:  # noqa: ANN401
        save_working_period(period=obj, now=clock.now(), actor_id=request.user.pk)
        _say_that_clocks_follow(request)

    def delete_model(self, request: HttpRequest, obj: WorkingPeriod) -> None:
        delete_working_periods(periods=[obj], now=clock.now(), actor_id=request.user.pk)
        _say_that_clocks_follow(request)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[WorkingPeriod]") -> None:
        delete_working_periods(periods=queryset, now=clock.now(), actor_id=request.user.pk)
        _say_that_clocks_follow(request)


@admin.register(CalendarEdit)
class CalendarEditAdmin(ReadOnly, EditBase):
    """Who changed the calendar when, and how many clocks were counted again."""

    list_display = ["edited_at", "edited_by", "first_day", "days_text", "has_new_hours", "recounted", "counted_at"]
    list_select_related = ["edited_by"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["edited_at", "edited_by", "first_day", "days_text", "has_new_hours", "recounted", "counted_at"]

    @admin.display(description=_("days"))
    def days_text(self, edit: CalendarEdit) -> str:
        more = "…" if len(edit.days) > SHOWN_DAYS else ""
        return ", ".join(edit.days[:SHOWN_DAYS]) + more or "—"


def _say_that_clocks_follow(request: HttpRequest) -> None:
    open_edits = CalendarEdit.objects.filter(counted_at=None)
    if open_edits.exists():
        count = Issue.objects.filter(closed_at=None).count()
        sentence = _("Open issues that are looked at now: %(count)d. Their due times follow the calendar.")
        messages.info(request, sentence % {"count": count})
