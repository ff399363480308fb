"""Whole histories of issues in bulk, by COPY: for a demo city's past, or an old ledger. All or nothing.

Events go through the same trigger as every other: it numbers and hashes them, so the chains are as good as lived ones.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from apps.grids.services.staging import copy_rows
from apps.issues.models import Handover, Issue, IssueEvent, PositionSource


@dataclass(slots=True)
class HandoverRow:
    """One handover, ended or open (`ended_at` None)."""

    kind: str
    from_grid_id: int | None
    from_department_id: int | None
    to_grid_id: int
    to_department_id: int | None
    actor_id: int | None
    instruction: str
    started_at: datetime
    limit_amount: Decimal
    limit_unit: str
    due_at: datetime
    rung_at: list[datetime]
    rung_kinds: list[str]
    signed_at: datetime | None = None
    signed_by_id: int | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    is_overdue: bool = False


@dataclass(slots=True)
class EventRow:
    """One event, with the issue's values after it."""

    kind: str
    actor_id: int | None
    post_id: int | None
    at: datetime
    state: str
    holder_grid_id: int
    holder_department_id: int | None
    due_at: datetime | None
    rung: int
    payload: Mapping[str, Any]


@dataclass(slots=True)
class IssueRow:
    """An issue as it stands now, with all that led there, in order."""

    category_id: int
    text: str
    lon: float | None
    lat: float | None
    grid_id: int
    district_id: int | None
    reporter_id: int
    reporter_post_id: int | None
    is_urgent: bool
    is_self_handled: bool
    state: str
    holder_grid_id: int
    holder_department_id: int | None
    filed_at: datetime
    due_at: datetime | None
    next_action_at: datetime | None
    rung: int
    closed_at: datetime | None
    step: int = 0
    card: int = 0
    handovers: list[HandoverRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)


ISSUE_COLUMNS = (
    "id, category_id, text, lon, lat, position_source, grid_id, district_id, reporter_id, reporter_post_id, is_urgent, "
    "is_self_handled, state, holder_grid_id, holder_department_id, filed_at, due_at, next_action_at, rung, step, card, "
    "closed_at, version, client_digest"
)
HANDOVER_COLUMNS = (
    "issue_id, kind, from_grid_id, from_department_id, to_grid_id, to_department_id, actor_id, instruction, "
    "started_at, limit_amount, limit_unit, due_at, rung_at, rung_kinds, signed_at, signed_by_id, ended_at, outcome, "
    "is_overdue"
)
EVENT_COLUMNS = (
    "issue_id, seq, kind, actor_id, post_id, at, state, holder_grid_id, holder_department_id, due_at, rung, payload, "
    "previous, hash"
)


@transaction.atomic
def load_issues(*, issues: Iterable[IssueRow]) -> tuple[int, int]:
    """Add issues with their handovers and events, in the order given; return how many issues and events.

    The rows are trusted: whoever makes them keeps them consistent (check_invariants tells). Must not run beside
    filing: numbers are given out from the highest one.
    """
    numbered = list(enumerate(issues, start=(Issue.objects.aggregate(last=Max("id"))["last"] or 0) + 1))
    with connection.cursor() as cursor:
        copy_rows(cursor, f"COPY issues_issue ({ISSUE_COLUMNS}) FROM STDIN", _issues(numbered))
        copy_rows(cursor, f"COPY issues_handover ({HANDOVER_COLUMNS}) FROM STDIN", _handovers(numbered))
        copy_rows(cursor, f"COPY issues_issueevent ({EVENT_COLUMNS}) FROM STDIN", _events(numbered))
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('issues_issue', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) "
            "FROM issues_issue"
        )
        for model in (Issue, Handover, IssueEvent):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
    return len(numbered), sum(len(issue.events) for _, issue in numbered)


def _issues(numbered: Iterable[tuple[int, IssueRow]]) -> Iterator[tuple[object, ...]]:
    for number, row in numbered:
        source = PositionSource.CELL.value if row.lon is None else PositionSource.GPS.value
        yield (
            number, row.category_id, row.text, row.lon, row.lat, source, row.grid_id, row.district_id,
            row.reporter_id, row.reporter_post_id, row.is_urgent, row.is_self_handled, row.state, row.holder_grid_id,
            row.holder_department_id, row.filed_at, row.due_at, row.next_action_at, row.rung, row.step,
            row.card, row.closed_at, len(row.events), "",
        )  # fmt: skip


def _handovers(numbered: Iterable[tuple[int, IssueRow]]) -> Iterator[tuple[object, ...]]:
    for number, issue in numbered:
        for row in issue.handovers:
            yield (
                number, row.kind, row.from_grid_id, row.from_department_id, row.to_grid_id, row.to_department_id,
                row.actor_id, row.instruction, row.started_at, row.limit_amount, row.limit_unit, row.due_at,
                _array(row.rung_at), _array(row.rung_kinds), row.signed_at, row.signed_by_id, row.ended_at, row.outcome,
                row.is_overdue,
            )  # fmt: skip


def _events(numbered: Iterable[tuple[int, IssueRow]]) -> Iterator[tuple[object, ...]]:
    for number, issue in numbered:
        for row in issue.events:
            yield (
                number, 0, row.kind, row.actor_id, row.post_id, row.at, row.state, row.holder_grid_id,
                row.holder_department_id, row.due_at, row.rung, json.dumps(row.payload, ensure_ascii=False), "", "",
            )  # fmt: skip


def _array(items: Iterable[object]) -> str:
    """As PostgreSQL reads an array; moments and kinds need no quoting but that of the blank in a moment."""
    return "{" + ",".join(f'"{item}"' for item in items) + "}"
