"""`manage.py anchor_history`: give every finished day its anchor. Beat does it each night; this catches up."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.services.anchors import NotNow, anchor_days


class Command(BaseCommand):
    """Prints each new anchor; nothing to do is no fault."""

    help = "Anchor the history of every finished day that has no anchor yet."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = anchor_days(now=clock.now())
        except NotNow as refused:
            raise CommandError(str(refused)) from refused
        for anchor in made:
            self.stdout.write(f"{anchor}  {anchor.events:>9,}  {' '.join(anchor.root_groups)}")
        self.stdout.write(_("Days anchored: %(count)d.") % {"count": len(made)})
