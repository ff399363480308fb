"""From `make run` to the first page: cold (a fresh clone: virtual environment, wheels, the whole demo city) and warm.

The clone is of this checkout's newest commit, into a temporary directory; the page is the log-in. The clone's own
private servers are used, as a newcomer would.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.common.embedded import paths
from apps.common.embedded.process import die_with_parent
from apps.common.embedded.servers import wait_for
from tests.bench.rows import Row, at_most, row
from tests.processes import free_port

COLD_SECONDS = 600
WARM_SECONDS = 60
END_SECONDS = 20
NOT_THE_CLONES = ("DATABASE_URL", "REDIS_URL", "GRID_", "DJANGO_", "ALLOWED_HOSTS", "LOG_LEVEL", "MAKE", "MFLAGS")


def bench() -> Iterator[Row]:
    """Seconds, once each."""
    with _clone() as place:
        cold = _seconds_to_first_page(place, COLD_SECONDS)
        yield row("start_cold", cold, "s", note="new clone, new environment, whole demo city")
        yield row("start_warm", _seconds_to_first_page(place, WARM_SECONDS), "s", aim=at_most(8, "s"))


@contextmanager
def _clone() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="grid-start-", dir=paths.short_temp()))
    home.chmod(0o755)
    try:
        place = home / "grid_mgmt"
        subprocess.run(["git", "clone", "--quiet", str(paths.project_dir()), str(place)], check=True, timeout=60)
        yield place
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _seconds_to_first_page(place: Path, limit: float) -> float:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_THE_CLONES)}
    log = place.parent / "make.log"
    with log.open("ab") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            ["make", "run"],
            cwd=place,
            env={**environment, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    try:
        url = f"http://127.0.0.1:{port}/login/"
        wait_for(lambda: _is_page(url) or child.poll() is not None, limit)
        seconds = time.monotonic() - began
        if not _is_page(url):
            raise RuntimeError(f"no page after {seconds:.0f} s: {_last_line(log)}")
        return seconds
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _is_page(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, OSError):
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
