"""`manage.py simulate`: a city's year on a virtual clock, through the real services; then what it came to."""

import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from tqdm import tqdm

from apps.common.embedded import paths
from apps.common.refusals import Refused
from apps.demo.plan import DEFAULT_SEED
from apps.demo.selectors.digest import histories_digest
from apps.demo.selectors.indicators import indicators, weeks
from apps.demo.services.simulation import running, scratch
from apps.demo.simulation.plan import ISSUES_A_YEAR, YEAR, Plan
from apps.demo.simulation.plot import line_chart
from apps.issues.models import Issue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep

FIRST_YEAR: Final = date(2013, 1, 1)  # the one that the first city is modelled on
KILLS: Final = 6


class Command(BaseCommand):
    help = (
        "Live through a city's year on a virtual clock, through the same services and sweeps, and show what came of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=YEAR, help="how long (default: 365)")
        parser.add_argument("--seed", type=int, default=1, help="another number, another year")
        parser.add_argument(
            "--faults", action="store_true", help="lose and double tasks, let workers die, kill processes"
        )
        parser.add_argument("--start", type=date.fromisoformat, default=FIRST_YEAR, help="its first day, as 2013-01-01")
        parser.add_argument("--scale", type=float, default=1.0, help="size of the city, above 0 and at most 1")
        parser.add_argument("--issues", type=int, default=None, help="reports in all (default: 280,000 a year x scale)")
        parser.add_argument("--processes", type=int, default=2, help="processes that share the districts (default: 2)")
        parser.add_argument("--keep", action="store_true", help="keep the database, to look at it or to go on later")
        parser.add_argument("--reset", action="store_true", help="begin anew where an earlier run was stopped")
        parser.add_argument(
            "--check", action=BooleanOptionalAction, default=True, help="recompute every hash of every history"
        )
        parser.add_argument("--plot", type=Path, default=None, help="where to draw (default: var/simulation-SEED.svg)")

    def handle(self, *args: object, **options: Any) -> None:
        plan = _plan(options)
        if not settings.DEMO_ALLOWED:
            raise CommandError(_("A simulated city is for demonstration: set GRID_DEMO=1 to allow it on this server."))
        name = scratch.scratch_name(plan)
        try:
            if options["reset"]:
                scratch.drop(name)
            is_new = scratch.create(name)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(_("Database %(name)s") % {"name": name})
        with scratch.on_database(name):
            is_good = self._simulate(plan, options, is_new=is_new)
        if options["keep"]:
            self.stdout.write(_("The database %(name)s is kept; --reset begins anew.") % {"name": name})
        else:
            scratch.drop(name)
        if not is_good:
            sys.exit(1)

    def _simulate(self, plan: Plan, options: dict[str, Any], *, is_new: bool) -> bool:
        """The whole of it in the scratch database; whether every promise held."""
        began = monotonic()
        scratch.prepare_city(plan, city_seed=DEFAULT_SEED, scale=options["scale"])
        if is_new:
            self.stdout.write(_("Built its city in %(seconds).0f s") % {"seconds": monotonic() - began})
        elif moment := running.reached(plan):
            self.stdout.write(_("Going on from %(day)s") % {"day": timezone.localdate(moment).isoformat()})
        elif Issue.objects.exists():
            raise CommandError(_("Another plan was begun in this database; --reset begins anew."))
        with self._bar(plan) as on_progress:
            ran = running.run(plan, on_progress)
        self._tell_counts(ran)
        self._tell_indicators(plan, options["plot"])
        is_good = self._check(plan, has_all=options["check"])
        self.stdout.write(_("Hash of all histories: %(digest)s") % {"digest": histories_digest()})
        return is_good

    @contextmanager
    def _bar(self, plan: Plan) -> Iterator[running.OnProgress]:
        """Days on a terminal, else a line now and then."""
        bar = tqdm(total=plan.days, file=sys.stderr, unit="d", leave=False) if sys.stderr.isatty() else None
        told = 0

        def on_progress(now: running.Progress) -> None:
            nonlocal told
            done = (now.day - plan.starts_on).days
            if bar is not None:
                bar.update(done - bar.n)
            elif done * 10 // plan.days > told:
                told = done * 10 // plan.days
                self.stdout.write(f"{now.day.isoformat()}: {now.filed:,}")
                self.stdout.flush()

        try:
            yield on_progress
        finally:
            if bar is not None:
                bar.close()

    def _tell_counts(self, ran: running.Ran) -> None:
        rate = ran.filed / ran.seconds if ran.seconds else 0.0
        self.stdout.write(
            _("%(filed)s reports lived in %(seconds).0f s: %(rate).1f a second; processes killed: %(kills)d")
            % {"filed": f"{ran.filed:,}", "seconds": ran.seconds, "rate": rate, "kills": ran.kills}
        )
        titles = {
            "done": _("Moves"),
            "refused": _("Refused"),
            "changes": _("Changes"),
            "faults": _("Faults"),
            "": _("More"),
        }
        for kind, title in titles.items():
            told = ", ".join(f"{name} {count:,}" for name, count in ran.tally[kind].most_common() if count)
            self.stdout.write(f"{title}: {told or '–'}")

    def _tell_indicators(self, plan: Plan, plot: Path | None) -> None:
        rows = indicators()
        for row in rows:
            self.stdout.write(f"  {row.name}: {row.text}")
        start = timezone.make_aware(datetime.combine(plan.starts_on, time()))
        found = weeks(start, -(-plan.days // 7))
        lines = {
            _("filed"): [week.filed for week in found],
            _("closed"): [week.closed for week in found],
            _("overdue"): [week.overdue for week in found],
        }
        labels = {
            number: (plan.starts_on + timedelta(weeks=number)).isoformat()
            for number in range(0, len(found), max(1, len(found) // 7))
        }
        file = plot or paths.var_dir() / f"simulation-{plan.seed}.svg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(line_chart(_("Reports a week"), lines, labels))
        self.stdout.write(_("Plot: %(file)s") % {"file": file})

    def _check(self, plan: Plan, *, has_all: bool) -> bool:
        """The invariants at the end of the last day; nothing lost, nothing doubled."""
        end = timezone.make_aware(datetime.combine(plan.ends_on, time()))
        while sweep(now=end).remaining:
            pass
        record_late()
        report = check_invariants(now=end, sample=0 if has_all else None)
        for finding in report.findings:
            self.stdout.write(str(finding))
        self.stdout.write(
            _("Invariants: %(faults)d breaches; %(issues)s issues open, %(histories)s histories looked at")
            % {
                "faults": len(report.findings),
                "issues": f"{report.open_issues:,}",
                "histories": f"{report.histories:,}",
            }
        )
        lost, doubled = running.lost_and_doubled(plan)
        self.stdout.write(_("Lost: %(lost)d, doubled: %(doubled)d") % {"lost": lost, "doubled": doubled})
        return not report.findings and not lost and not doubled


def _plan(options: dict[str, Any]) -> Plan:
    if options["days"] < 1 or not 0 < options["scale"] <= 1 or not 1 <= options["processes"] <= 16:
        raise CommandError(_("Days must be 1 or more, the scale above 0 and at most 1, processes 1 to 16."))
    issues = options["issues"]
    if issues is None:
        issues = max(1, round(ISSUES_A_YEAR * options["scale"] * options["days"] / YEAR))
    kills = KILLS if options["faults"] else 0
    has_faults, shards = options["faults"], options["processes"]
    return Plan(options["seed"], options["start"], options["days"], issues, has_faults, shards, kills)
