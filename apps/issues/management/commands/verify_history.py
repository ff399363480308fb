"""`manage.py verify_history`: is every line of the history as it was written?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from apps.issues.models import Issue
from apps.issues.selectors.history import (
    Fault,
    OnProgress,
    Verified,
    count_events,
    verify_anchors,
    verify_histories,
)
from apps.issues.selectors.numbers import id_in_number


class Command(BaseCommand):
    """Exit 0 and one line when it is; exit 1 and the lines by number of issue and sequence when not."""

    help = "Compute every hash of the history again, follow every chain and every daily anchor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--issue", metavar="NUMBER", help="only the history of this issue")
        parser.add_argument("--after", metavar="ID", type=int, default=0, help="go on after this issue (its id)")

    def handle(self, *args: Any, **options: Any) -> None:
        only = _issue_id(options["issue"])
        began, reached = monotonic(), Verified(issue_id=options["after"])

        def keep(so_far: Verified) -> None:
            nonlocal reached
            reached = so_far

        try:
            with self._bar(0 if only else count_events(), keep) as on_progress:
                chains = verify_histories(only=only, after=options["after"], on_progress=on_progress)
            seconds = monotonic() - began
            anchors = Verified() if only else verify_anchors()
        except KeyboardInterrupt:
            self._tell(reached.faults)
            # the issue that was being read may not be done
            command = f"manage.py verify_history --after {max(reached.issue_id - 1, options['after'])}"
            raise CommandError(_("Stopped. Go on with: %(command)s") % {"command": command}) from None
        self._tell([*chains.faults, *anchors.faults])
        if faults := len(chains.faults) + len(anchors.faults):
            sentence = (
                _("The history was changed in %(count)d places or more; the rest was not looked at.")
                if chains.is_cut
                else _("The history was changed in %(count)d places.")
            )
            raise CommandError(sentence % {"count": faults})
        self.stdout.write(
            _(
                "The history is as it was written: %(events)s events of %(issues)s issues in %(seconds).1f s "
                "(%(rate)s a second), %(anchors)d daily anchors."
            )
            % {
                "events": f"{chains.events:,}",
                "issues": f"{chains.issues:,}",
                "seconds": seconds,
                "rate": f"{chains.events / max(seconds, 1e-6):,.0f}",
                "anchors": anchors.anchors,
            }
        )

    def _tell(self, faults: list[Fault]) -> None:
        for fault in faults:
            self.stdout.write(str(fault))

    @contextmanager
    def _bar(self, total: int, keep: OnProgress) -> Iterator[OnProgress]:
        bar = tqdm(total=total or None, file=sys.stderr, unit="e", leave=False) if sys.stderr.isatty() else None

        def on_progress(so_far: Verified) -> None:
            keep(so_far)
            if bar is not None:
                bar.update(so_far.events - bar.n)

        try:
            yield on_progress
        finally:
            if bar is not None:
                bar.close()


def _issue_id(number: str | None) -> int | None:
    if number is None:
        return None
    found = id_in_number(number)
    if found is None or not Issue.objects.filter(pk=found).exists():
        raise CommandError(_("There is no issue with the number %(number)s.") % {"number": number})
    return found
