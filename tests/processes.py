"""Real child processes of the product for tests: a Celery worker, a web server."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from apps.common.embedded import paths
from apps.common.embedded.process import die_with_parent
from apps.common.embedded.servers import wait_for
from apps.common.processes import Service


class ProductProcess:
    """One process of the product, as `manage.py serve` starts it, but against the test's servers.

    `output` is the file it prints to. It dies with the test run.
    """

    def __init__(self, service: Service, *, environment: dict[str, str], output: Path) -> None:
        self.service = service
        self.output = output
        self._environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "grid_mgmt.settings", **environment}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the main process."""
        assert self._child is not None
        return self._child.pid

    def start(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Start it and wait until `ready` says so; what it printed is in the failure."""
        with self.output.open("ab") as output:
            self._child = subprocess.Popen(
                self.service.command(),
                cwd=paths.project_dir(),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        child = self._child
        done = wait_for(lambda: ready() or child.poll() is not None, seconds)
        assert done and child.poll() is None, f"{self.service.name} did not start:\n{self.said()}"

    def said(self) -> str:
        """Everything it has printed."""
        return self.output.read_text(errors="replace")

    def stop(self, seconds: float = 10) -> None:
        """End it politely, children included; kill what does not end in time."""
        self._signal_group(signal.SIGTERM, only_main=True)
        child = self._child
        if child is not None and not wait_for(lambda: child.poll() is not None, seconds):
            self.kill()
        self._signal_group(signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL to the process and all its children at once: a crash."""
        self._signal_group(signal.SIGKILL)
        if self._child is not None:
            self._child.wait(10)

    def _signal_group(self, how: signal.Signals, only_main: bool = False) -> None:
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            (os.kill if only_main else os.killpg)(self._child.pid, how)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        time.sleep(0.05)
        return False
    return True
