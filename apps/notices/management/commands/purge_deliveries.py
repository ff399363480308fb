"""`manage.py purge_deliveries`: what beat does every night, by hand."""

from argparse import ArgumentParser
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.common import clock
from apps.notices.services.delivery import purge_deliveries


class Command(BaseCommand):
    """Deletes sent deliveries in batches. Notices themselves, and what was given up, stay."""

    help = "Delete deliveries that were sent longer ago than DELIVERY_KEEP_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=settings.DELIVERY_KEEP_DAYS)

    def handle(self, *, days: int, **_options: object) -> None:
        if days < 1:
            raise CommandError(_("At least one day must be kept."))
        count = purge_deliveries(before=clock.now() - timedelta(days=days))
        self.stdout.write(_("Deliveries deleted: %(count)d") % {"count": count})
