"""`manage.py due 2013-02-08T17:00 4 workhour`: when is it due, and why then?"""

from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from django.utils import translation
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from apps.issues.deadlines import CannotCount, Limit, OutOfRange, Unit, WorkCalendar, explain
from apps.issues.selectors.arithmetic import line, warnings
from apps.issues.selectors.calendar import day_names, work_calendar
from apps.issues.services.calendar import PUBLISHED_YEARS, published_days

LANGUAGES = {"zh": "zh-hans", "zh-hans": "zh-hans", "en": "en"}
EXAMPLE = "manage.py due 2013-02-08T17:00 4 workhour"


@dataclass(frozen=True)
class Sources:
    """The calendar, the names of its special days, and whether it came from the table."""

    calendar: WorkCalendar
    names: dict[date, str]
    is_stored: bool


class Command(BaseCommand):
    """Prints one line per day and, last, the due time in ISO form with its offset. Writes nothing."""

    help = "Print when a time limit is due and the arithmetic behind it; local time."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        # Optional for argparse, which would answer a missing word in its own tongue and with exit 2.
        parser.add_argument("start", nargs="?", default="", help="local time, e.g. 2013-02-08T17:00")
        parser.add_argument("amount", nargs="?", default="", help="e.g. 4 or 1.5")
        parser.add_argument("unit", nargs="?", default="", help=", ".join(Unit))
        parser.add_argument("--lang", default="", help="zh or en")

    def handle(self, *, start: str, amount: str, unit: str, lang: str, **_options: object) -> None:
        language = LANGUAGES.get(lang.lower()) if lang else translation.get_language()
        with translation.override(language):
            if lang and language is None:
                raise CommandError(_("Language %(given)s is not spoken here: zh or en.") % {"given": lang})
            try:
                self.print_sum(read_start(start), read_limit(amount, unit))
            except CannotCount as refusal:
                raise CommandError(str(refusal)) from refusal

    def print_sum(self, start: datetime, limit: Limit) -> None:
        sources = read_calendar()
        steps = explain(start, limit, sources.calendar)
        names = sources.names | (day_names(steps[0].day, steps[-1].day) if sources.is_stored else {})
        self.stdout.write(
            _("From %(start)s, %(weekday)s: %(amount)s × %(unit)s")
            % {
                "start": f"{start:%Y-%m-%d %H:%M}",
                "weekday": WEEKDAYS[start.weekday()],
                "amount": f"{limit.amount:f}",
                "unit": limit.unit.label,
            }
        )
        for step in steps:
            self.stdout.write(line(step, names.get(step.day, "")))
        for warning in warnings(steps, limit.unit, is_stored=sources.is_stored):
            self.stdout.write(self.style.WARNING(warning))
        self.stdout.write(_("Due:"))
        self.stdout.write(steps[-1].spans[-1][1].isoformat())


def read_start(text: str) -> datetime:
    """A local time, or any time with an offset, as local time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        sentence = _("“%(given)s” is not a time. Write it like this: %(example)s")
        raise CommandError(sentence % {"given": text, "example": EXAMPLE}) from error
    zone = ZoneInfo(settings.TIME_ZONE)
    try:
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except OverflowError as error:
        raise OutOfRange from error


def read_limit(amount: str, unit: str) -> Limit:
    """The limit; raises BadLimit for an amount no clock can run."""
    if unit not in list(Unit):
        raise CommandError(
            _("“%(given)s” is not a unit: use one of %(units)s.") % {"given": unit, "units": ", ".join(Unit)}
        )
    try:
        number = Decimal(amount)
    except InvalidOperation as error:
        raise CommandError(_("“%(given)s” is not a number.") % {"given": amount}) from error
    return Limit(number, Unit(unit))


def read_calendar() -> Sources:
    """The stored calendar; the published one while nothing is stored yet (no rows, or no table at all)."""
    try:
        calendar = work_calendar(None)
    except ProgrammingError:
        calendar = WorkCalendar({})
    if calendar.days:
        return Sources(calendar, {}, is_stored=True)
    days = list(published_days(first_year=PUBLISHED_YEARS[0], last_year=PUBLISHED_YEARS[1]))
    calendar = WorkCalendar({day.date: day.is_working for day in days}, calendar.spans, ZoneInfo(settings.TIME_ZONE))
    return Sources(calendar, {day.date: day.name for day in days if day.name}, is_stored=False)
