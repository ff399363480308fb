"""manage.py dry_run_routing: where would past issues go by another rule set? Ctrl-C stops it."""

from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.management.days import day_of
from apps.issues.models import DryRun, RuleSet
from apps.issues.selectors.dry_run_words import report_of
from apps.issues.services.dry_runs import DEFAULT_MOST, DryRunRefused, Wish, begin_dry_run, carry_on, stop_dry_run

A_DAY = 86_400.0


class Command(BaseCommand):
    """Prints what would change. The run is written down, so that the set may be put in force in the admin."""

    help = "Try a rule set on past issues and print what would change. Writes no issue."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rules", type=int, metavar="VERSION", help="the rule set (default: the newest draft)")
        parser.add_argument("--since", metavar="YYYY-MM-DD", help="only issues filed since that day")
        parser.add_argument("--limit", type=int, default=DEFAULT_MOST, help="the newest so many issues (20000)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError(_("The limit must be one issue or more."))
        wish = Wish(day_of(options["since"]) if options["since"] else None, options["limit"])
        try:
            run = begin_dry_run(rule_set_id=_chosen(options["rules"]).id, wish=wish, asked_by_id=None, now=clock.now())
        except DryRunRefused as refused:
            raise CommandError(str(refused)) from refused
        began = monotonic()
        try:
            carry_on(run_id=run.id, clock=clock.now, seconds=A_DAY, on_progress=self._tell)
        except KeyboardInterrupt:
            stop_dry_run(run_id=run.id, now=clock.now())
            carry_on(run_id=run.id, clock=clock.now)
        self.stderr.write("")
        run.refresh_from_db()
        self._print(run, monotonic() - began)

    def _tell(self, run: DryRun) -> None:
        self.stderr.write(f"\r{run.seen:,} / {run.total:,}", ending="")

    def _print(self, run: DryRun, seconds: float) -> None:
        for line in report_of(run).lines():
            self.stdout.write(line)
        speed = _("%(seen)d issues in %(seconds).1f s: %(speed)d a second.")
        self.stdout.write(
            speed % {"seen": run.seen, "seconds": seconds, "speed": run.seen / seconds if seconds else run.seen}
        )
        if run.state != DryRun.State.FINISHED:
            raise CommandError(_("The dry run did not finish: %(state)s.") % {"state": run.get_state_display()})


def _chosen(version: int | None) -> RuleSet:
    found = (
        RuleSet.objects.filter(version=version).first()
        if version is not None
        else RuleSet.objects.filter(state=RuleSet.State.DRAFT).order_by("-version").first()
    )
    if found is None:
        raise CommandError(_("There is no such rule set."))
    return found
