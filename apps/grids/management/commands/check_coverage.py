"""manage.py check_coverage: do the cells tile the city, at every level?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from apps.grids.outlines import LEAST_M2
from apps.grids.selectors.checks import CoverageReport, check_coverage


class Command(BaseCommand):
    """Exit 0 and one line when they do; exit 1 and the cells by code when not."""

    help = "Check that at every level the cells below a cell tile it: no gap, no overlap, no improper polygon."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tolerance", type=float, default=LEAST_M2, help="square metres per cell that count as drawing noise (1)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_coverage(options["tolerance"])
        for fault in report.faults:
            self.stdout.write(str(fault))
        if report.faults:
            values = {"count": len(report.faults), "cells": report.cells}
            raise CommandError(_("Faults: %(count)d in %(cells)d drawn cells.") % values)
        self.stdout.write(_verdict(report, options["tolerance"]))


def _verdict(report: CoverageReport, tolerance: float) -> str:
    values = {
        "cells": report.cells,
        "frames": report.frames,
        "undrawn": report.undrawn,
        "tolerance": tolerance,
        "loose": report.loose,
    }
    if not report.cells:
        return _("Coverage: no cell is drawn, nothing to check. Not drawn: %(undrawn)d.") % values
    if not report.frames:
        return (
            _(
                "Coverage: %(loose)d drawn cells, none above them: no overlap, no hole over %(tolerance)g m². "
                "Not drawn: %(undrawn)d."
            )
            % values
        )
    return (
        _(
            "Coverage: %(cells)d drawn cells at every level tile the %(frames)d above them; no gap, no overlap over "
            "%(tolerance)g m². Not drawn: %(undrawn)d."
        )
        % values
    )
