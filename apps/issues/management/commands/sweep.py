"""manage.py sweep: what beat does every half minute, by hand."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.services.escalation import sweep
from apps.issues.services.swept import SweepResult


class Command(BaseCommand):
    """Route what waits and move what is due, to the end."""

    help = "Route waiting reports, remind, mark overdue, move up: everything that is due now."

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        total = SweepResult()
        while True:
            turn = sweep(now=now)
            total += turn
            if not turn.remaining and not turn.has_unrouted:
                break
        self.stdout.write(
            _(
                "Routed %(routed)d, reminded %(remind)d, overdue %(overdue)d, moved up %(escalate)d, "
                "rung again at the city %(realarm)d."
            )
            % vars(total)
        )
