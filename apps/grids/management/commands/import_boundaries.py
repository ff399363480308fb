"""manage.py import_boundaries FILE.geojson --tier district --crs gcj02: outlines onto the cells that are there."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from apps.common import clock
from apps.grids.crs import Crs
from apps.grids.models import Tier
from apps.grids.services.boundary_import import BoundariesDiff, import_boundaries
from apps.grids.services.problems import SHOWN, ImportRefused

TIERS = {tier.name.lower(): tier for tier in Tier}


class Command(BaseCommand):
    """Exit 0 and the counts; exit 1 and the problems feature by feature, and nothing was imported."""

    help = "Import the boundaries of one tier from a GeoJSON FeatureCollection, converted to WGS-84."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tier", choices=list(TIERS), required=True)
        parser.add_argument("--crs", choices=[crs.value for crs in Crs], required=True, help="what the file is in")
        parser.add_argument("--code-property", default="code", help="the property that holds the cell's code (code)")
        parser.add_argument("--dry-run", action="store_true", help="check and count, change nothing")
        parser.add_argument("--max-errors", type=int, default=SHOWN, help=f"problems shown in full ({SHOWN})")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("rb") as file:
                diff = import_boundaries(
                    file=file,
                    tier=TIERS[options["tier"]],
                    crs=Crs(options["crs"]),
                    code_property=options["code_property"],
                    now=clock.now(),
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


def _told(diff: BoundariesDiff, *, is_dry_run: bool) -> str:
    text = (
        _("Dry run, nothing was changed. Would be: %(counts)s.")
        if is_dry_run
        else _("Boundaries imported: %(counts)s. Run check_coverage to see how they fit.")
    )
    counts = _(
        "%(features)d features, %(added)d added, %(changed)d changed, %(unchanged)d unchanged; "
        "%(undrawn)d cells of the tier stay without a boundary"
    )
    values = {
        "features": diff.features,
        "added": diff.added,
        "changed": diff.changed,
        "unchanged": diff.unchanged,
        "undrawn": diff.undrawn,
    }
    return text % {"counts": counts % values}
