"""The small process that owns one running private server: `python -m apps.common.embedded.keeper postgres`.

Whoever needs the server holds a shared lock on a file for as long as it lives; the kernel lets go of it however the
process ends. The keeper ends the server when it can have that lock alone. So nobody stops a server that another process
has joined, and nothing is left behind when everybody is gone, kill -9 included. Should the keeper itself be killed, the
kernel tells the server to end.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from apps.common.embedded import paths, places
from apps.common.embedded.errors import ServerTrouble
from apps.common.embedded.postgres import Postgres
from apps.common.embedded.servers import Place, Server
from apps.common.embedded.valkey import Valkey

LOOK_SECONDS = 0.2
RESTART_SECONDS = 2.0


def daily_place() -> Place:
    """The place of this installation's servers."""
    return Place(home=paths.server_home(), sockets=paths.socket_dir(), user=paths.run_user())


def server_named(name: str, place: Place) -> Server:
    """The private server called `name`."""
    return Postgres(place) if name == Postgres.name else Valkey(place)


def lock_file(place: Place, name: str, purpose: str) -> Path:
    """The lock of a server for one purpose: `users` (shared), `keeper` and `starting` (exclusive)."""
    return place.home / "locks" / f"{name}.{purpose}"


def open_lock(place: Place, name: str, purpose: str) -> int:
    """Open (and make) a lock file; the caller locks and closes the descriptor."""
    places.make_private(place.home, place.user)
    places.make_private(place.home / "locks", place.user)
    with places.open_private(lock_file(place, name, purpose), place.user) as handle:
        return os.dup(handle.fileno())


def try_alone(descriptor: int) -> bool:
    """Take the lock for oneself if nobody has it."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


class Keeper:
    """Starts a server, brings it back when it dies, and ends it when nobody uses it any more."""

    def __init__(self, name: str) -> None:
        self.place = daily_place()
        self.server = server_named(name, self.place)
        self.asked_to_end = False

    def run(self) -> int:
        """Keep the server; return the exit code. Speaks on stdout until it is ready, then falls silent."""
        users = open_lock(self.place, self.server.name, "users")
        alone = open_lock(self.place, self.server.name, "keeper")
        if not try_alone(alone):
            _say("ready")  # another keeper was quicker
            return 0
        try:
            self.server.start(lambda text: _say(f"progress {text}"))
            _say("ready")
            _fall_silent()
            self._watch(users)
        except (ServerTrouble, OSError) as trouble:
            _say(f"trouble {trouble}")
            return 1
        finally:
            self.server.stop()
            os.close(alone)  # before `users`: whoever gets that one must not meet a keeper that is leaving
            os.close(users)
        return 0

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        """Answer SIGTERM, as at the machine's shutdown."""
        self.asked_to_end = True

    def _watch(self, users: int) -> None:
        while not self.asked_to_end and not try_alone(users):
            if not self.server.is_running():
                self._bring_back()
            time.sleep(LOOK_SECONDS)

    def _bring_back(self) -> None:
        try:
            self.server.start(lambda _text: None)
        except (ServerTrouble, OSError):
            time.sleep(RESTART_SECONDS)  # its log says why; the disk may have room again later


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        os.write(1, line.replace("\n", " ").encode() + b"\n")


def _fall_silent() -> None:
    """Let go of the starter's pipe, which it reads to its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)


def main() -> int:
    """Entry point of the keeper process."""
    keeper = Keeper(sys.argv[1])
    signal.signal(signal.SIGTERM, keeper.end)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
