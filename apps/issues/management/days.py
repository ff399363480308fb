"""Days as people type them at a command."""

from datetime import datetime, time

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _


def day_of(text: str) -> datetime:
    """Midnight of the day in the city's time."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(_("“%(text)s” is not a day: write it as 2026-03-01.") % {"text": text})
    return timezone.make_aware(datetime.combine(day, time()))
