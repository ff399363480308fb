"""`manage.py serve`: from an empty directory to a living city on one port, and everything ended at the end."""

import hashlib
import logging
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from apps.common import processes
from apps.common.embedded import lease, paths
from apps.common.processes import Service
from apps.common.watchman import Watchman

logger = logging.getLogger(__name__)

Say = Callable[[str], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 2.6  # uvicorn gives open streams two; then the rest is killed
SERVERS_SECONDS = 2.2  # for the private servers to end, when nobody else uses them
FIRST_ANSWER_SECONDS = 60
CRASHES = 5  # of one service within CRASH_SECONDS: then it is not an accident
CRASH_SECONDS = 60.0
LEAST_POSTGRES = 150_000
LOG_BYTES = 20 * 2**20


class CannotServe(Exception):
    """The product cannot be started or kept running; the message is one sentence for the person at the terminal."""


class AskedToEnd(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived: unwinds whatever is being done, like KeyboardInterrupt."""


@dataclass(frozen=True)
class Options:
    """What `serve` was asked for."""

    host: str
    port: int
    demo: bool = True
    workers: int = 2


@dataclass
class Running:
    """One service that is up: its process and when it crashed."""

    service: Service
    log: Path
    child: subprocess.Popen[bytes]
    crashes: list[float] = field(default_factory=list)


def serve(options: Options, say: Say) -> None:
    """Start everything and stay until asked to end. Raises CannotServe or ServerTrouble with a sentence."""
    began = time.monotonic()
    check_port(options.host, options.port)
    names = lease.needed()
    with signals_raise():
        try:
            with ExitStack() as held:
                if names:
                    say("Starting private servers: " + ", ".join(names))
                held.enter_context(lease.join(names, say))
                prepare(options, say)
                supervisor = held.enter_context(supervised(options, say))
                say(f"Ready after {time.monotonic() - began:.1f} s.")
                _introduce(options, say)
                supervisor.watch()
        except AskedToEnd:
            say("Ending.")
        finally:
            with signals_ignored():
                lease.wait_until_gone(names, SERVERS_SECONDS)


def prepare_only(options: Options, say: Say) -> None:
    """What must be done once before the services of a deployment start, each in its own container."""
    with lease.join(lease.needed(), say):
        prepare(options, say)


def check_port(host: str, port: int) -> None:
    """Refuse at once when the port cannot be had, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CannotServe(
                f"Port {port} needs more rights than yours: choose one above 1023, e.g. PORT=8000."
            ) from None
        except socket.gaierror:
            raise CannotServe(f"HOST={host} is not an address of this machine.") from None
        except OSError as error:
            raise CannotServe(
                f"Port {port} on {host} cannot be used ({error.strerror}): "
                f"stop the program that has it, or choose another: PORT={port + 1 if port < 65535 else 8000} make run"
            ) from None


def prepare(options: Options, say: Say) -> None:
    """Bring database, demo city and static files up to date; quick when they are."""
    _check_database()
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Migrating the database: {len(plan)} steps")
        call_command("migrate", interactive=False, verbosity=0)
    if options.demo and "build_city" in get_commands():
        call_command("build_city", if_empty=True)
    _collect_static(say)
    connections.close_all()


def _check_database() -> None:
    """Refuse a database that does not answer or is too old, in words rather than in a traceback."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise CannotServe(f"The database does not answer: {first_line}. Is DATABASE_URL right?") from None
    version = connection.connection.server_version
    if version < LEAST_POSTGRES:
        raise CannotServe(f"PostgreSQL {LEAST_POSTGRES // 10_000} or newer is needed; this one is {version // 10_000}.")


def _collect_static(say: Say) -> None:
    """Collect when a file, its size or its time has changed: hashing and compressing all of them takes seconds."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list(None):
            info = Path(storage.path(name)).stat()
            digest.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    say("Collecting static files")
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest.hexdigest())


def _introduce(options: Options, say: Say) -> None:
    say(f"\n  grid_mgmt is at {_address(options)}\n")
    if options.demo and "demo_accounts" in get_commands():
        call_command("demo_accounts")
    say(f"\n  Logs: {_log_dir()}    Stop: Ctrl-C\n")


def _address(options: Options) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(options.host, options.host)  # noqa: S104 - how it is reached
    return f"http://{host}:{options.port}/"


class Supervisor:
    """Web, worker and beat as children; one that dies is started again."""

    def __init__(self, options: Options, say: Say) -> None:
        self.options = options
        self.say = say
        self.watchman = Watchman()
        self.running: list[Running] = []

    def start(self) -> None:
        """Start all services; the web first, for somebody is waiting for a page and nobody yet for a sweep."""
        self._begin(processes.web(host=self.options.host, port=self.options.port, workers=self.options.workers))
        self.await_first_answer()
        self._begin(processes.worker())
        self._begin(processes.beat(schedule=Path(settings.VAR_DIR) / "beat-schedule"))

    def _begin(self, service: Service) -> None:
        log = _log_dir() / f"{service.name}.log"
        self.running.append(Running(service, log, self._launch(service, log)))

    def await_first_answer(self) -> None:
        """Wait until the web answers; a service that dies meanwhile is a failure, with its last words."""
        end = time.monotonic() + FIRST_ANSWER_SECONDS
        while not _answers(f"{_address(self.options)}healthz"):
            for one in self.running:
                if one.child.poll() is not None:
                    raise CannotServe(
                        f"The {one.service.name} process ended at once: {_last_words(one.log)} (log: {one.log})"
                    )
            if time.monotonic() > end:
                raise CannotServe(f"The web process does not answer (log: {_log_dir() / 'web.log'})")
            time.sleep(0.1)

    def watch(self) -> None:
        """Stay until a signal arrives; start again what dies."""
        while True:
            for one in self.running:
                if one.child.poll() is not None:
                    self._revive(one)
            time.sleep(0.5)

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


def allowed_hosts(host: str) -> str:
    """ALLOWED_HOSTS as the operator gave it, else this machine's own names and addresses for the given HOST."""
    given = os.environ.get("ALLOWED_HOSTS")
    if given:
        return given
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host not in ("127.0.0.1", "localhost", "::1"):
        names += [host, socket.gethostname(), *_own_addresses()]
    return ",".join(dict.fromkeys(names))


def _own_addresses() -> list[str]:
    try:
        return socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []


@contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into AskedToEnd; later ones must not disturb the ending."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise AskedToEnd

    with _handlers(end):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the children behind."""
    with _handlers(signal.SIG_IGN):
        yield


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _signal_group(child: subprocess.Popen[bytes], how: signal.Signals, *, leader_only: bool = False) -> None:
    try:
        (os.kill if leader_only else os.killpg)(child.pid, how)
    except ProcessLookupError:
        return


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own address
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _log_dir() -> Path:
    directory = Path(settings.VAR_DIR) / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
