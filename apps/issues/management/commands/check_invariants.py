"""manage.py check_invariants: does the promise hold, right now?"""

from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.selectors.invariants import InvariantReport, check_invariants


class Command(BaseCommand):
    """Exit 0 and one line when it does; exit 1 and the issues and cells when not."""

    help = "Check the five invariants of docs/invariants.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sample",
            type=int,
            nargs="?",
            const=10_000,
            metavar="N",
            help="recompute the histories of about N issues (10000); 0: of all. Default: all, while they are few",
        )
        parser.add_argument("--vacant", action="store_true", help="list the vacant cells by code")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sample"] is not None and options["sample"] < 0:
            raise CommandError(_("The sample must be zero or more issues."))
        start = monotonic()
        report = check_invariants(now=clock.now(), sample=options["sample"])
        for finding in report.findings:
            self.stdout.write(str(finding))
        if options["vacant"]:
            self.stdout.writelines(f"{code}\n" for code in report.vacant)
        if report.findings:
            raise CommandError(_("Breaches of the invariants: %(count)d.") % {"count": len(report.findings)})
        self.stdout.write(_verdict(report, monotonic() - start))


def _verdict(report: InvariantReport, seconds: float) -> str:
    sentence = (
        _(
            "Invariants I1–I5 hold: %(cells)d cells (%(vacant)d vacant, superiors stand in), %(open)d open issues, "
            "a sample of %(histories)d histories recomputed, %(seconds).1f s."
        )
        if report.is_sample
        else _(
            "Invariants I1–I5 hold: %(cells)d cells (%(vacant)d vacant, superiors stand in), %(open)d open issues, "
            "all %(histories)d histories recomputed, %(seconds).1f s."
        )
    )
    return sentence % {
        "cells": report.cells,
        "vacant": len(report.vacant),
        "open": report.open_issues,
        "histories": report.histories,
        "seconds": seconds,
    }
