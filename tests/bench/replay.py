"""The floor under set-based services: one raw statement that writes the very rows which the service wrote.

The service works on one crowd of issues; what it changed and added is staged, moved by a constant to the ids of a
second crowd that is like the first, and written there by a single statement. Only that statement is timed.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tests.bench import ground

ADDED_TO = ("issues_handover", "issues_issueevent", "notices_notice")

# columns that a service may change; the ids are those of the second crowd
STAGE = """
    DROP TABLE IF EXISTS staged_issue, staged_ended, staged_handover, staged_event, staged_notice;
    CREATE TABLE staged_issue AS
    SELECT id + %(offset)s AS id, state, holder_grid_id, holder_department_id, due_at, next_action_at, rung, step,
        card, closed_at, version
    FROM issues_issue WHERE id BETWEEN %(first)s AND %(last)s;
    CREATE TABLE staged_ended AS
    SELECT twin.id, held.ended_at, held.outcome, held.is_overdue
    FROM issues_handover held JOIN issues_handover twin ON twin.issue_id = held.issue_id + %(offset)s
    WHERE held.issue_id BETWEEN %(first)s AND %(last)s AND held.id <= %(issues_handover)s;
    CREATE TABLE staged_handover AS
    SELECT issue_id + %(offset)s AS issue_id, kind, from_grid_id, from_department_id, to_grid_id, to_department_id,
        actor_id, instruction, started_at, limit_amount, limit_unit, due_at, rung_at, rung_kinds, ended_at, outcome,
        is_overdue
    FROM issues_handover WHERE issue_id BETWEEN %(first)s AND %(last)s AND id > %(issues_handover)s ORDER BY id;
    CREATE TABLE staged_event AS
    SELECT issue_id + %(offset)s AS issue_id, kind, actor_id, post_id, at, state, holder_grid_id, holder_department_id,
        due_at, rung, payload
    FROM issues_issueevent WHERE issue_id BETWEEN %(first)s AND %(last)s AND id > %(issues_issueevent)s ORDER BY id;
    CREATE TABLE staged_notice AS SELECT * FROM notices_notice WHERE id > %(notices_notice)s ORDER BY id;
    ALTER TABLE staged_notice DROP COLUMN id;
    ANALYZE staged_issue, staged_ended, staged_handover, staged_event, staged_notice;
"""
FLOOR = """
    WITH ended AS (
        UPDATE issues_handover held
        SET ended_at = staged.ended_at, outcome = staged.outcome, is_overdue = staged.is_overdue
        FROM staged_ended staged WHERE held.id = staged.id {changed_handover}
        RETURNING held.issue_id
    ), opened AS (
        INSERT INTO issues_handover (issue_id, kind, from_grid_id, from_department_id, to_grid_id, to_department_id,
            actor_id, instruction, started_at, limit_amount, limit_unit, due_at, rung_at, rung_kinds, ended_at,
            outcome, is_overdue)
        SELECT staged.* FROM staged_handover staged LEFT JOIN ended ON ended.issue_id = staged.issue_id
    ), moved AS (
        UPDATE issues_issue issue
        SET state = staged.state, holder_grid_id = staged.holder_grid_id,
            holder_department_id = staged.holder_department_id, due_at = staged.due_at,
            next_action_at = staged.next_action_at, rung = staged.rung, step = staged.step,
            card = staged.card, closed_at = staged.closed_at, version = staged.version
        FROM staged_issue staged WHERE issue.id = staged.id
    ), told AS (
        INSERT INTO notices_notice ({notice_columns}) SELECT {notice_columns} FROM staged_notice
    )
    INSERT INTO issues_issueevent (issue_id, kind, actor_id, post_id, at, state, holder_grid_id, holder_department_id,
        due_at, rung, payload, seq, previous, hash)
    SELECT staged.*, 0, '', '' FROM staged_event staged
"""
CHANGED = """
    AND (held.ended_at, held.outcome, held.is_overdue)
        IS DISTINCT FROM (staged.ended_at, staged.outcome, staged.is_overdue)
"""


@dataclass(frozen=True)
class Marks:
    """The highest ids before the service ran."""

    database: str
    highest: dict[str, int]


def mark(database: str) -> Marks:
    """Remember where the tables end."""
    with closing(ground.connect(database)) as connection, connection.cursor() as cursor:
        highest = {}
        for table in ADDED_TO:
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
            [highest[table]] = cursor.fetchone() or (0,)
    return Marks(database, highest)


def stage(marks: Marks, first: int, last: int, twin_first: int) -> dict[str, int]:
    """Stage what was written to issues `first` to `last` since `marks`, for their twins; returns rows by kind."""
    values = marks.highest | {"first": first, "last": last, "offset": twin_first - first}
    with closing(ground.connect(marks.database)) as connection, connection.cursor() as cursor:
        cursor.execute(STAGE, values)
        connection.commit()
        counts = {}
        for kind in ("issue", "ended", "handover", "event", "notice"):
            cursor.execute(f"SELECT count(*) FROM staged_{kind}")
            [counts[kind]] = cursor.fetchone() or (0,)
    return counts


def replay_seconds(database: str) -> float:
    """Write what is staged by one statement; returns the seconds it took, with the commit."""
    with closing(ground.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM staged_notice LIMIT 0")
        notice_columns = ", ".join(column.name for column in cursor.description or ())
        began = time.perf_counter()
        cursor.execute(FLOOR.format(notice_columns=notice_columns, changed_handover=CHANGED))
        connection.commit()
        return time.perf_counter() - began


@contextmanager
def timed(taken: list[float]) -> Iterator[None]:
    """Add the seconds of the block to `taken`."""
    began = time.perf_counter()
    yield
    taken.append(time.perf_counter() - began)
