"""Valkey: unix socket only, every second of writes on disk (AOF), nothing evicted."""

import contextlib
import signal
import socket
from pathlib import Path
from typing import ClassVar

from apps.common.embedded import binaries, paths, places
from apps.common.embedded.servers import Progress, Server


class Valkey(Server):
    """A private Valkey: the broker's queues, the live feed and short-lived keys."""

    name: ClassVar[str] = "valkey"
    title: ClassVar[str] = "Valkey"
    at_parents_death: ClassVar[signal.Signals] = signal.SIGTERM
    stop_signals: ClassVar[tuple[tuple[signal.Signals, float], ...]] = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))

    @property
    def socket(self) -> Path:
        return self.place.sockets / "valkey.sock"

    def url(self, number: int = 0) -> str:
        """URL of one of its numbered databases."""
        return paths.valkey_url(self.socket, number)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect(str(self.socket))
            link.sendall(b"PING\r\n")
            return link.recv(7).startswith(b"+PONG")  # "-LOADING" while it reads its file
        return False

    def recorded_pid(self) -> int:
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return 0

    @property
    def _pid_file(self) -> Path:
        return self.data / "valkey.pid"

    def _forget(self) -> None:
        self._pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _prepare(self, progress: Progress) -> None:
        places.make_private(self.data, self.place.user)
        places.need_space(self.data, 32)

    def _command(self) -> list[str | Path]:
        options: dict[str, str | Path] = {
            "port": "0",
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "dir": self.data,
            "pidfile": self._pid_file,
            "daemonize": "no",
            "databases": "64",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "notice",
        }
        program = binaries.valkey_program(self.place.user)
        return [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
