"""Counting clocks again after a day off was declared: 30,000 running clocks, beside one raw SQL statement that writes
the same rows. The real service: measured and laid out anew, history and hints included.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

from apps.common import clock
from apps.issues.models import State
from apps.issues.services.calendar import edit_calendar_day
from apps.issues.services.recounting import recount_clocks
from tests.bench import crowd, ground
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_least, row

DATABASE = "recount"
RUNNING = 30_000
ROUNDS = 3
FLOOR = """
    WITH held AS (
        UPDATE issues_handover SET due_at = due_at + interval '1 second', counted_at = now(),
            rung_at = ARRAY(SELECT at + interval '1 second' FROM unnest(rung_at) AS at)
        WHERE issue_id BETWEEN %(first)s AND %(last)s AND ended_at IS NULL
    ), moved AS (
        UPDATE issues_issue SET due_at = due_at + interval '1 second',
            next_action_at = next_action_at + interval '1 second', version = version + 1
        WHERE id BETWEEN %(first)s AND %(last)s RETURNING *
    )
    INSERT INTO issues_issueevent (issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, rung,
        payload, previous, hash)
    SELECT id, 0, 'recount', now(), state, holder_grid_id, holder_department_id, due_at, rung,
        jsonb_build_object('was', due_at), '', '' FROM moved
"""


def bench() -> Iterator[Row]:
    """Clocks a second."""
    use_database(city_database(DATABASE))
    start = clock.now()
    limit = timedelta(days=30)
    first, last = crowd.gather(
        DATABASE, crowd.Crowd(RUNNING, start, State.ASSIGNED, limit=limit, next_action=limit * 0.75)
    )
    ours: list[float] = []
    floor: list[float] = []
    for turn in range(ROUNDS):
        now = start + timedelta(hours=turn)
        day = (start + timedelta(days=7 + turn)).date()
        edit_calendar_day(day=day, is_working=day.weekday() >= 5, now=now)  # the other way
        began = time.perf_counter()
        changed = recount_clocks(now=now + timedelta(minutes=1)).changed
        ours.append((time.perf_counter() - began) / changed)
        floor.append(_floor_seconds(first, last) / RUNNING)
    yield row(
        "recount",
        1 / statistics.median(ours),
        "clocks/s",
        against="one raw SQL statement",
        against_value=1 / statistics.median(floor),
        aim=at_least(5_000, "clocks/s"),
        note=f"{changed:,} clocks changed by one day of the calendar",
    )


def _floor_seconds(first: int, last: int) -> float:
    with closing(ground.connect(DATABASE)) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        cursor.execute(FLOOR, {"first": first, "last": last})
        connection.commit()
        return time.perf_counter() - began
