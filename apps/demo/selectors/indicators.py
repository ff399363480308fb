"""What a simulated year came to: the city's indicators by the formulas of the field (reference: domain §2.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.issues.models import Handover, Issue, IssueEvent, LateHolding
from apps.issues.workflow import State

ISSUE, EVENT, HANDOVER, RECORD = (m._meta.db_table for m in (Issue, IssueEvent, Handover, LateHolding))

# 应结案数 = those filed less those still open whose time has not run out; merged and refused ones never had to be.
# Lateness that an upheld appeal excused is none here: the raw fact stays with the handover (reference: domain §2.6).
COUNTS: Final = f"""
    WITH own AS (
        SELECT event.issue_id, bool_or(kind = 'rework') AS reworked, bool_or(kind = 'reopen') AS reopened,
            bool_or(kind = 'grant_extension') AS extended, bool_or(kind = 'escalate') AS escalated,
            bool_or(kind = 'adjudicate') AS adjudicated, bool_or(kind = 'suspend') AS suspended,
            bool_or(kind = 'return') AS declined, bool_or(kind = 'split') AS split,
            bool_or(kind IN ('yellow_card', 'red_card', 'supervise')) AS carded,
            bool_or(payload ? 'co') AS joint,
            avg((payload->>'score')::numeric) FILTER (WHERE kind = 'evaluate') AS score,
            bool_or(kind = 'evaluate' AND payload->'is_satisfied' = 'true') AS satisfied
        FROM {EVENT} AS event GROUP BY event.issue_id
    ), late AS (
        SELECT held.issue_id, bool_or(is_overdue AND is_excused IS NOT TRUE) AS late
        FROM {HANDOVER} AS held LEFT JOIN {RECORD} AS record ON record.handover_id = held.id GROUP BY held.issue_id
    )
    SELECT count(*) AS filed, count(*) FILTER (WHERE is_self_handled) AS on_the_spot,
        count(*) FILTER (WHERE state IN ('{State.CONCLUDED}', '{State.EVALUATED}')) AS closed,
        count(*) FILTER (WHERE state IN ('{State.CONCLUDED}', '{State.EVALUATED}') AND NOT late) AS closed_in_time,
        count(*) FILTER (WHERE closed_at IS NULL) AS open,
        count(*) FILTER (WHERE state = '{State.MERGED}') AS merged,
        count(*) FILTER (WHERE state IN ('{State.REJECTED}', '{State.CANCELLED}')) AS refused,
        count(*) FILTER (WHERE state NOT IN ('{State.MERGED}', '{State.REJECTED}', '{State.CANCELLED}')
            AND NOT (closed_at IS NULL AND NOT late)) AS to_close,
        count(*) FILTER (WHERE late) AS late, count(*) FILTER (WHERE reworked) AS reworked,
        count(*) FILTER (WHERE reopened) AS reopened, count(*) FILTER (WHERE extended) AS extended,
        count(*) FILTER (WHERE escalated) AS escalated, count(*) FILTER (WHERE adjudicated) AS adjudicated,
        count(*) FILTER (WHERE suspended) AS suspended, count(*) FILTER (WHERE declined) AS declined,
        count(*) FILTER (WHERE split) AS split, count(*) FILTER (WHERE carded) AS carded,
        count(*) FILTER (WHERE joint) AS joint, count(score) AS evaluated, avg(score) AS score,
        count(*) FILTER (WHERE satisfied) AS satisfied,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - filed_at) / 3600)
            FILTER (WHERE NOT is_self_handled AND state IN ('{State.CONCLUDED}', '{State.EVALUATED}')) AS median_hours
    FROM {ISSUE} AS issue JOIN own ON own.issue_id = issue.id JOIN late ON late.issue_id = issue.id
