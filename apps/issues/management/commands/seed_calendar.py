"""`manage.py seed_calendar`: the published holidays and make-up days, once after installing and after each notice."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.services.calendar import PUBLISHED_YEARS, YearsNotPublished, seed_calendar


class Command(BaseCommand):
    """Prints how many days were new, changed and kept. Edited days stay; a second run changes nothing."""

    help = "Store the published working calendar; days edited by hand are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--first-year", type=int, default=PUBLISHED_YEARS[0])
        parser.add_argument("--last-year", type=int, default=PUBLISHED_YEARS[1])

    def handle(self, *, first_year: int, last_year: int, **_options: object) -> None:
        try:
            seeded = seed_calendar(now=clock.now(), first_year=first_year, last_year=last_year)
        except YearsNotPublished as refusal:
            raise CommandError(str(refusal)) from refusal
        counts = {"added": seeded.added, "changed": seeded.changed, "kept": seeded.kept}
        self.stdout.write(_("Calendar days: %(added)s new, %(changed)s changed, %(kept)s kept.") % counts)
