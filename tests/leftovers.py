"""Which processes still belong to an installation, found by its var directory in command line or environment."""

import os
from pathlib import Path

from apps.common.embedded import process


def processes_of(var: Path) -> dict[int, str]:
    """Pid and command line of every living process that mentions `var`, this one left out."""
    mark = os.fsencode(str(var))
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        try:
            command = (entry / "cmdline").read_bytes()
            mentioned = mark in command or mark in (entry / "environ").read_bytes()
        except OSError:
            continue
        if mentioned and pid != os.getpid() and process.is_alive(pid):
            found[pid] = command.replace(b"\0", b" ").decode(errors="replace")[:160]
    return found
