"""The city's working time: which days work, and from when to when."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.grids.models import Grid


class CalendarDay(models.Model):
    """One known day: working or not. Holidays and make-up working days 调休 alike."""

    class Source(models.TextChoices):
        SEED = "seed", _("State Council notice")
        EDITED = "edited", _("edited here")

    date = models.DateField(_("day"), primary_key=True)
    is_working = models.BooleanField(_("working day"))
    name = models.CharField(_("name"), max_length=60, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices, default=Source.EDITED)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")

    def __str__(self) -> str:
        return self.date.isoformat()


class WorkingPeriod(models.Model):
    """A dated span of working hours; rows of a district replace the city's while they are valid."""

    district = models.ForeignKey(
        Grid, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("district")
    )
    start = models.TimeField(_("from"))
    end = models.TimeField(_("to"))
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    if TYPE_CHECKING:
        district_id: int | None

    class Meta:
        verbose_name = _("working period")
        verbose_name_plural = _("working periods")
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="workingperiod_ends_after_start")]

    def __str__(self) -> str:
        return f"{self.start:%H:%M}–{self.end:%H:%M}"


class CalendarEdit(models.Model):
    """One change of the calendar: what it was before, and how far the running clocks have been counted again.

    `before`: {"days": {date: works}, the days that then differed from Monday to Friday; "periods": rows as
    [district, start, end, valid from, valid to]}. Open while `counted_at` is empty.
    """

    edited_at = models.DateTimeField(_("changed"))
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("changed by"),
    )
    first_day = models.DateField(_("first day concerned"))
    days = models.JSONField(_("days"), default=list)  # those that changed, as text; the first hundred
    has_new_hours = models.BooleanField(_("hours changed"), default=False)
    before = models.JSONField(_("before"))
    reached = models.BigIntegerField(_("counted up to issue"), default=0)
    recounted = models.PositiveIntegerField(_("clocks counted again"), default=0)
    counted_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta:
        verbose_name = _("change of the calendar")
        verbose_name_plural = _("changes of the calendar")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.edited_at:%Y-%m-%d}"