"""
WEEKS: Final = f"""
    SELECT week, count(*) FILTER (WHERE is_filed), count(*) FILTER (WHERE NOT is_filed) FROM (
        SELECT width_bucket(extract(epoch FROM filed_at - %(start)s) / 604800, 0, %(weeks)s, %(weeks)s) - 1 AS week,
            true AS is_filed FROM {ISSUE}
        UNION ALL
        SELECT width_bucket(extract(epoch FROM closed_at - %(start)s) / 604800, 0, %(weeks)s, %(weeks)s) - 1, false
        FROM {ISSUE} WHERE closed_at IS NOT NULL) AS moments
    GROUP BY week ORDER BY week
"""
OVERDUE: Final = f"""
    SELECT width_bucket(extract(epoch FROM at - %(start)s) / 604800, 0, %(weeks)s, %(weeks)s) - 1 AS week, count(*)
    FROM {EVENT} WHERE kind = 'overdue' GROUP BY week
"""


class Indicator(NamedTuple):
    """A line of the table. `of`: the denominator; None where the value is a figure by itself."""

    name: Promise
    value: float
    of: float | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The share with its two numbers, a dash where there is nothing to divide by, or the figure."""
        if self.of is None:
            return f"{self.value:,.1f} {self.unit}".rstrip() if self.unit else f"{self.value:,.0f}"
        if not self.of:
            return "—"
        return f"{self.value / self.of:.2%} ({self.value:,.0f} / {self.of:,.0f})"


@dataclass(frozen=True)
class Week:
    """What happened in one week of the simulation."""

    filed: int = 0
    closed: int = 0
    overdue: int = 0


def indicators() -> list[Indicator]:
    """The table, over every issue of the present database. One query (seconds for a year)."""
    of = _counts()
    return [
        Indicator(_("Reported"), of["filed"]),
        Indicator(_("Solved on the spot 自行处置"), of["on_the_spot"], of["filed"]),
        Indicator(_("Closed of all reported 办结率"), of["closed"], of["filed"] - of["merged"] - of["refused"]),
        Indicator(_("Closed of those that should be 结案率"), of["closed"], of["to_close"]),
        Indicator(_("Closed in time 按期结案率"), of["closed_in_time"], of["to_close"]),
        Indicator(_("Still open"), of["open"], of["filed"]),
        Indicator(_("Late with at least one holder"), of["late"], of["filed"]),
        Indicator(_("Moved up for lateness"), of["escalated"], of["filed"]),
        Indicator(_("Done again 返工率"), of["reworked"], of["to_close"]),
        Indicator(_("Extended 延期率"), of["extended"], of["to_close"]),
        Indicator(_("Declined by a department"), of["declined"], of["filed"]),
        Indicator(_("Ruled on 裁决"), of["adjudicated"]),
        Indicator(_("Handled jointly"), of["joint"], of["filed"]),
        Indicator(_("Suspended 挂账"), of["suspended"]),
        Indicator(_("With a supervision card"), of["carded"]),
        Indicator(_("Merged as duplicates"), of["merged"], of["filed"]),
        Indicator(_("Rejected or cancelled"), of["refused"], of["filed"]),
        Indicator(_("Split into parts"), of["split"]),
        Indicator(_("Opened again"), of["reopened"], of["closed"]),
        Indicator(_("Evaluated"), of["evaluated"], of["closed"]),
        Indicator(_("Satisfied"), of["satisfied"], of["evaluated"]),
        Indicator(_("Mean score"), of["score"], unit="/ 5"),
        Indicator(_("Half were closed within"), of["median_hours"], unit="h"),
    ]


def weeks(start: datetime, count: int) -> Sequence[Week]:
    """Filed, closed and overdue in each of `count` weeks from `start`. Two queries."""
    values: dict[str, datetime | int] = {"start": start, "weeks": max(1, count)}
    with connection.cursor() as cursor:
        cursor.execute(WEEKS, values)
        moved = {week: (filed, closed) for week, filed, closed in cursor.fetchall()}
        cursor.execute(OVERDUE, values)
        overdue: Mapping[int, int] = dict(cursor.fetchall())
    return [Week(*moved.get(week, (0, 0)), overdue.get(week, 0)) for week in range(count)]


def _counts() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        names = [column.name for column in cursor.description or ()]
        return {name: float(value or 0) for name, value in zip(names, cursor.fetchone() or (), strict=True)}
