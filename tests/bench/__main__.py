"""`python -m tests.bench [name …]`: JSON lines as they come, a table at the end, exit code 0 whatever the figures."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from apps.common.embedded import paths
from apps.common.embedded.process import die_with_parent
from tests.bench.ground import private_servers
from tests.bench.rows import Row, not_measured, table

LAST_WORDS = 2_000


@dataclass(frozen=True)
class Bench:
    """A module with a function `bench() -> Iterator[Row]`, and how long it may take."""

    name: str
    seconds: int


BENCHES = (
    Bench("build_city", 300),
    Bench("locate", 180),
    Bench("filing", 600),
    Bench("board_visible", 400),
    Bench("routing", 400),
    Bench("listeners", 300),
    Bench("detail", 300),
    Bench("sweep", 900),
    Bench("queue_page", 1_200),
    Bench("moves", 1_200),
    Bench("history", 300),
    Bench("recount", 400),
    Bench("simulate", 600),
    Bench("start", 900),
)


def main(wanted: Sequence[str]) -> int:
    """Run the wanted benches, all of them by default."""
    unknown = sorted(set(wanted) - {bench.name for bench in BENCHES})
    if unknown:
        sys.exit(f"No such bench: {', '.join(unknown)}. There are: {', '.join(bench.name for bench in BENCHES)}.")
    rows: list[Row] = []
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that the servers' directory goes too
    with private_servers() as environment:
        for bench in BENCHES:
            if not wanted or bench.name in wanted:
                rows += _run(bench, environment)
    _say(table(rows), sys.stdout)
    return 0


def _run(bench: Bench, environment: Mapping[str, str]) -> list[Row]:
    began = time.monotonic()
    home = Path(environment["GRID_BENCH_HOME"])
    file, log = home / f"{bench.name}.rows", home / f"{bench.name}.log"
    why = _run_child(bench, {**os.environ, **environment}, file, log)
    rows = [Row.from_json(line) for line in file.read_text().splitlines()] if file.exists() else []
    if why and (not rows or rows[-1].value is not None):
        rows.append(not_measured(bench.name, why))
    for one in rows:
        _say(one.as_json(), sys.stdout)
    if why:
        _say(log.read_text(errors="replace")[-LAST_WORDS:], sys.stderr)
    _say(f"{bench.name}: {time.monotonic() - began:.0f} s", sys.stderr)
    return rows


def _run_child(bench: Bench, environment: Mapping[str, str], file: Path, log: Path) -> str:
    """Run the bench to its end; return why it failed, or nothing."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.child", bench.name, str(file)],
            cwd=paths.project_dir(),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        try:
            code = child.wait(bench.seconds)
        except subprocess.TimeoutExpired:
            child.kill()  # its own children end with it
            child.wait()
            return f"not finished after {bench.seconds} s"
    return f"ended with code {code}" if code else ""


def _say(text: str, where: TextIO) -> None:
    where.write(text.rstrip("\n") + "\n")
    where.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
