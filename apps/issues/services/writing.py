"""What a move writes, in one statement each: the issue's row and its event, and where asked the handovers too.

Hundreds a second: planned once by each connection, and one round trip instead of four.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import connection

from apps.common.database.prepared import Prepared
from apps.issues.models import Handover, Issue, IssueEvent

ISSUE: Final = Issue._meta.db_table
HANDOVER: Final = Handover._meta.db_table
EVENT: Final = IssueEvent._meta.db_table

_ROW: Final = (
    *("state", "holder_grid_id", "holder_department_id", "due_at", "next_action_at", "rung", "step", "card"),
    *("closed_at", "version"),
)
_BEGUN: Final = {  # a parameter in a list of SELECT needs its type
    "kind": "varchar",
    "from_grid_id": "bigint",
    "from_department_id": "bigint",
    "to_grid_id": "bigint",
    "to_department_id": "bigint",
    "actor_id": "bigint",
    "instruction": "text",
    "started_at": "timestamptz",
    "limit_amount": "numeric",
    "limit_unit": "varchar",
    "due_at": "timestamptz",
    "rung_at": "timestamptz[]",
    "rung_kinds": "varchar[]",
    "used_before": "interval",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the event says beside the issue's new values. `payload["text"]` are the person's words."""

    kind: str
    at: datetime
    actor_id: int | None = None
    post_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return str(self.payload.get("text", ""))


def payload_of(text: str, photo_count: int) -> dict[str, Any]:
    """What an event keeps of somebody's words and photos; nothing of what was not given."""
    return ({"text": text} if text else {}) | ({"photos": photo_count} if photo_count else {})


def was_late(handover: str, at: str) -> str:
    """Whether a handover, or a part of who helps, that ends now was late: SQL over the names of its row and the moment.

    One rule for one issue here and for the many that routing and the sweep end in one statement.
    """
    return f"{handover}.is_overdue OR {handover}.due_at < {at}"


_MOVED: Final = f"""
    moved AS (
        UPDATE {ISSUE} SET {", ".join(f"{name} = %({name})s" for name in _ROW)} WHERE id = %(issue_id)s
    )"""
_TOLD: Final = f"""
    INSERT INTO {EVENT} (
        issue_id, seq, kind, actor_id, post_id, at, state, holder_grid_id, holder_department_id, due_at, rung, payload,
        previous, hash
    ) VALUES (
        %(issue_id)s, 0, %(event_kind)s, %(event_actor)s, %(post_id)s, %(at)s, %(state)s, %(holder_grid_id)s,
        %(holder_department_id)s, %(due_at)s, %(rung)s, %(payload)s, '', ''
    )"""
_SIGNED: Final = f"""
    signed AS (
        UPDATE {HANDOVER} SET signed_at = %(at)s, signed_by_id = %(event_actor)s
        WHERE issue_id = %(issue_id)s AND ended_at IS NULL
    )"""
_ENDED: Final = f"""
    ended AS (
        UPDATE {HANDOVER} SET ended_at = %(at)s, outcome = %(event_kind)s,
            is_overdue = {was_late(HANDOVER, "%(at)s")}
        WHERE issue_id = %(issue_id)s AND ended_at IS NULL
        RETURNING id
    )"""
_BEGINS: Final = f"""
    begun AS (
        INSERT INTO {HANDOVER} (issue_id, {", ".join(_BEGUN)}, outcome, is_overdue)
        SELECT %(issue_id)s::bigint, {", ".join(f"%(new_{name})s::{kind}" for name, kind in _BEGUN.items())}, '', false
        FROM (SELECT count(*) FROM ended) AS before  -- one holder at a time: the last holding ends first
        RETURNING id
    )"""

_RECORD: Final = Prepared("record_event", f"WITH {_MOVED} {_TOLD}")
_SIGN: Final = Prepared("sign_handover", f"WITH {_SIGNED}, {_MOVED} {_TOLD}")
_CLOSE: Final = Prepared("close_issue", f"WITH {_ENDED}, {_MOVED} {_TOLD}")
_PASS_ON: Final = Prepared("hand_over", f"WITH {_ENDED}, {_BEGINS}, {_MOVED}, told AS ({_TOLD}) SELECT id FROM begun")


def write_event(issue: Issue, entry: Entry) -> None:
    """The issue's row as it is now, and the event that explains it."""
    _write(_RECORD, issue, entry)


def write_signature(issue: Issue, entry: Entry) -> None:
    """The same, and that the open handover was signed."""
    _write(_SIGN, issue, entry)


def write_end(issue: Issue, entry: Entry) -> None:
    """The same, and that the open handover has ended: whether it was late is kept for ever."""
    _write(_CLOSE, issue, entry)


def write_handover(issue: Issue, entry: Entry, begun: Handover) -> None:
    """The same, and the handover that begins with it; its id is set."""
    begun.id = _write(_PASS_ON, issue, entry, {f"new_{name}": getattr(begun, name) for name in _BEGUN})
    begun._state.adding, begun._state.db = False, connection.alias


def _write(statement: Prepared, issue: Issue, entry: Entry, more: Mapping[str, Any] = MappingProxyType({})) -> int:
    """The id of the handover begun, if any; else 0."""
    values = {
        **{name: getattr(issue, name) for name in _ROW},
        "issue_id": issue.id,
        "event_kind": entry.kind,
        "event_actor": entry.actor_id,
        "post_id": entry.post_id,
        "at": entry.at,
        "payload": json.dumps(dict(entry.payload), ensure_ascii=False),
        **more,
    }
    with connection.cursor() as cursor:
        statement.execute(cursor, values)
        return int(cursor.fetchone()[0]) if cursor.description else 0
