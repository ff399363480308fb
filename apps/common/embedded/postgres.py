"""PostgreSQL: unix socket only, UTF-8 with code-point collation, nothing accepted is lost (fsync on)."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from apps.common.embedded import binaries, paths, places, process
from apps.common.embedded.errors import ServerDidNotStart, ServerTrouble
from apps.common.embedded.servers import Place, Progress, Server

# Command-line settings, not postgresql.conf: a newer version of this file changes them without a migration.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(paths.POSTGRES_PORT),
    "max_connections": "120",  # 2 web processes x (4 + feed) threads, worker, beat, commands, tests: < 60
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_duration_statement": "2000",
    "fsync": "on",
    "synchronous_commit": "on",
}
UNSAFE_BUT_FAST: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """A private PostgreSQL with one superuser and one empty database named grid_mgmt."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    at_parents_death: ClassVar[signal.Signals] = signal.SIGINT
    # fast; then immediate, which recovers at the next start; then nothing is left to ask
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]] = (
        (signal.SIGINT, 2.0),
        (signal.SIGQUIT, 1.0),
        (signal.SIGKILL, 5.0),
    )

    def __init__(self, place: Place, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(place)
        self.settings = {**SETTINGS, **(settings or {})}

    @property
    def socket(self) -> Path:
        return self.place.sockets / f".s.PGSQL.{paths.POSTGRES_PORT}"

    def url(self, name: str = paths.DATABASE_NAME) -> str:
        """URL of one of its databases."""
        return paths.postgres_url(self.place.sockets, name)

    def answers(self) -> bool:
        lines = self._pid_lines()
        return (
            len(lines) > 7
            and lines[7].strip() == "ready"
            and lines[4] == str(self.place.sockets)
            and self.socket.exists()
        )

    def recorded_pid(self) -> int:
        lines = self._pid_lines()
        return abs(int(lines[0])) if lines and lines[0].lstrip("-").isdigit() else 0

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return []

    def _forget(self) -> None:
        for file in (self.data / "postmaster.pid", self.socket, self.socket.with_name(self.socket.name + ".lock")):
            file.unlink(missing_ok=True)

    def _command(self) -> list[str | Path]:
        sockets = str(self.place.sockets).replace('"', '""')
        options = {**self.settings, "unix_socket_directories": f'"{sockets}"'}
        program = binaries.postgres_bin(self.place.user) / "postgres"
        return [program, "-D", self.data, *(f"--{name}={value}" for name, value in options.items())]

    def _prepare(self, progress: Progress) -> None:
        bin_dir = binaries.postgres_bin(self.place.user)
        if (self.data / "PG_VERSION").exists():
            places.need_space(self.data, 32)
            self._check_version(binaries.postgres_major(bin_dir))
            return
        progress("Making a private PostgreSQL cluster")
        places.need_space(self.place.home)
        self._initialise(bin_dir)

    def _check_version(self, program: int) -> None:
        data = (self.data / "PG_VERSION").read_text().strip()
        if data != str(program):
            raise ServerTrouble(
                f"The data in {self.data} were made by PostgreSQL {data}, but the program here is {program}: "
                "dump them with the old version first (docs/operations.md)."
            )

    def _initialise(self, bin_dir: Path) -> None:
        """Make the cluster beside its place and move it there whole: an interrupted start leaves no half cluster."""
        draft = self.data.with_suffix(".new")
        if draft.exists():
            shutil.rmtree(draft)
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if binaries.postgres_major(bin_dir) >= 17 else ["--locale=C.UTF-8"]
        self._run([bin_dir / "initdb", "-D", draft, "-U", paths.DATABASE_USER, "-A", "trust", "-E", "UTF8", *locale])
        self._run(
            [bin_dir / "postgres", "--single", "-D", draft, "template1"], f"CREATE DATABASE {paths.DATABASE_NAME}\n"
        )
        draft.rename(self.data)

    def _run(self, command: list[str | Path], text: str = "") -> None:
        """Run a program of PostgreSQL to its end, as the servers' user; its last words become the trouble."""
        with places.open_private(self.place.home / "initdb.log", self.place.user, "w+b") as words:
            ended = process.run(command, user=self.place.user, output=words, text=text)
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
        if ended != 0:
            if "No space left on device" in said:
                raise places.full_disk(self.place.home)
            errors = [line for line in said.splitlines() if "rror" in line or "FATAL" in line]
            raise ServerDidNotStart(f"{Path(command[0]).name} failed: {(errors or ['no reason given'])[-1]}")
