"""Verifying the history: every event of the demo city's month hashed again and its chain followed, as `verify_history`
does, beside a loop that reads the same bytes and hashes them without looking at anything.
"""

import hashlib
import statistics
import time
from collections.abc import Iterator
from contextlib import closing

from apps.issues.selectors.history import verify_histories
from tests.bench import ground
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_least, row

DATABASE = "history"
ROUNDS = 3
FLOOR = "SELECT previous, hash, issue_event_digest(e) FROM issues_issueevent e ORDER BY issue_id, seq"
BATCH = 5_000


def bench() -> Iterator[Row]:
    """Events a second."""
    use_database(city_database(DATABASE))
    ours, floor, events = [], [], 0
    verify_histories()  # a warm process
    for _ in range(ROUNDS):
        began = time.monotonic()
        found = verify_histories()
        ours.append(time.monotonic() - began)
        if found.faults:
            raise RuntimeError(f"the history is broken: {found.faults[0]}")
        events = found.events
        began = time.monotonic()
        _read_and_hash()
        floor.append(time.monotonic() - began)
    yield row(
        "history",
        events / statistics.median(ours),
        "events/s",
        against="the database hashing the rows, Python reading them",
        against_value=events / statistics.median(floor),
        aim=at_least(20_000, "events/s"),
        note=f"{events:,} events of {found.issues:,} issues",
    )


def _read_and_hash() -> None:
    with closing(ground.connect(DATABASE)) as connection, connection.cursor("floor") as cursor:
        cursor.itersize = BATCH
        cursor.execute(FLOOR)
        for previous, written, _digest in cursor:
            hashlib.sha256(bytes(previous) + bytes(written)).digest()
