"""The sweep: 100,000 overdue among a million open issues, beside one raw SQL statement that writes the same rows.

The real `sweep` moves one crowd from "reminded" to "overdue": issues, handovers, events with their chain, notices to
holders and superiors, hints to the feed. Then the raw statement does the same to a second crowd, and so on in turns.
"""

import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.common import clock
from apps.issues.models import Rung, State
from apps.issues.services.escalation import sweep
from tests.bench import crowd, replay
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_most, row

DATABASE = "sweep"
OVERDUE = 100_000
OPEN = 1_000_000
ROUNDS = 2
LATER = timedelta(hours=1)  # from one crowd's due time to the next one's


def bench() -> Iterator[Row]:
    """Seconds for 100,000 issues."""
    use_database(city_database(DATABASE))
    start = clock.now()
    crowds = [_overdue_crowd(start + turn * LATER) for turn in range(2 * ROUNDS)]
    rest = OPEN - OVERDUE * len(crowds)
    crowd.gather(DATABASE, crowd.Crowd(rest, start, State.ASSIGNED, timedelta(days=99), timedelta(days=74)))
    sweep(now=start - LATER)  # the past of the demo city, and a warm process
    ours: list[float] = []
    floor: list[float] = []
    counts: dict[str, int] = {}
    for turn in range(ROUNDS):
        mine, twin = crowds[2 * turn], crowds[2 * turn + 1]
        marks = replay.mark(DATABASE)
        with replay.timed(ours):
            _sweep_all(start + 2 * turn * LATER + LATER / 2)
        counts = replay.stage(marks, *mine, twin[0])
        floor.append(replay.replay_seconds(DATABASE))
    yield row(
        "sweep",
        statistics.median(ours),
        "s",
        against="one raw SQL statement",
        against_value=statistics.median(floor),
        aim=at_most(1.5, of="ratio"),
        note=f"{OVERDUE:,} of {OPEN:,} open; rows: " + ", ".join(f"{n:,} {kind}" for kind, n in counts.items()),
    )


def _overdue_crowd(due_at: datetime) -> tuple[int, int]:
    limit = timedelta(hours=4)
    return crowd.gather(
        DATABASE,
        crowd.Crowd(OVERDUE, due_at - limit, State.ASSIGNED, limit=limit, next_action=limit, rung=Rung.REMINDED),
    )


def _sweep_all(now: datetime) -> None:
    while sweep(now=now).remaining:
        pass
