"""The commands of the running product, once: `manage.py serve` starts them, docker-compose.yml repeats them (a test
compares), the tests start single ones.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SITE = "grid_mgmt.asgi:application"
LOG_CONFIG = "grid_mgmt/uvicorn_logging.json"  # leaves the words to the settings' own JSON lines
CELERY_APP = "grid_mgmt"


WEB_PORT = 8000  # behind the proxy of docker-compose.yml
LIVE_PORT = 8001


@dataclass(frozen=True)
class Service:
    """A long-running process: its name and its command, without the interpreter."""

    name: str
    module: tuple[str, ...]

    def command(self) -> list[str]:
        """The command for this interpreter."""
        return [sys.executable, "-m", *self.module]


def web(*, host: str, port: int, workers: int = 2) -> Service:
    """Pages and the live feed on one port. Open streams get two seconds at the end, or uvicorn would wait for ever.

    A busy process may be silent for half a minute: by default uvicorn would kill it after five seconds.
    """
    return Service(
        "web",
        (
            *("uvicorn", SITE, "--host", host, "--port", str(port), "--workers", str(workers)),
            *("--timeout-graceful-shutdown", "1", "--timeout-worker-healthcheck", "30"),
            *("--no-access-log", "--no-server-header", "--log-config", LOG_CONFIG),
        ),
    )


def worker(*, concurrency: int = 2) -> Service:
    """Answers the rings."""
    return Service(
        "worker",
        (
            *("celery", "--app", CELERY_APP, "worker", "--concurrency", str(concurrency)),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
        ),
    )


def beat(*, schedule: Path) -> Service:
    """Rings the sweeps. `schedule` is the file in which it remembers when it last did."""
    return Service("beat", ("celery", "--app", CELERY_APP, "beat", "--loglevel", "INFO", "--schedule", str(schedule)))


def behind_proxy(*, var: Path) -> Mapping[str, Service]:
    """The services of docker-compose.yml: pages and the feed apart, so that each grows by itself."""
    return {
        "web": web(host="0.0.0.0", port=WEB_PORT),  # noqa: S104 - inside the container network
        "live": web(host="0.0.0.0", port=LIVE_PORT, workers=1),  # noqa: S104
        "worker": worker(),
        "beat": beat(schedule=var / "beat-schedule"),
    }
