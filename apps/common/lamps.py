"""What a clock looks like: the lamp's colour and its words. Pure arithmetic on aware datetimes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as translate

REMINDED, OVERDUE = 1, 2


class Lamp(StrEnum):
    """The six looks of a clock; the value is the CSS class after `lamp-`."""

    OK = "ok"
    SOON = "soon"
    LATE = "late"
    GRAVE = "grave"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True)
class Span:
    """A length of time in whole days, hours, minutes."""

    days: int
    hours: int
    minutes: int

    @classmethod
    def between(cls, start: datetime, end: datetime) -> "Span":
        """The length from the earlier to the later of the two, minutes cut off."""
        minutes = int(abs(end - start) / timedelta(minutes=1))
        return cls(minutes // 1440, minutes % 1440 // 60, minutes % 60)


def lamp_of(
    *,
    due_at: datetime | None,
    now: datetime,
    soon_at: datetime | None = None,
    rung: int = 0,
    is_escalated: bool = False,
    is_closed: bool = False,
) -> Lamp:
    """Return the lamp: done, paused (no due time), late, grave (late before, now a rung higher), soon or ok."""
    if is_closed:
        return Lamp.DONE
    if due_at is None:
        return Lamp.PAUSED
    if now >= due_at or rung >= OVERDUE:
        return Lamp.GRAVE if is_escalated else Lamp.LATE
    if is_escalated:
        return Lamp.GRAVE
    if rung >= REMINDED or (soon_at is not None and now >= soon_at):
        return Lamp.SOON
    return Lamp.OK


def clock_words() -> dict[str, str]:
    """The sentences of a running clock, with {d} {h} {m} to fill in; clock.js ticks with the very same ones."""
    return {
        "left-days": translate("{d} d {h} h left"),
        "left-hours": translate("{h} h {m} min left"),
        "left-minutes": translate("{m} min left"),
        "over-days": translate("{d} d {h} h late"),
        "over-hours": translate("{h} h {m} min late"),
        "over-minutes": translate("{m} min late"),
    }


def remaining(due_at: datetime, now: datetime) -> str:
    """Return the time left or over in words: 剩 3 小时 20 分, 超时 2 天 1 小时."""
    span = Span.between(now, due_at)
    side = "left" if now < due_at else "over"
    unit = "days" if span.days else "hours" if span.hours else "minutes"
    return clock_words()[f"{side}-{unit}"].format(d=span.days, h=span.hours, m=span.minutes)


def until(due_at: datetime, now: datetime) -> str:
    """Return the due time as people say it: 今天 18:00, 明天 9:00, 11月26日 9:00."""
    local, today = timezone.localtime(due_at), timezone.localtime(now).date()
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return translate("today {time}").format(time=clock)
    if local.date() == today + timedelta(days=1):
        return translate("tomorrow {time}").format(time=clock)
    day = date_format(local, "MONTH_DAY_FORMAT" if local.year == today.year else "DATE_FORMAT")
    return f"{day} {clock}"
