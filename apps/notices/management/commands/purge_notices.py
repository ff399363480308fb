"""`manage.py purge_notices`: what beat does every night, by hand."""

from argparse import ArgumentParser
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.common import clock
from apps.notices.services.purging import purge_deliveries, purge_notices


class Command(BaseCommand):
    """Deletes sent deliveries and old notices in batches. What was given up stays, with its notice."""

    help = "Delete what was sent longer ago than DELIVERY_KEEP_DAYS and told longer ago than NOTICE_KEEP_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--delivery-days", type=int, default=settings.DELIVERY_KEEP_DAYS)
        parser.add_argument("--notice-days", type=int, default=settings.NOTICE_KEEP_DAYS)

    def handle(self, *, delivery_days: int, notice_days: int, **_options: object) -> None:
        if min(delivery_days, notice_days) < 1:
            raise CommandError(_("At least one day must be kept."))
        now = clock.now()
        deliveries = purge_deliveries(before=now - timedelta(days=delivery_days))
        notices = purge_notices(before=now - timedelta(days=notice_days))
        words = _("Deliveries deleted: %(deliveries)d; notices deleted: %(notices)d")
        self.stdout.write(words % {"deliveries": deliveries, "notices": notices})
