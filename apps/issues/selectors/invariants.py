"""The five promises of docs/invariants.md, asked of the live database; breaches by issue number or cell code.

Set-based: every question is one query. Histories are recomputed in full while there are few; a city with millions of
events has all open issues compared and a sample of the chains recomputed, and the report says how many.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.grids.models import Boundary, Grid
from apps.grids.selectors import tree
from apps.grids.selectors.checks import check_tree
from apps.issues.models import CoHandling, Handover, Issue, IssueEvent, LateHolding, Pause, Rung, State, number_of
from apps.issues.selectors.history import CUT_SHORT, GONE, Verified, verify_histories
from apps.issues.workflow import CLOSED
from apps.staff.models import Post, Role
from apps.staff.selectors import people_of_cell, vacant_cells

GRACE: Final = timedelta(minutes=10)  # how far behind the sweep may be before an issue counts as stalled
MANY_EVENTS: Final = 500_000  # recomputing a hash takes about 10 µs
SAMPLE: Final = 10_000  # issues whose chains are recomputed beyond that: half the newest, half anywhere
SHOWN: Final = 200  # of one fault

CLOSED_STATES: Final = ", ".join(f"'{state}'" for state in sorted(CLOSED))
ISSUE, HANDOVER, EVENT, POST, GRID, LATE, PAUSE, PART = (
    m._meta.db_table for m in (Issue, Handover, IssueEvent, Post, Grid, LateHolding, Pause, CoHandling)
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: which promise, where (issue number or cell code), what is wrong."""

    invariant: str
    subject: str
    sentence: Promise

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.sentence}"


@dataclass
class InvariantReport:
    """What was looked at, and every breach. `vacant`: codes of cells whose superior's leader stands in."""

    findings: list[Finding] = field(default_factory=list)
    cells: int = 0
    undrawn: int = 0
    vacant: list[str] = field(default_factory=list)
    open_issues: int = 0
    histories: int = 0
    is_sample: bool = False


_TWO_LEADERS = f"""
    SELECT DISTINCT cell.code, NULL::timestamptz FROM {POST} one
    JOIN {POST} other ON other.grid_id = one.grid_id AND other.role = one.role AND other.id > one.id
        AND other.valid && one.valid AND NOT other.is_stand_in
    JOIN {GRID} cell ON cell.id = one.grid_id
    WHERE one.role IN ('{Role.LEADER}', '{Role.FIRST}') AND NOT one.is_stand_in LIMIT {SHOWN}
"""

_HOLDERS: Final[Mapping[Promise, str]] = {
    _("open, but nobody holds it"): f"""
        SELECT i.id, i.filed_at FROM {ISSUE} i LEFT JOIN {HANDOVER} h ON h.issue_id = i.id AND h.ended_at IS NULL
        WHERE i.closed_at IS NULL AND h.id IS NULL LIMIT {SHOWN}""",
    _("closed, but somebody still holds it"): f"""
        SELECT i.id, i.filed_at FROM {HANDOVER} h JOIN {ISSUE} i ON i.id = h.issue_id
        WHERE h.ended_at IS NULL AND i.closed_at IS NOT NULL LIMIT {SHOWN}""",
    _("its holder or due time differs from the open handover's"): f"""
        SELECT i.id, i.filed_at FROM {ISSUE} i JOIN {HANDOVER} h ON h.issue_id = i.id AND h.ended_at IS NULL
        WHERE i.closed_at IS NULL AND (i.holder_grid_id, i.holder_department_id, i.due_at)
            IS DISTINCT FROM (h.to_grid_id, h.to_department_id, h.due_at) LIMIT {SHOWN}""",
    _("its next action does not fit its rung and clock"): f"""
        SELECT i.id, i.filed_at FROM {ISSUE} i JOIN {HANDOVER} h ON h.issue_id = i.id AND h.ended_at IS NULL
        CROSS JOIN LATERAL (SELECT h.rung_at[i.step + 1] AS at, h.rung_kinds[i.step + 1] AS kind,
            'overdue' = ANY (h.rung_kinds[1:i.step]) AS is_late) next
        WHERE i.closed_at IS NULL AND (h.is_overdue <> (i.rung = {int(Rung.OVERDUE)}) OR h.is_overdue <> next.is_late
            OR CASE WHEN i.state = 'suspended'
                THEN EXISTS (SELECT 1 FROM {PAUSE} p WHERE p.handover_id = h.id AND p.ended_at IS NULL
                    AND next.at > p.started_at AND next.at < i.next_action_at)  -- earlier ones come at once afterwards
                WHEN next.at IS NULL OR next.kind = 'escalate'
                    THEN i.next_action_at < coalesce(next.at, h.rung_at[cardinality(h.rung_at)])
                ELSE i.next_action_at <> next.at END) LIMIT {SHOWN}""",
    _("somebody helps a holder that has it no more"): f"""
        SELECT i.id, i.filed_at FROM {PART} part JOIN {ISSUE} i ON i.id = part.issue_id
        LEFT JOIN {HANDOVER} h ON h.issue_id = i.id AND h.ended_at IS NULL AND h.started_at = part.started_at
        WHERE part.ended_at IS NULL AND h.id IS NULL LIMIT {SHOWN}""",
}

