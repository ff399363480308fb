"""`manage.py due 2013-02-08T17:00 4 workhour`: when is it due, and why then?"""

from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from django.utils import translation
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from apps.issues.deadlines import CannotCount, Limit, OutOfRange, Reason, Step, Unit, WorkCalendar, explain
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


def line(step: Step, name: str) -> str:
    """One day in words: `2013-02-16 Saturday  worked instead (春节调休)  08:00–11:00  3:00 used, 0:00 left`."""
    reasons = {
        Reason.WEEKDAY: _("working day"),
        Reason.WEEKEND: _("weekend"),
        Reason.HOLIDAY: _("day off"),
        Reason.MAKE_UP: _("make-up working day"),
        Reason.CONTINUOUS: _("every hour counts"),
    }
    reason, note = reasons[step.reason], name or ("" if step.is_known else _("assumed"))
    if note:
        reason = _("%(reason)s (%(note)s)") % {"reason": reason, "note": note}
    spans = ", ".join(f"{opens:%H:%M}–{closing(opens, closes)}" for opens, closes in step.spans) or "—"
    spent = _("%(used)s used, %(left)s left") % {"used": hours(step.used), "left": hours(step.left)}
    return f"{step.day}  {WEEKDAYS[step.day.weekday()]}  {reason}  {spans}  {spent}"


def closing(opens: datetime, closes: datetime) -> str:
    """The closing time of day; midnight at the end of the day is 24:00."""
    return "24:00" if closes.date() > opens.date() else f"{closes:%H:%M}"


def hours(span: timedelta) -> str:
    """Hours and minutes, with seconds only where there are any."""
    minutes, seconds = divmod(span.total_seconds(), 60)
    text = f"{int(minutes) // 60}:{int(minutes) % 60:02}"
    return f"{text}:{seconds:09.6f}".rstrip("0").rstrip(".") if seconds else text


def warnings(steps: list[Step], unit: Unit, *, is_stored: bool) -> list[str]:
    """What a reader must know before trusting the sum."""
    if unit.is_continuous:
        return []
    found = []
    if not is_stored:
        found.append(_("No calendar is stored yet: counted with the published holidays."))
    unknown = sorted({step.day.year for step in steps if not step.is_known})
    if unknown:
        sentence = _("Warning: the holidays of %(years)s are not known; Monday to Friday is assumed.")
        found.append(sentence % {"years": ", ".join(map(str, unknown))})
    return found
