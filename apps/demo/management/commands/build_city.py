"""`manage.py build_city`: a whole city to try things on, with people and a month of history."""

import sys
from argparse import ArgumentParser
from datetime import date
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from apps.common.clock import now
from apps.demo.accounts import DEMO_PASSWORD
from apps.demo.plan import DEFAULT_SEED
from apps.demo.services.building import STEPS, Built, CannotBuild, build_city, city_exists
from apps.demo.services.simulation.lived import build_lived_city
from apps.demo.services.simulation.running import Progress as LivedSoFar


class Command(BaseCommand):
    help = "Build a demo city: 16 districts, 21,282 cells, 45,388 people and 30 days of past issues."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another number, another city")
        parser.add_argument("--scale", type=float, default=1.0, help="size, above 0 and at most 1 (default: 1)")
        parser.add_argument("--days", type=int, default=30, help="days of past issues (default: 30)")
        parser.add_argument("--issues-per-day", type=int, default=None, help="default: 770 x scale, at least 20")
        parser.add_argument(
            "--past",
            choices=("written", "lived"),
            default="written",
            help="written: composed in seconds; lived: by the simulator through the real services, in minutes",
        )
        parser.add_argument("--processes", type=int, default=2, help="processes that live the past (default: 2)")
        parser.add_argument("--reset", action="store_true", help="erase the city that is there, with everything in it")
        parser.add_argument("--if-empty", action="store_true", help="do nothing where a city is or none may be")

    def handle(self, *args: object, **options: Any) -> None:
        if options["if_empty"] and (city_exists() or not settings.DEMO_ALLOWED):
            return
        progress = _Progress(self, steps=len(STEPS) - (not options["reset"]))
        wanted = {name: options[name] for name in ("seed", "scale", "days", "issues_per_day", "reset")}
        build = partial(build_lived_city, processes=options["processes"], on_progress=progress.on_day)
        try:
            built = (build_city if options["past"] == "written" else build)(**wanted, now=now(), on_step=progress)
        except CannotBuild as refusal:
            raise CommandError(str(refusal)) from None
        finally:
            progress.close()
        self._tell(built)

    def _tell(self, built: Built) -> None:
        figures = {
            "cells": built.cells,
            "people": built.people,
            "posts": built.posts,
            "issues": built.issues,
            "events": built.events,
            "seconds": sum(built.seconds.values()),
        }
        self.stdout.write(
            _(
                "Built %(cells)d cells, %(people)d people with %(posts)d posts, %(issues)d issues with %(events)d "
                "events in %(seconds).1f s."
            )
            % figures
        )
        self.stdout.write(", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in built.seconds.items()))
        self.stdout.write(
            _("For demonstration only: all demo accounts have the password %(password)s (manage.py demo_accounts).")
            % {"password": DEMO_PASSWORD}
        )


class _Progress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self, command: BaseCommand, steps: int) -> None:
        self.command = command
        self.bar = tqdm(total=steps, file=sys.stderr, leave=False) if sys.stderr.isatty() else None
        self.has_begun = False
        self.day: date | None = None

    def __call__(self, step: str) -> None:
        label = str(STEPS[step])
        if self.bar is None:
            self.command.stdout.write(label)
            self.command.stdout.flush()
        else:
            self.bar.update(int(self.has_begun))
            self.bar.set_description(label)
        self.has_begun = True

    def on_day(self, lived: LivedSoFar) -> None:
        """How far the past has been lived."""
        if lived.day == self.day:
            return
        self.day = lived.day
        words = f"{lived.day.isoformat()}: {lived.filed:,}"
        if self.bar is None:
            self.command.stdout.write(words)
            self.command.stdout.flush()
        else:
            self.bar.set_postfix_str(words)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
