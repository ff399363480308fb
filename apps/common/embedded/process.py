"""Programs as children that never outlive us, and what /proc knows about processes that are not our children."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """Return what a child calls between fork and exec so that the kernel sends it `how` when its parent dies."""
    parent = os.getpid()

    def arrange() -> None:
        end_with_parent(how)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arrange


def end_with_parent(how: signal.Signals) -> None:
    """Have the kernel send this process `how` when its parent dies (Linux only; elsewhere nothing happens)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def run(command: Sequence[str | Path], *, user: pwd.struct_passwd, output: IO[bytes], text: str) -> int:
    """Run `command` as `user` to its end, with `text` as its input; return its exit code."""
    child = start(command, user=user, output=output, at_parents_death=signal.SIGKILL, stdin=subprocess.PIPE)
    child.communicate(text.encode())
    return child.returncode


def start(
    command: Sequence[str | Path],
    *,
    user: pwd.struct_passwd,
    output: IO[bytes],
    at_parents_death: signal.Signals,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` as `user` in a session of its own, in `/`, so that no terminal and no directory holds it."""
    as_root = os.geteuid() == 0 and user.pw_uid != 0
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        umask=0o077,
        user=user.pw_uid if as_root else None,
        group=user.pw_gid if as_root else None,
        extra_groups=[] if as_root else None,
        preexec_fn=die_with_parent(at_parents_death),
    )


def is_alive(pid: int) -> bool:
    """Whether process `pid` exists and is not a zombie that nobody has reaped yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return state(pid) != "Z"


def state(pid: int) -> str:
    """The state letter of /proc/<pid>/stat, or nothing where it cannot be read."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def mentions(pid: int, text: str) -> bool:
    """Whether the command line of `pid` contains `text`; a pid taken over by another program does not."""
    try:
        return os.fsencode(text) in (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return not _PROC.exists()  # without /proc we believe the pid file


def anyone_works_in(directory: Path) -> bool:
    """Whether a living process has `directory` as its working directory, as every PostgreSQL process has its data."""
    for entry in _PROC.glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == directory:
                return True
        except OSError:
            continue
    return False
