"""`manage.py serve`: the whole product on one port, in the foreground."""

import contextlib
import os
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.common.embedded.errors import ServerTrouble
from apps.common.embedded.process import end_with_parent
from apps.common.serving.city import prepare_only, serve
from apps.common.serving.terms import CannotServe, Options


class Command(BaseCommand):
    """Door of `apps.common.serving`."""

    help = "Migrate, build the demo city once, and run web, live feed, worker and beat on one port until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")
        parser.add_argument("--workers", type=int, default=2, help="web processes (default 2)")
        parser.add_argument("--no-demo", action="store_true", help="leave an empty city empty")
        parser.add_argument("--prepare-only", action="store_true", help="migrate, collect static files, and end")
        parser.add_argument(
            "--end-with-parent", type=int, metavar="PID", help="end when this process, our parent, does: as under make"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        parent: int | None = options["end_with_parent"]
        if parent is not None:
            end_with_parent(signal.SIGTERM)
            if os.getppid() != parent:
                return  # it was gone before we could ask to be told
        asked = Options(
            host=options["host"],
            port=_port(options["port"]),
            demo=not options["no_demo"] and settings.DEMO_ALLOWED,
            workers=options["workers"],
            parent=parent,
        )
        try:
            (prepare_only if options["prepare_only"] else serve)(asked, self._say)
        except (CannotServe, ServerTrouble) as trouble:
            raise CommandError(str(trouble)) from trouble

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone; the city stays
            self.stdout.write(text)
            self.stdout.flush()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CommandError(f"PORT={text} is not a port: give a number from 1 to 65535.")
    return int(text)