_RECORDS: Final[Mapping[Promise, str]] = {
    _("was late, but nobody is on record for it"): f"""
        SELECT i.id, i.filed_at FROM {HANDOVER} h JOIN {ISSUE} i ON i.id = h.issue_id
        LEFT JOIN {LATE} late ON late.handover_id = h.id
        WHERE h.is_overdue AND late.id IS NULL AND greatest(h.due_at, coalesce(h.ended_at, h.due_at)) < %(late)s
        LIMIT {SHOWN}""",
    _("somebody is on record for what was not late"): f"""
        SELECT i.id, i.filed_at FROM {LATE} late JOIN {HANDOVER} h ON h.id = late.handover_id
        JOIN {ISSUE} i ON i.id = h.issue_id WHERE NOT h.is_overdue LIMIT {SHOWN}""",
}

_STALLED: Final[Mapping[Promise, str]] = {
    _("the sweep should have acted on it by now"): f"""
        SELECT id, filed_at FROM {ISSUE} WHERE closed_at IS NULL AND next_action_at < %(late)s LIMIT {SHOWN}""",
    _("still waits for its route"): f"""
        SELECT id, filed_at FROM {ISSUE} WHERE state = '{State.COLLECTED}' AND closed_at IS NULL AND filed_at < %(late)s
        LIMIT {SHOWN}""",
}

# {chosen}: a condition on i.id
_NOT_NEWEST = f"""
    SELECT i.id, i.filed_at FROM {ISSUE} i LEFT JOIN {EVENT} e ON e.issue_id = i.id AND e.seq = i.version
    WHERE {{chosen}} AND (e.id IS NULL OR (i.state, i.holder_grid_id, i.holder_department_id, i.due_at, i.rung)
            IS DISTINCT FROM (e.state, e.holder_grid_id, e.holder_department_id, e.due_at, e.rung)
        OR EXISTS (SELECT 1 FROM {EVENT} later WHERE later.issue_id = i.id AND later.seq = i.version + 1)
        OR (i.closed_at IS NULL) = (i.state IN ({CLOSED_STATES}))) LIMIT {SHOWN}
"""
_SAMPLED = f"""
    SELECT id FROM (SELECT id FROM {ISSUE} ORDER BY id DESC LIMIT %(half)s) newest
    UNION SELECT found.id FROM (
        SELECT low + floor(random() * (high - low + 1))::bigint AS place FROM generate_series(1, %(half)s),
            (SELECT min(id) AS low, max(id) AS high FROM {ISSUE}) ids) dice
    CROSS JOIN LATERAL (SELECT id FROM {ISSUE} WHERE id >= dice.place ORDER BY id LIMIT 1) found
"""


