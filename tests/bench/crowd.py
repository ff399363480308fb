"""Many issues at once, by SQL: spread over all level-3 cells and all minor classes of the demo city.

Every issue has its open handover and its first event (through the trigger, so that the chain is right).
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.issues.models import Rung, State
from tests.bench import ground

CAST = """
    CREATE TABLE IF NOT EXISTS bench_cell AS
    SELECT row_number() OVER (ORDER BY md5(cell.id::text)) - 1 AS n, cell.id, root.id AS district_id,
        post.id AS post_id, post.user_id
    FROM grids_grid cell
    JOIN grids_grid root ON root.tree_id = cell.tree_id AND root.parent_id IS NULL
    JOIN LATERAL (SELECT id, user_id FROM staff_post WHERE grid_id = cell.id ORDER BY id LIMIT 1) post ON true
    WHERE cell.tier = 4 AND cell.valid_to IS NULL;
    CREATE TABLE IF NOT EXISTS bench_category AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS n, id FROM issues_category WHERE level = 3 AND is_active;
    ANALYZE bench_cell, bench_category;
"""
ISSUES = """
    INSERT INTO issues_issue (category_id, text, position_source, grid_id, district_id, reporter_id, reporter_post_id,
        is_urgent, is_self_handled, state, holder_grid_id, filed_at, due_at, next_action_at, rung, step, card,
        closed_at, version, client_digest)
    SELECT category.id, '路边有建筑垃圾未清运', 'cell', cell.id, cell.district_id, cell.user_id, cell.post_id,
        false, false, CASE WHEN open THEN %(state)s ELSE 'concluded' END, cell.id,
        filed, CASE WHEN open THEN filed + %(limit)s END, CASE WHEN open THEN filed + %(next_action)s END,
        %(rung)s, %(rung)s, 0, CASE WHEN NOT open THEN filed + %(limit)s END, 1, ''
    FROM generate_series(0, %(count)s - 1) AS i
    CROSS JOIN LATERAL (SELECT i %% %(open_every)s = 0 AS open, %(filed_at)s + i * %(step)s AS filed) AS own
    JOIN bench_cell cell ON cell.n = i %% (SELECT count(*) FROM bench_cell)
    JOIN bench_category category ON category.n = i / 7 %% (SELECT count(*) FROM bench_category)
    ORDER BY i
"""
HANDOVERS = """
    INSERT INTO issues_handover (issue_id, kind, to_grid_id, actor_id, instruction, started_at, limit_amount,
        limit_unit, due_at, rung_at, rung_kinds, ended_at, outcome, is_overdue)
    SELECT id, 'collect', holder_grid_id, reporter_id, '', filed_at, 4, 'workhour', filed_at + %(limit)s,
        ARRAY[filed_at + %(limit)s * 0.75, filed_at + %(limit)s, filed_at + %(breach)s],
        ARRAY['remind', 'overdue', 'escalate'], closed_at, CASE WHEN closed_at IS NULL THEN '' ELSE 'conclude' END,
        false
    FROM issues_issue WHERE id >= %(first)s ORDER BY id
"""
EVENTS = """
    INSERT INTO issues_issueevent (issue_id, seq, kind, actor_id, post_id, at, state, holder_grid_id, due_at, rung,
        payload, previous, hash)
    SELECT id, 0, 'file', reporter_id, reporter_post_id, filed_at, state, holder_grid_id, due_at, rung, '{}', '', ''
    FROM issues_issue WHERE id >= %(first)s ORDER BY id
"""


@dataclass(frozen=True)
class Crowd:
    """What the issues have in common. `limit`, `next_action` and `breach` count from the filing."""

    count: int
    filed_at: datetime
    state: State
    limit: timedelta
    next_action: timedelta
    breach: timedelta = timedelta(days=365)
    rung: Rung = Rung.ON_TIME
    step: timedelta = timedelta(0)  # between one filing and the next
    open_every: int = 1  # one in so many is open, the others are concluded


def gather(database: str, crowd: Crowd) -> tuple[int, int]:
    """Write the crowd; returns its first and last issue id."""
    values = vars(crowd) | {"state": str(crowd.state), "rung": int(crowd.rung)}
    with closing(ground.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(CAST)
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM issues_issue")
        [values["first"]] = cursor.fetchone() or (1,)
        for statement in (ISSUES, HANDOVERS, EVENTS):
            cursor.execute(statement, values)
        cursor.execute("SELECT min(id), max(id) FROM issues_issue WHERE id >= %(first)s", values)
        first, last = cursor.fetchone() or (0, 0)
        connection.commit()
    settle(database)
    return first, last


def settle(database: str) -> None:
    """Vacuum and checkpoint what was loaded, so that nothing measured pays for it."""
    with closing(ground.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) issues_issue, issues_handover, issues_issueevent")
            cursor.execute("CHECKPOINT")
