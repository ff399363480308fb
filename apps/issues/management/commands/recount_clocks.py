"""`manage.py recount_clocks`: count running clocks again after a change of the calendar, as the worker does."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from apps.common import clock
from apps.issues.models import Issue
from apps.issues.services.recounting import Recounted, recount_clocks


class Command(BaseCommand):
    """Can be stopped and given again; with nothing to count it says so."""

    help = "Count the running clocks again that changes of the calendar concern."

    def handle(self, *args: Any, **options: Any) -> None:
        total = Issue.objects.filter(closed_at=None).count() if sys.stderr.isatty() else 0
        bar = tqdm(total=total, file=sys.stderr, leave=False) if total else None

        def on_progress(so_far: Recounted) -> None:
            if bar is not None:
                bar.update(so_far.looked_at - bar.n)

        try:
            result = recount_clocks(now=clock.now(), on_progress=on_progress)
        except KeyboardInterrupt:
            raise CommandError(_("Stopped; the same command goes on where it was.")) from None
        finally:
            if bar is not None:
                bar.close()
        counts = {"looked_at": result.looked_at, "changed": result.changed}
        self.stdout.write(_("Clocks looked at: %(looked_at)d, counted anew: %(changed)d.") % counts)