def check_invariants(*, now: datetime, sample: int | None = None) -> InvariantReport:
    """Ask all five. `sample`: recompute the chains of about so many issues; 0: of all; None: of all while they are few.

    I1 here is the tree's shape; whether the drawn cells tile is asked by `check_coverage`, which takes longer.
    """
    report = InvariantReport()
    _check_cells(report)
    _check_leaders(report, now)
    report.open_issues = Issue.objects.filter(closed_at=None).count()
    for invariant, questions in (("I2", _RECORDS), ("I3", _HOLDERS), ("I5", _STALLED)):
        for sentence, query in questions.items():
            report.findings += _issues(invariant, sentence, query, {"late": now - GRACE})
    _check_histories(report, sample)
    report.findings.sort(key=lambda finding: (finding.invariant, finding.subject))
    return report


def _check_cells(report: InvariantReport) -> None:
    shape = check_tree()
    report.cells = len(tree())
    report.undrawn = report.cells - Boundary.objects.filter(grid__valid_to=None).count()
    report.findings += [Finding("I1", fault.code, fault.sentence) for fault in shape.faults]


def _check_leaders(report: InvariantReport, now: datetime) -> None:
    """At most one leader at any instant; vacant cells are listed, and are a breach only where nobody stands in."""
    sentence = _("has two leaders, or two first-responsible persons, at the same time")
    report.findings += [Finding("I2", code, sentence) for code, _none in _rows(_TWO_LEADERS)]
    index = tree()
    vacant = vacant_cells([cell.id for cell in index], now)
    report.vacant = sorted(index.cell(cell).code for cell in vacant)
    if vacant and Post.objects.exists():  # a city without any post yet is empty, not broken
        covered = people_of_cell(vacant, now)
        nobody = sorted(index.cell(cell).code for cell in vacant if not covered.get(cell))
        report.findings += [Finding("I2", code, _("nobody is responsible, up to the city")) for code in nobody[:SHOWN]]


def _check_histories(report: InvariantReport, sample: int | None) -> None:
    """The row equals its newest event, for open issues without exception; and the chains are whole."""
    size = sample if sample is not None else SAMPLE if _has_many_events() else 0
    ids = _sampled_ids(size) if size else []
    report.is_sample, report.histories = bool(size), len(ids) if size else Issue.objects.count()
    chosen = "i.id = ANY(%(ids)s)" if size else "TRUE"
    differs = _("differs from its newest event")
    for which in ("i.closed_at IS NULL", f"i.closed_at IS NOT NULL AND {chosen}"):
        report.findings += _issues("I4", differs, _NOT_NEWEST.format(chosen=which), {"ids": ids})
    report.findings += _broken_chains(verify_histories(only=ids if size else None))


def _broken_chains(verified: Verified) -> list[Finding]:
    """By number; which line it is says `verify_history`. What the newest event tells is found by it already."""
    broken = _("its history was changed: the chain of hashes is broken")
    faults = [fault for fault in verified.faults if fault.sentence not in (CUT_SHORT, GONE)]
    return [Finding("I4", number, broken) for number in sorted({fault.subject for fault in faults})]


def _has_many_events() -> bool:
    counted = _rows(f"SELECT count(*) FROM (SELECT 1 FROM {EVENT} LIMIT {MANY_EVENTS + 1}) AS first_ones")
    return int(counted[0][0]) > MANY_EVENTS


def _sampled_ids(size: int) -> list[int]:
    return [row[0] for row in _rows(_SAMPLED, {"half": (size + 1) // 2})]


def _issues(invariant: str, sentence: Promise, query: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    for issue_id, filed_at in _rows(query, values):
        yield Finding(invariant, number_of(issue_id, filed_at), sentence)


def _rows(query: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values or {})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
