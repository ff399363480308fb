"""Routing: reports a second drained by `route_waiting`, beside one raw SQL statement that writes the same rows.

Hop by hop as in the product: handovers, events with their chain, notices, hints to the feed. The waiting reports lie in
all cells of the city and have all minor classes; ours and the floor take crowds that are alike, in turns.
"""

import statistics
from collections.abc import Iterator
from datetime import timedelta

from apps.common import clock
from apps.issues.models import State
from apps.issues.services.routing import route_waiting
from tests.bench import crowd, replay
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.rows import Row, row

DATABASE = "routing"
WAITING = 10_000
ROUNDS = 3


def bench() -> Iterator[Row]:
    """Reports a second."""
    use_database(city_database(DATABASE))
    _gather()
    route_waiting(now=clock.now())  # a warm process
    ours: list[float] = []
    floor: list[float] = []
    counts: dict[str, int] = {}
    for _ in range(ROUNDS):
        mine = _gather()
        marks = replay.mark(DATABASE)
        with replay.timed(ours):
            route_waiting(now=clock.now())
        twin = _gather()
        counts = replay.stage(marks, *mine, twin[0])
        floor.append(replay.replay_seconds(DATABASE))
    yield row(
        "routing",
        WAITING / statistics.median(ours),
        "reports/s",
        against="one raw SQL statement",
        against_value=WAITING / statistics.median(floor),
        note=f"{WAITING:,} waiting; rows: " + ", ".join(f"{n:,} {kind}" for kind, n in counts.items()),
    )


def _gather() -> tuple[int, int]:
    limit = timedelta(hours=4)
    filed_at = clock.now() - timedelta(minutes=1)
    return crowd.gather(DATABASE, crowd.Crowd(WAITING, filed_at, State.COLLECTED, limit=limit, next_action=limit))
