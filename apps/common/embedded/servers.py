"""One private server: prepare its directory, start it or adopt it, ask whether it answers, stop it.

A `Server` is started by one process and ends with it: the kernel tells it when that process dies, however it dies.
`keeper` is that process in daily life; the fault tests start servers of their own.
"""

import contextlib
import os
import pwd
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from apps.common.embedded import places, process
from apps.common.embedded.errors import PlaceUnusable, ServerDidNotStart

Progress = Callable[[str], None]

START_SECONDS = 120  # crash recovery after much unwritten work takes its time; a healthy start takes 0.05 s
LEAVE_SECONDS = 15  # for a server of a starter that died a moment ago
STEP_SECONDS = 0.02
LOG_BYTES = 10 * 2**20


@dataclass(frozen=True)
class Place:
    """Where a server lives: `home` holds data and logs, `sockets` the socket file, `user` runs the program."""

    home: Path
    sockets: Path
    user: pwd.struct_passwd


class Server(ABC):
    """A private server on a unix socket."""

    name: ClassVar[str]
    title: ClassVar[str]
    at_parents_death: ClassVar[signal.Signals]
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]]  # (what to send, seconds to wait)

    def __init__(self, place: Place) -> None:
        self.place = place
        self.child: subprocess.Popen[bytes] | None = None
        self.pid = 0

    @property
    def data(self) -> Path:
        """The directory with the server's data."""
        return self.place.home / self.name

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.place.home / f"{self.name}.log"

    @property
    @abstractmethod
    def socket(self) -> Path:
        """The socket file it listens on."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes connections now."""

    @abstractmethod
    def recorded_pid(self) -> int:
        """The pid in the server's own pid file, or 0."""

    @abstractmethod
    def _prepare(self, progress: Progress) -> None: ...

    @abstractmethod
    def _command(self) -> list[str | Path]: ...

    @abstractmethod
    def _forget(self) -> None:
        """Remove the traces of a server that is certainly gone."""

    def start(self, progress: Progress) -> None:
        """Start the server and wait until it answers; a server of this data that still runs well is adopted.

        Raises ServerTrouble with a sentence for the person.
        """
        places.make_private(self.place.home, self.place.user)
        places.make_private(self.place.sockets, self.place.user)
        if self._adopts():
            return
        self._prepare(progress)
        with self._open_log() as output:
            self.child = process.start(
                self._command(),
                user=self.place.user,
                output=output,
                at_parents_death=self.at_parents_death,
            )
        self.pid = self.child.pid
        self._await_answer()

    def is_running(self) -> bool:
        """Whether the process lives; a dead child is reaped."""
        if self.child is not None:
            return self.child.poll() is None
        return bool(self.pid) and process.is_alive(self.pid)

    def stop(self) -> None:
        """End the server: politely, then less so. Committed data is safe either way."""
        for how, seconds in self.stop_signals:
            if not self.is_running():
                break
            self.send(how)
            wait_for(lambda: not self.is_running(), seconds)
        self.child, self.pid = None, 0

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the server's main process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)

    def kill(self) -> None:
        """End it as a power cut would, for tests."""
        self.send(signal.SIGKILL)
        wait_for(lambda: not self.is_running(), LEAVE_SECONDS)

    def _adopts(self) -> bool:
        """Adopt a living server of this data; wait for a dying one to be gone, and clear up after a dead one."""
        pid = self.recorded_pid()
        if not pid:
            return False
        gone_at = time.monotonic() + LEAVE_SECONDS
        while process.is_alive(pid) and process.mentions(pid, str(self.data)):
            if self.answers():
                self.child, self.pid = None, pid
                return True
            if time.monotonic() > gone_at:
                raise ServerDidNotStart(
                    f"An earlier {self.title} (process {pid}) neither answers nor ends: end it first."
                )
            time.sleep(STEP_SECONDS)
        if not wait_for(lambda: not process.anyone_works_in(self.data), LEAVE_SECONDS):
            raise ServerDidNotStart(f"A process of an earlier {self.title} still works in {self.data}: end it first.")
        self._forget()
        return False

    def _await_answer(self) -> None:
        if not wait_for(lambda: self.answers() or not self.is_running(), START_SECONDS) or not self.is_running():
            raise self._why_not()

    def _why_not(self) -> ServerDidNotStart | PlaceUnusable:
        said = self.log.read_text(errors="replace")[-20_000:] if self.log.exists() else ""
        if "No space left on device" in said.rpartition("starting")[2]:
            return places.full_disk(self.data)
        reasons = re.findall(r"(?:FATAL|PANIC|ERROR): +(.+)|# ((?:Fatal|Can't|Failed) .+)", said)
        last = "".join(reasons[-1]) if reasons else "it gave no reason"
        return ServerDidNotStart(f"{self.title} did not start: {last} (its log: {self.log}).")

    def _open_log(self) -> IO[bytes]:
        large = self.log.exists() and self.log.stat().st_size > LOG_BYTES
        return places.open_private(self.log, self.place.user, "wb" if large else "ab")


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until `condition` holds, for at most `seconds`; return whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(STEP_SECONDS)
    return True
