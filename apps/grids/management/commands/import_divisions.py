"""manage.py import_divisions FILE.csv: the official divisions into the tree."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.common import clock
from apps.grids.services.division_import import DivisionsDiff, import_divisions
from apps.grids.services.problems import SHOWN, ImportRefused


class Command(BaseCommand):
    """Exit 0 and the counts; exit 1 and the problems row by row, and nothing was imported."""

    help = "Import city, districts, streets and communities from CSV: code, name, level, parent_code. Deletes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="check and count, change nothing")
        parser.add_argument("--city", default="", help="take one city out of a larger file: its code")
        parser.add_argument("--valid-from", type=_day, default=None, help="day from which new cells count (today)")
        parser.add_argument("--max-errors", type=int, default=SHOWN, help=f"problems shown in full ({SHOWN})")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            with options["file"].open("rb") as lines:
                diff = import_divisions(
                    lines=lines,
                    valid_from=options["valid_from"] or timezone.localdate(now),
                    now=now,
                    city=options["city"],
                    is_dry_run=options["dry_run"],
                    shown=options["max_errors"],
                )
        except OSError as trouble:
            raise CommandError(_("The file cannot be read: %(why)s") % {"why": trouble.strerror}) from trouble
        except ImportRefused as refusal:
            for problem in refusal.problems:
                self.stderr.write(str(problem))
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(_told(diff, is_dry_run=options["dry_run"]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a day is written 2026-01-31") from None


def _told(diff: DivisionsDiff, *, is_dry_run: bool) -> str:
    text = (
        _("Dry run, nothing was changed. Would be: %(counts)s.") if is_dry_run else _("Divisions imported: %(counts)s.")
    )
    counts = _("%(rows)d rows, %(added)d added, %(renamed)d renamed, %(moved)d moved, %(unchanged)d unchanged")
    values = {
        "rows": diff.rows,
        "added": diff.added,
        "renamed": diff.renamed,
        "moved": diff.moved,
        "unchanged": diff.unchanged,
    }
    return text % {"counts": counts % values}
