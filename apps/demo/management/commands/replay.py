"""`manage.py replay FILE.csv`: file real messages as reports, at a chosen speed. Stop it and run it again at will."""

import time
from argparse import ArgumentParser
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from apps.common.clock import now
from apps.common.refusals import Refused
from apps.demo.services.replay import BadRow, Message, Replayer, read_messages

TOLD_EVERY = 100
DEFAULT_RATE = 5.0


@dataclass
class Tally:
    """What became of the rows so far."""

    filed: int = 0
    known: int = 0
    bad: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def rows(self) -> int:
        return self.filed + self.known + self.bad

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Command(BaseCommand):
    help = "File the messages of a CSV file (id, created_at, subject, text) as reports, spread over the cells."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        speed = parser.add_mutually_exclusive_group()
        speed.add_argument("--rate", type=float, default=DEFAULT_RATE, help="messages a second (default: 5)")
        speed.add_argument("--as-fast", action="store_true", help="as fast as possible")
        parser.add_argument("--limit", type=int, default=None, help="read so many rows at most")
        parser.add_argument("--district", default="", help="code of a cell: only inside it")

    def handle(self, *args: object, **options: Any) -> None:
        if not options["as_fast"] and options["rate"] <= 0:
            raise CommandError(_("The rate must be above zero."))
        tally = Tally()
        rate = None if options["as_fast"] else options["rate"]
        try:
            with options["file"].open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                replayer = Replayer(options["district"])
                for row in islice(read_messages(file), options["limit"]):
                    self._take(row, replayer, tally, rate)
        except OSError as error:
            raise CommandError(
                _("%(file)s cannot be read: %(reason)s") % {"file": options["file"], "reason": error.strerror}
            ) from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except KeyboardInterrupt:
            self._tell(tally)
            raise CommandError(_("Stopped. Run it again to go on where it stopped."), returncode=130) from None
        self._tell(tally)
        if tally.bad:
            raise CommandError(_("%(count)d rows were not filed.") % {"count": tally.bad})

    def _take(self, row: Message | BadRow, replayer: Replayer, tally: Tally, rate: float | None) -> None:
        if isinstance(row, BadRow):
            self._complain(row, tally)
            return
        try:
            created = replayer.file(row, now())
        except Refused as refusal:
            self._complain(BadRow(row.row, str(refusal)), tally)
            return
        tally.filed += created
        tally.known += not created
        if tally.rows % TOLD_EVERY == 0:
            self._tell(tally)
        if created and rate is not None:
            time.sleep(max(0.0, tally.began + tally.filed / rate - time.monotonic()))

    def _complain(self, row: BadRow, tally: Tally) -> None:
        tally.bad += 1
        self.stderr.write(_("Row %(row)d: %(reason)s") % {"row": row.row, "reason": row.reason})

    def _tell(self, tally: Tally) -> None:
        figures = {
            "filed": tally.filed,
            "known": tally.known,
            "bad": tally.bad,
            "seconds": tally.seconds,
            "rate": tally.filed / max(tally.seconds, 0.001),
        }
        self.stdout.write(
            _("%(filed)d filed, %(known)d filed before, %(bad)d bad, %(seconds).1f s, %(rate).1f a second") % figures
        )
        self.stdout.flush()
