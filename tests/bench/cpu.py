"""Processes and their children, from /proc: who they are, and the processor time they took."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(*roots: int) -> list[int]:
    """These processes and all below them."""
    below: dict[int, list[int]] = {}
    for pid, fields in _all().items():
        below.setdefault(int(fields[1]), []).append(pid)
    found, waiting = [], list(roots)
    while waiting:
        found.append(waiting.pop())
        waiting += below.get(found[-1], [])
    return found


def tree_seconds(*roots: int) -> float:
    """User and system time of these processes and all below them, children that have ended included.

    It depends far less on the neighbours than wall time does.
    """
    known = _all()
    return sum(sum(map(int, known[pid][11:15])) for pid in tree(*roots) if pid in known) / _TICKS


def _all() -> dict[int, list[str]]:
    """The fields of /proc/<pid>/stat after the name."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
    return found
