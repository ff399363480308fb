"""The real site of a bench: web and worker as `manage.py serve` starts them, on one of the run's databases."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apps.common import processes
from apps.common.embedded import paths
from tests.bench import ground
from tests.processes import ProductProcess, answers, free_port

START_SECONDS = 60
STATIC_SECONDS = 120


@dataclass(frozen=True)
class Site:
    """A running web server."""

    port: int
    process: ProductProcess

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web(database: str, workers: int = 2) -> Iterator[Site]:
    """The web processes on one port; ended with the block."""
    _collect_static(database)
    port = free_port()
    service = processes.web(host="127.0.0.1", port=port, workers=workers)
    process = ProductProcess(service, environment=environment(database), output=_log(f"web-{port}"))
    site = Site(port, process)
    try:
        process.start(lambda: answers(f"{site.url}/healthz"), START_SECONDS)
        yield site
    finally:
        process.stop()


@contextmanager
def worker(database: str) -> Iterator[ProductProcess]:
    """The Celery worker with its two processes; ended with the block."""
    process = ProductProcess(processes.worker(), environment=environment(database), output=_log(f"worker-{database}"))
    try:
        process.start(lambda: " ready." in process.said(), START_SECONDS)
        yield process
    finally:
        process.stop()


def environment(database: str) -> dict[str, str]:
    """What leads a process of the product to this database."""
    return {**os.environ, "DATABASE_URL": ground.database_url(database), "LOG_LEVEL": "INFO"}


def _collect_static(database: str) -> None:
    """Once a run, as `manage.py serve` does before it starts the web."""
    done = ground.home() / "static-collected"
    if not done.exists():
        command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(command, cwd=paths.project_dir(), env=environment(database), check=True, timeout=STATIC_SECONDS)
        done.touch()


def _log(name: str) -> Path:
    return ground.home() / f"{name}.log"
