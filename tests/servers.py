"""The tests' own PostgreSQL and Valkey: in a temporary directory, on sockets, shared by all xdist workers.

They end with the pytest process, however it ends. `GRID_TEST_SERVERS=env` uses DATABASE_URL and REDIS_URL instead.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from apps.common.embedded import paths
from apps.common.embedded.postgres import UNSAFE_BUT_FAST, Postgres
from apps.common.embedded.servers import Place, Server
from apps.common.embedded.valkey import Valkey

HOME = "GRID_TEST_HOME"
SMALL = {"shared_buffers": "64MB", "max_connections": "200"}
PREFIX = "grid-test-"


def claim_servers() -> None:
    """Point this process's environment at the tests' servers. Cheap; `start_servers` starts them."""
    if os.environ.get("GRID_TEST_SERVERS") != "env":
        home = os.environ.get(HOME) or new_home()
        os.environ[HOME] = home
        os.environ["GRID_VAR_DIR"] = f"{home}/var"
        Path(home, "var", "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where nothing was collected
        place = place_in(Path(home))
        os.environ["DATABASE_URL"] = Postgres(place).url()
        os.environ["REDIS_URL"] = Valkey(place).url(_worker_number())


def new_home() -> str:
    """A fresh directory, short enough for sockets, that any user may enter but only ours may use."""
    home = tempfile.mkdtemp(prefix=PREFIX, dir=paths.short_temp())
    Path(home).chmod(0o755)
    return home


def place_in(home: Path) -> Place:
    """Where servers of a test live below `home`."""
    return Place(home=home / "servers", sockets=home / "run", user=paths.run_user())


def start_servers() -> list[Server]:
    """Start what `claim_servers` pointed at; the list is empty in an xdist worker, which shares its parent's."""
    if os.environ.get("GRID_TEST_SERVERS") == "env" or "PYTEST_XDIST_WORKER" in os.environ:
        return []
    home = Path(os.environ[HOME])
    _sweep_leftovers(home.parent)
    _hold(home)
    return start_at(place_in(home), settings={**UNSAFE_BUT_FAST, **SMALL})


def start_at(place: Place, settings: Mapping[str, str]) -> list[Server]:
    """Start a PostgreSQL with `settings` and a Valkey in `place`."""
    servers: list[Server] = [Postgres(place, settings), Valkey(place)]
    for server in servers:
        server.start(lambda _text: None)
    return servers


def stop_servers(servers: list[Server]) -> None:
    """End them and remove what they wrote."""
    for server in servers:
        server.stop()
    if servers:
        shutil.rmtree(os.environ[HOME], ignore_errors=True)


_held: list[int] = []


def _hold(home: Path) -> None:
    """Mark the directory as in use for as long as this process lives."""
    descriptor = os.open(home / "in-use", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _held.append(descriptor)


def _sweep_leftovers(parent: Path) -> None:
    """Remove directories of test runs that were killed."""
    for mark in parent.glob(f"{PREFIX}*/in-use"):
        try:
            with mark.open("r+") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(mark.parent, ignore_errors=True)
        except OSError:
            continue  # in use, or another user's


def _worker_number() -> int:
    """A Redis database for each xdist worker: gw0 has 1; 0 belongs to an unparallel run."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
