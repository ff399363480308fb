"""Ends what a killed parent left behind: `python -m apps.common.watchman`, started by `manage.py serve`.

Its standard input is a pipe that only the parent can write to. Each line is a process group: `+123` has begun, `-123`
is over. When the pipe closes, however the parent died, the groups that are left are told to end, and then made to.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

from apps.common.embedded import paths

GRACE_SECONDS = 2.6  # uvicorn gives open streams two seconds


class Watchman:
    """The parent's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.common.watchman"],
            stdin=subprocess.PIPE,
            cwd=paths.project_dir(),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin.fileno()

    def announce(self) -> None:
        """Called in a child between fork and exec, when it leads its own group: it must not outlive the parent.

        The child says so itself, while it still holds the pipe: no moment is left at which a killed parent has a
        child that the watchman does not know.
        """
        os.write(self._pipe, b"+%d\n" % os.getpid())

    def forget(self, group: int) -> None:
        """`group` is over."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, b"-%d\n" % group)

    def dismiss(self) -> None:
        """Let it go home; what it still watches is ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def end_groups(groups: set[int], seconds: float = GRACE_SECONDS) -> None:
    """Ask the leaders of these process groups to end; after `seconds`, kill whatever of the groups is left."""
    for group in groups:
        _signal(group, signal.SIGTERM)
    end = time.monotonic() + seconds
    while any(_signal(group, 0) for group in groups) and time.monotonic() < end:
        time.sleep(0.05)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _signal(leader: int, how: int) -> bool:
    try:
        os.kill(leader, how)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Entry point of the watchman process."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    end_groups(groups)


if __name__ == "__main__":
    main()
