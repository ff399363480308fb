"""manage.py check_tree: does the tree of cells hold?"""

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.grids.selectors.checks import check_tree


class Command(BaseCommand):
    """Exit 0 and one line when it does; exit 1 and the cells by code when not."""

    help = "Check the numbers, tiers and parents of every cell."

    def handle(self, *args: object, **options: object) -> None:
        report = check_tree()
        for fault in report.faults:
            self.stdout.write(str(fault))
        if report.faults:
            values = {"count": len(report.faults), "cells": report.cells}
            raise CommandError(_("Faults: %(count)d in %(cells)d cells.") % values)
        self.stdout.write(
            _("Tree: %(cells)d cells in %(trees)d trees, no fault.") % {"cells": report.cells, "trees": report.trees}
        )
