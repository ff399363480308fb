"""`manage.py verify_history`: is every line of the history as it was written?"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from apps.issues.management.days import day_of
from apps.issues.models import Issue
from apps.issues.selectors.history import (
    OnProgress,
    Verified,
    count_events,
    database_identity,
    touched_since,
    verify_anchors,
    verify_histories,
)
from apps.issues.selectors.numbers import id_in_number

INTERRUPTED: Final = 130  # what a shell says of Ctrl-C


class Command(BaseCommand):
    """Exit 0 and one line when it is; exit 1 and the lines by number of issue and sequence when not."""

    help = "Compute every hash of the history again, follow every chain and every daily anchor."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--issue", metavar="NUMBER", help="only the history of this issue")
        which.add_argument(
            "--since", metavar="YYYY-MM-DD", help="only what was touched since that day, and its anchors"
        )
        which.add_argument("--resume", action="store_true", help="go on where a whole run was stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        only, since = _chosen(options)
        mark = _Mark() if only is None else None
        kept = mark.read() if mark and options["resume"] else Kept()
        if options["resume"] and not kept.database:
            self.stderr.write(_("No stopped run of this database is known: it begins anew."))
        began = monotonic()
        try:
            with self._bar(0 if only is not None else count_events(), mark, kept.faults) as on_progress:
                chains = verify_histories(only=only, after=kept.after, on_progress=on_progress)
            seconds = monotonic() - began
            anchors = Verified() if options["issue"] else verify_anchors(since=since)
        except KeyboardInterrupt:
            self._stop(mark)
        found = list(dict.fromkeys([*kept.faults, *map(str, chains.faults), *map(str, anchors.faults)]))
        self._tell(found)
        if mark:
            mark.forget()
        if found:
            raise CommandError(_changed(chains.is_cut) % {"count": len(found)})
        self.stdout.write(_whole(chains, anchors, seconds))

    def _stop(self, mark: "_Mark | None") -> NoReturn:
        """Say what was found so far, and how to go on."""
        if mark is None:
            raise CommandError(_("Stopped."), returncode=INTERRUPTED) from None
        self._tell(mark.read().faults)
        command = "manage.py verify_history --resume"
        raise CommandError(
            _("Stopped. Go on with: %(command)s") % {"command": command}, returncode=INTERRUPTED
        ) from None

    def _tell(self, faults: Sequence[str]) -> None:
        for fault in faults:
            self.stdout.write(fault)

    @contextmanager
    def _bar(self, total: int, mark: "_Mark | None", before: Sequence[str]) -> Iterator[OnProgress]:
        bar = tqdm(total=total or None, file=sys.stderr, unit="e", leave=False) if sys.stderr.isatty() else None

        def on_progress(so_far: Verified) -> None:
            if mark is not None:
                mark.keep(so_far, before)
            if bar is not None:
                bar.update(so_far.events - bar.n)

        try:
            yield on_progress
        finally:
            if bar is not None:
                bar.close()


def _changed(is_cut: bool) -> str:
    if is_cut:
        return _("The history was changed in %(count)d places or more; the rest was not looked at.")
    return _("The history was changed in %(count)d places.")


def _whole(chains: Verified, anchors: Verified, seconds: float) -> str:
    return _(
        "The history is as it was written: %(events)s events of %(issues)s issues in %(seconds).1f s "
        "(%(rate)s a second), %(anchors)d daily anchors."
    ) % {
        "events": f"{chains.events:,}",
        "issues": f"{chains.issues:,}",
        "seconds": seconds,
        "rate": f"{chains.events / max(seconds, 1e-6):,.0f}",
        "anchors": anchors.anchors,
    }


def _chosen(options: dict[str, Any]) -> tuple[list[int] | None, date]:
    """The issues to look at (None: all), and the day from which anchors are."""
    if options["since"]:
        moment = day_of(options["since"])
        return touched_since(moment), timezone.localdate(moment)
    return [_issue_id(options["issue"])] if options["issue"] else None, date.min


def _issue_id(number: str) -> int:
    found = id_in_number(number)
    if found is None or not Issue.objects.filter(pk=found).exists():
        raise CommandError(_("There is no issue with the number %(number)s.") % {"number": number})
    return found


class Kept(NamedTuple):
    """How far a whole run had come: all issues up to the id `after`, what was found there, in words, and where."""

    after: int = 0
    faults: Sequence[str] = ()
    database: str = ""


class _Mark:
    """A file that remembers it between two commands, after each batch: a killed run can go on, too."""

    def __init__(self) -> None:
        self.file = Path(settings.VAR_DIR) / "verify_history.json"
        self.database = database_identity()

    def keep(self, so_far: Verified, before: Sequence[str]) -> None:
        """The issue that is being read may not be done: it is read again."""
        faults = list(dict.fromkeys([*before, *map(str, so_far.faults)]))
        kept = Kept(max(so_far.issue_id - 1, 0), faults, self.database)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(kept._asdict()))
        draft.replace(self.file)

    def read(self) -> Kept:
        """What was kept of this database; the beginning where no run of it was stopped."""
        kept = Kept(**json.loads(self.file.read_text())) if self.file.exists() else Kept()
        return kept if kept.database == self.database else Kept()

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)
