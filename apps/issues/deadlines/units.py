"""The four units of a time limit, the limit itself, and what cannot be counted."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

HOUR = 3_600_000_000  # microseconds
LONGEST = 3660  # days of the unit's own clock: calendar days, or work days


class CannotCount(ValueError):
    """Base of every refusal here. `str()` is a sentence for a person, in the active language."""

    sentence: str | Promise = _("This time limit cannot be counted.")

    def __str__(self) -> str:
        return str(self.sentence)


class BadLimit(CannotCount):
    """The amount is not a number, not above zero, or more than 3,660 (work) days."""

    sentence = _("A time limit must be more than zero and at most ten years.")


class BadSpan(CannotCount):
    """A working period that ends before it starts, in hours or in dates."""

    sentence = _("A working period must end after it starts.")


class OutOfRange(CannotCount):
    """The moment lies before 1900 or after 2199."""

    sentence = _("Only times from 1900 to 2199 can be counted.")


class NoWorkingTime(CannotCount):
    """The calendar offers too little working time for the limit in the next 60 years."""

    sentence = _("The calendar has too little working time for this limit.")


class Unit(StrEnum):
    """The clock a limit runs on."""

    URGENT_HOUR = "urgenthour"
    WORK_HOUR = "workhour"
    WORK_DAY = "workday"
    CALENDAR_DAY = "calendarday"

    @property
    def is_continuous(self) -> bool:
        """Whether nights, weekends and holidays count too."""
        return self in (Unit.URGENT_HOUR, Unit.CALENDAR_DAY)

    @property
    def label(self) -> Promise:
        return _LABELS[self]


MICROS = {
    Unit.URGENT_HOUR: HOUR,
    Unit.WORK_HOUR: HOUR,
    Unit.WORK_DAY: 8 * HOUR,
    Unit.CALENDAR_DAY: 24 * HOUR,
}
_LABELS = {
    Unit.URGENT_HOUR: _("urgent hour"),
    Unit.WORK_HOUR: _("work hour"),
    Unit.WORK_DAY: _("work day"),
    Unit.CALENDAR_DAY: _("calendar day"),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """So much time on one of the four clocks, e.g. `Limit(Decimal(4), Unit.WORK_HOUR)`."""

    amount: Decimal
    unit: Unit

    def __post_init__(self) -> None:
        """Raise `BadLimit` for an amount that no clock can run."""
        day = Unit.CALENDAR_DAY if self.unit.is_continuous else Unit.WORK_DAY
        if not self.amount.is_finite() or not 0 < self.amount * MICROS[self.unit] <= LONGEST * MICROS[day]:
            raise BadLimit

    @property
    def span(self) -> timedelta:
        """The limit as time on its own clock: a work day is 8 hours, a calendar day 24."""
        return timedelta(microseconds=self.micros)

    @property
    def micros(self) -> int:
        return max(1, round(self.amount * MICROS[self.unit]))
