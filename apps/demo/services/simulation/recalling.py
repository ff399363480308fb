"""Cases from the database: after a crash from the histories, and beat by beat from the newest events."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from apps.demo.simulation.cases import Case, Seen
from apps.issues.models import Issue, IssueEvent

EVENT = IssueEvent._meta.db_table
COLUMNS = """
    issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, actor_id, payload->'co',
    payload->>'department'
"""
NEWEST = f"SELECT {COLUMNS}, id FROM {EVENT} WHERE id > %s ORDER BY id"
HISTORIES = f"SELECT {COLUMNS} FROM {EVENT} WHERE issue_id = ANY(%s) ORDER BY issue_id, seq"
CHUNK = 2_000


def seen_after(event_id: int) -> tuple[list[tuple[int, Seen]], int]:
    """Events newer than that id as (issue id, what is seen), and the newest id. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [event_id])
        rows = cursor.fetchall()
    return [(row[0], _seen(row)) for row in rows], rows[-1][-1] if rows else event_id


def recalled(issues: QuerySet[Issue], *, prefix: str) -> Iterator[tuple[Case, Iterator[Seen]]]:
    """Cases that know nothing yet, each with its history: reports filed under the prefix, and parts of such.

    Two queries for every 2,000, and one for each part.
    """
    rows = list(issues.order_by("id"))
    for start in range(0, len(rows), CHUNK):
        cases = {row.id: _case(row) for row in rows[start : start + CHUNK]}
        with connection.cursor() as cursor:
            cursor.execute(HISTORIES, [list(cases)])
            for issue_id, events in groupby(cursor.fetchall(), key=lambda event: event[0]):
                case = cases[issue_id]
                if case.name.startswith(prefix):
                    yield case, (_seen(event) for event in events)


def _case(issue: Issue) -> Case:
    return Case(_name(issue), issue.id, issue.category_id, issue.grid_id, issue.district_id or 0, issue.reporter_id)


def _name(issue: Issue) -> str:
    """The key it was filed under; a part is named after the whole."""
    if issue.parent_id is None:
        return issue.client_key or ""
    whole = Issue.objects.get(pk=issue.parent_id)
    return f"{_name(whole)}/{whole.children.filter(id__lt=issue.id).count()}"


def _seen(row: tuple[Any, ...]) -> Seen:
    _issue, version, kind, at, state, grid, department, due_at, actor, co, by = row[:11]
    return Seen(
        version, kind, at, state, grid, department, due_at, actor, tuple(json.loads(co) if co else ()), by or ""
    )
