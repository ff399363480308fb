"""The working calendar: a day corrected here is never overwritten by later seeding."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from apps.issues.models import CalendarDay, WorkingPeriod
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.services.calendar import edit_calendar_day

if TYPE_CHECKING:
    DayBase = admin.ModelAdmin[CalendarDay]
    PeriodBase = admin.ModelAdmin[WorkingPeriod]
else:  # Django's classes take no type at run time
    DayBase = PeriodBase = admin.ModelAdmin


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
        edit_calendar_day(day=obj.date, is_working=obj.is_working, name=obj.name)

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
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_calendars)

    def delete_model(self, request: HttpRequest, obj: WorkingPeriod) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(forget_calendars)
