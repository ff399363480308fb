"""Web, worker and beat as children: started, watched, started again, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from apps.common import processes
from apps.common.embedded import paths
from apps.common.processes import Service
from apps.common.serving.address import address_of, allowed_hosts, answers
from apps.common.serving.signals import end_if_asked, signals_ignored
from apps.common.serving.terms import CannotServe, Options, Say
from apps.common.watchman import Watchman

STOP_SECONDS = 1.5  # uvicorn gives open streams one; then the rest is killed
FIRST_ANSWER_SECONDS = 60
CRASHES = 5  # of one service within CRASH_SECONDS: then it is not an accident
CRASH_SECONDS = 60.0
LOG_BYTES = 20 * 2**20


@dataclass
class Running:
    """One service that is up: its process and when it crashed."""

    service: Service
    log: Path
    child: subprocess.Popen[bytes]
    crashes: list[float] = field(default_factory=list)


class Supervisor:
    """Web, worker and beat as children; one that dies is started again."""

    def __init__(self, options: Options, say: Say) -> None:
        self.options = options
        self.say = say
        self.watchman = Watchman()
        self.running: list[Running] = []

    def start(self) -> None:
        """Start all services; the web first, for somebody is waiting for a page and nobody yet for a sweep."""
        end_if_asked()
        self._begin(processes.web(host=self.options.host, port=self.options.port, workers=self.options.workers))
        self.await_first_answer()
        self._begin(processes.worker())
        self._begin(processes.beat(schedule=Path(settings.VAR_DIR) / "beat-schedule"))

    def _begin(self, service: Service) -> None:
        log = log_dir() / f"{service.name}.log"
        self.running.append(Running(service, log, self._launch(service, log)))

    def await_first_answer(self) -> None:
        """Wait until the web answers; a service that dies meanwhile is a failure, with its last words."""
        end = time.monotonic() + FIRST_ANSWER_SECONDS
        while not answers(f"{address_of(self.options)}healthz"):
            for one in self.running:
                if one.child.poll() is not None:
                    raise CannotServe(
                        f"The {one.service.name} process ended at once: {_last_words(one.log)} (log: {one.log})"
                    )
            end_if_asked()
            if time.monotonic() > end:
                raise CannotServe(f"The web process does not answer (log: {log_dir() / 'web.log'})")
            time.sleep(0.1)

    def watch(self) -> None:
        """Stay until a signal arrives or the process that started us is gone; start again what dies."""
        while not self._is_orphan():
            end_if_asked()
            for one in self.running:
                if one.child.poll() is not None:
                    self._revive(one)
            time.sleep(0.5)

    def _is_orphan(self) -> bool:
        return self.options.parent is not None and os.getppid() != self.options.parent

    def stop(self) -> None:
        """End all services, politely for as long as there is time."""
        for one in self.running:
            _signal_group(one.child, signal.SIGTERM, leader_only=True)
        end = time.monotonic() + STOP_SECONDS
        while any(one.child.poll() is None for one in self.running) and time.monotonic() < end:
            time.sleep(0.05)
        for one in self.running:
            _signal_group(one.child, signal.SIGKILL)
            one.child.wait()
            self.watchman.forget(one.child.pid)
        self.watchman.dismiss()

    def _revive(self, one: Running) -> None:
        now = time.monotonic()
        one.crashes = [*(crash for crash in one.crashes if now - crash < CRASH_SECONDS), now]
        _signal_group(one.child, signal.SIGKILL)  # its own children, should they have survived it
        self.watchman.forget(one.child.pid)
        if len(one.crashes) >= CRASHES:
            raise CannotServe(f"The {one.service.name} process keeps dying: {_last_words(one.log)} (log: {one.log})")
        self.say(f"The {one.service.name} process died (code {one.child.returncode}); starting it again.")
        one.child = self._launch(one.service, one.log)

    def _launch(self, service: Service, log: Path) -> subprocess.Popen[bytes]:
        mode = "wb" if log.exists() and log.stat().st_size > LOG_BYTES else "ab"
        with log.open(mode) as output:
            return subprocess.Popen(
                service.command(),
                cwd=paths.project_dir(),
                env={**os.environ, "ALLOWED_HOSTS": allowed_hosts(self.options.host)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=self.watchman.announce,
            )


@contextmanager
def supervised(options: Options, say: Say) -> Iterator[Supervisor]:
    """The services for the length of the block."""
    supervisor = Supervisor(options, say)
    try:
        supervisor.start()
        yield supervisor
    finally:
        with signals_ignored():
            supervisor.stop()


def log_dir() -> Path:
    """Directory of what the services print, made on first use."""
    directory = Path(settings.VAR_DIR) / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _signal_group(child: subprocess.Popen[bytes], how: signal.Signals, *, leader_only: bool = False) -> None:
    try:
        (os.kill if leader_only else os.killpg)(child.pid, how)
    except ProcessLookupError:
        return


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
