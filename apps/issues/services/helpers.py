"""Co-handlers who are late: marked once, told once. Set-based, and nothing of the issue moves but its history."""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from apps.common.feed import publish_after_commit
from apps.issues.models import CoHandling, Issue, IssueEvent, State
from apps.issues.services.routing import BAD_ROW, districts_given
from apps.issues.services.telling import People, Telling, tell
from apps.issues.workflow import Holder
from apps.notices.services import Words
from apps.staff.models import Department

logger = logging.getLogger(__name__)

BATCH: Final = 1_000
COHANDLING, ISSUE, EVENT, DEPARTMENT = (m._meta.db_table for m in (CoHandling, Issue, IssueEvent, Department))

HELPER_LATE: Final = Words(
    gettext_noop("Your part in report %(number)s of %(cell)s is overdue"),
    gettext_noop("Your parts in %(count)s reports are overdue"),
)
HELPED_LATE: Final = Words(
    gettext_noop("%(holder)s, which helps with report %(number)s of %(cell)s, is overdue"),
    gettext_noop("Co-handlers of %(count)s reports are overdue"),
)

# Literal conditions, so that the partial index of open parts serves; the issue is locked before its part is marked.
# While the issue is suspended nobody becomes late: the holder's own lateness waits for the end of the pause as well.
_DUE = f"""part.ended_at IS NULL AND part.is_overdue = false AND part.due_at <= %(now)s
            AND issue.closed_at IS NULL AND issue.state <> '{State.SUSPENDED}'
            AND (%(districts)s::bigint[] IS NULL OR issue.district_id = ANY(%(districts)s))"""
MARK = f"""
    WITH due AS (
        SELECT part.id, part.issue_id, part.department_id FROM {COHANDLING} AS part
        JOIN {ISSUE} AS issue ON issue.id = part.issue_id
        WHERE {_DUE}
            AND (%(only)s::bigint IS NULL OR part.id = %(only)s)
        ORDER BY part.due_at, part.id LIMIT {BATCH} FOR NO KEY UPDATE OF issue, part SKIP LOCKED
    ), one AS (
        SELECT DISTINCT ON (issue_id) * FROM due ORDER BY issue_id, id
    ), marked AS (
        UPDATE {COHANDLING} AS part SET is_overdue = true FROM one WHERE part.id = one.id
    ), moved AS (
        UPDATE {ISSUE} AS issue SET version = issue.version + 1 FROM one WHERE issue.id = one.issue_id
        RETURNING issue.*
    ), written AS (
        INSERT INTO {EVENT} (issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, rung,
            payload, previous, hash)
        SELECT moved.id, 0, 'co_overdue', %(now)s, state, holder_grid_id, holder_department_id, due_at, rung,
            jsonb_build_object('department', department.name), '', ''
        FROM moved JOIN one ON one.issue_id = moved.id
        JOIN {DEPARTMENT} AS department ON department.id = one.department_id
    )
    SELECT moved.id, version, filed_at, moved.grid_id, coalesce(district_id, 0), holder_grid_id, holder_department_id,
        one.department_id, department.grid_id
    FROM moved JOIN one ON one.issue_id = moved.id
    JOIN {DEPARTMENT} AS department ON department.id = one.department_id
"""


DUE_IDS = f"""
    SELECT part.id FROM {COHANDLING} AS part JOIN {ISSUE} AS issue ON issue.id = part.issue_id
    WHERE {_DUE}
    ORDER BY part.due_at, part.id LIMIT {BATCH}
"""


class _Turn(NamedTuple):
    """What stays the same for all batches of one run."""

    now: datetime
    people: People
    values: dict[str, Any]


def mark_late_helpers(*, now: datetime, people: People, districts: Collection[int] | None = None) -> int:
    """Mark every open part whose time is over (in those districts), tell co-handler and holder; returns how many.

    A part that cannot be written is logged and left for the next time; it holds up nobody.
    """
    turn = _Turn(now, people, {"now": now, "districts": districts_given(districts)})
    total = 0
    while True:
        try:
            marked = _mark(turn)
        except BAD_ROW:
            logger.exception("late parts could not be marked; they are marked one by one")
            return total + _mark_singly(turn)
        if not marked:
            return total
        total += marked


def _mark_singly(turn: _Turn) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DUE_IDS, turn.values)
        ids = [row[0] for row in cursor.fetchall()]
    marked = 0
    for part_id in ids:
        try:
            marked += _mark(turn, only=part_id)
        except BAD_ROW:
            logger.exception("part %d could not be marked late", part_id)
    return marked


def _mark(turn: _Turn, only: int | None = None) -> int:
    """One transaction: the statement, the notices, the hints."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(MARK, turn.values | {"only": only})
            rows = cursor.fetchall()
        tellings = []
        for issue_id, _version, filed_at, grid_id, _district, held, held_by, department, at in rows:
            helper, about = Holder(at, department), (issue_id, filed_at, grid_id)
            tellings.append(Telling(HELPER_LATE, helper, *about))
            tellings.append(Telling(HELPED_LATE, Holder(held, held_by), *about, about=helper))
        tell(tellings=tellings, people=turn.people, now=turn.now)
        publish_after_commit(_hint(row) for row in rows)
    return len(rows)


def _hint(row: tuple[int, int, datetime, int, int, int, int | None, int, int]) -> dict[str, str | int]:
    issue_id, version, _filed, grid_id, district, held, held_by, _department, _at = row
    return {
        "kind": "co_overdue",
        "issue": issue_id,
        "version": version,
        "district": district,
        "grid": grid_id,
        "department": held_by or 0,
        "holder_grid": held,
    }
