"""Giving every new report its holder: a drain that claims all waiting rows in batches (docs/adr/0004).

A batch is one transaction: claim (SKIP LOCKED), decide in memory, write all handovers, events and rows in one
statement, tell people. Two drains at once share the work; one that is killed leaves its batch as it was.
"""

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import DataError, IntegrityError, InternalError, connection, transaction

from apps.common.feed import publish_after_commit
from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues import routing
from apps.issues.models import Handover, Issue, IssueEvent, LinkKind, Rung, State, TierLimit
from apps.issues.routing import Decision, Reason
from apps.issues.selectors.catalogue import Catalogue, catalogue
from apps.issues.selectors.limits import limit_for, rungs_for
from apps.issues.selectors.surroundings import Surroundings, chain_upward, surroundings_of
from apps.issues.services.clocks import Clocks
from apps.issues.services.rule_alarms import raise_rule_alarms
from apps.issues.services.telling import ALARM, ARRIVED, People, Telling, tell
from apps.issues.services.writing import was_late
from apps.issues.workflow import Holder

logger = logging.getLogger(__name__)

BATCH: Final = 500
MOST_BATCHES: Final = 20  # some seconds: a task stays short and rings itself again
BAD_ROW: Final = (DataError, IntegrityError, InternalError)  # the row's fault; a server that is away is not
ISSUE, HANDOVER, EVENT = (model._meta.db_table for model in (Issue, Handover, IssueEvent))

# Literal conditions, so that the partial index of unrouted issues serves. NO KEY: a photo may be added meanwhile.
CLAIM = f"""
    SELECT id, category_id, grid_id, district_id, is_urgent, version, filed_at
    FROM {ISSUE}
    WHERE state = '{State.COLLECTED}' AND closed_at IS NULL AND id <> ALL(%(aside)s)
        AND (%(only)s::bigint IS NULL OR id = %(only)s) AND (%(before)s::timestamptz IS NULL OR filed_at < %(before)s)
        AND (%(districts)s::bigint[] IS NULL OR district_id = ANY(%(districts)s))
    ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
"""

# `opened` reads from `ended`, so that the open handover has ended before the next one begins; events come in hop order,
# because the trigger numbers them as they come.
WRITE = f"""
    WITH step AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(steps)s::jsonb) AS step (
            issue bigint, hop integer, is_last boolean, kind varchar(10),
            next_kind varchar(10), source bigint, holder bigint,
            department bigint, state varchar(10), at timestamptz, limit_amount numeric, limit_unit varchar(12),
            due_at timestamptz, rung_at timestamptz[], rung_kinds varchar(12)[], payload jsonb)
    ), ended AS (
        UPDATE {HANDOVER} AS held SET ended_at = step.at, outcome = step.kind,
            is_overdue = {was_late("held", "step.at")}
        FROM step WHERE step.hop = 1 AND held.issue_id = step.issue AND held.ended_at IS NULL
        RETURNING held.issue_id AS issue
    ), opened AS (
        INSERT INTO {HANDOVER} (issue_id, kind, from_grid_id, to_grid_id, to_department_id, instruction, started_at,
            limit_amount, limit_unit, due_at, rung_at, rung_kinds, ended_at, outcome, is_overdue)
        SELECT step.issue, kind, source, holder, department, '', at, limit_amount, limit_unit, due_at, rung_at,
            rung_kinds, CASE WHEN NOT is_last THEN at END, coalesce(next_kind, ''), false
        FROM step LEFT JOIN ended ON ended.issue = step.issue
        ORDER BY step.issue, hop
    ), moved AS (
        UPDATE {ISSUE} AS issue SET state = step.state, holder_grid_id = step.holder,
            holder_department_id = step.department,
            due_at = step.due_at, next_action_at = step.rung_at[1], rung = {int(Rung.ON_TIME)}, step = 0,
            version = issue.version + step.hop
        FROM step WHERE step.is_last AND issue.id = step.issue
    )
    INSERT INTO {EVENT} (issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, rung, payload,
        previous, hash)
    SELECT issue, 0, kind, at, state, holder, department, due_at, {int(Rung.ON_TIME)}, payload, '', ''
    FROM step ORDER BY issue, hop
"""


class Waiting(NamedTuple):
    """A claimed row."""

    id: int
    category_id: int
    grid_id: int
    district_id: int | None
    is_urgent: bool
    version: int
    filed_at: datetime


@dataclass
class _Drain:
    """What one call of `route_waiting` knows; nothing of it outlives the call."""

    now: datetime
    filed_before: datetime | None
    catalogue: Catalogue
    people: People
    districts: list[int] | None = None
    aside: list[int] = field(default_factory=list)  # rows that even their default holder could not get
    clocks: Clocks = field(default_factory=Clocks)


class Turn(NamedTuple):
    """What one turn did. `has_more`: it stopped before it had seen the end, and must be called again."""

    routed: int
    has_more: bool


def route_waiting(*, now: datetime, batch: int = BATCH, filed_before: datetime | None = None) -> int:
    """One turn of `route_turn`; returns how many reports were routed."""
    return route_turn(now=now, batch=batch, filed_before=filed_before).routed


def route_turn(
    *,
    now: datetime,
    batch: int = BATCH,
    most_batches: int = MOST_BATCHES,
    filed_before: datetime | None = None,
    districts: Collection[int] | None = None,
) -> Turn:
    """Route waiting reports (those filed before a moment only, if given) until none is left, or for `most_batches`.

    While people go on filing there is always one more: then the turn ends, and the next one has a clock of its own.
    `districts`: ids of those whose reports it is about; all by default.
    A row that cannot be routed by the rules goes to the default holder with an alarm; one that cannot even be
    written is logged, left waiting for the next turn, and holds up nobody.
    """
    drain = _Drain(now, filed_before, catalogue(), People(now), districts_given(districts))
    routed = 0
    for _ in range(most_batches):
        try:
            claimed, written = _route_batch(drain, batch)
        except BAD_ROW:
            logger.exception("a batch could not be routed; its reports are routed one by one")
            claimed, written = _route_singly(drain, batch)
        routed += written
        if not claimed:
            return Turn(routed, has_more=False)
    return Turn(routed, has_more=routed > 0)  # else every row was bad: the next sweep is soon enough


def districts_given(districts: Collection[int] | None) -> list[int] | None:
    """As a statement takes them: an array, or NULL for all."""
    return None if districts is None else sorted(districts)


def _route_batch(drain: _Drain, batch: int, *, only: int | None = None, to_default: bool = False) -> tuple[int, int]:
    """Claim, decide, write; returns how many rows were claimed and how many written."""
    with transaction.atomic():
        rows = _claim(drain, batch, only)
        if not rows:
            return 0, 0
        index = tree()
        chains = [chain_upward(row.grid_id, index) for row in rows]
        around = surroundings_of(drain.catalogue, drain.catalogue.rules, drain.now, chains)
        ways = _decide(rows, chains, around, to_default=to_default)
        _write(rows, ways, drain, around)
    return len(rows), len(rows)


def _claim(drain: _Drain, batch: int, only: int | None) -> list[Waiting]:
    values = {
        "batch": batch,
        "only": only,
        "before": drain.filed_before,
        "aside": drain.aside,
        "districts": drain.districts,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        return [Waiting(*row) for row in cursor.fetchall()]


def _route_singly(drain: _Drain, batch: int) -> tuple[int, int]:
    """Each row in a transaction of its own, so that the bad one is found and the others go on."""
    with transaction.atomic():
        ids = [row.id for row in _claim(drain, batch, None)]
    written = 0
    for issue_id in ids:
        for to_default in (False, True):
            try:
                written += _route_batch(drain, 1, only=issue_id, to_default=to_default)[1]
                break
            except BAD_ROW:
                logger.exception("report %d could not be routed%s", issue_id, " even by default" * to_default)
        else:
            drain.aside.append(issue_id)
    return len(ids), written


# --- deciding ---------------------------------------------------------------------------------------


def _decide(
    rows: Sequence[Waiting], chains: Sequence[Sequence[routing.Cell]], around: Surroundings, *, to_default: bool
) -> list[Decision]:
    """Where each report goes. Nothing that is wrong with one row stops the others."""
    found = []
    for row, chain in zip(rows, chains, strict=True):
        try:
            found.append(_default(row) if to_default else _by_rules(row, chain, around))
        except routing.NoChain:
            logger.warning("report %d lies in a cell that is closed or unknown; the default holder gets it", row.id)
            found.append(_default(row))
        except Exception:
            logger.exception("the rules failed for report %d; the default holder gets it", row.id)
            found.append(_default(row))
    return found


def _by_rules(row: Waiting, chain: Sequence[routing.Cell], around: Surroundings) -> Decision:
    """Raises `NoChain` for a report of a cell that is closed or unknown."""
    at = max(around.at, row.filed_at)
    return around.route(chain, row.category_id, row.district_id, at, is_urgent=row.is_urgent)


def _default(row: Waiting) -> Decision:
    """The district's platform, else the city's."""
    index = tree()
    district = row.district_id if row.district_id is not None and index.has(row.district_id) else None
    chain = index.chain(district) if district is not None else (index.city,) if index.city else ()
    cells = [routing.Cell(cell.id, cell.tier) for cell in chain if cell.is_live]
    return routing.default_decision(cells or [routing.Cell(row.grid_id, Tier.LEVEL3)], Reason.BROKEN)


# --- writing ----------------------------------------------------------------------------------------


def _write(rows: Sequence[Waiting], ways: Sequence[Decision], drain: _Drain, around: Surroundings) -> None:
    writer = _Writer(drain, around)
    pairs = list(zip(rows, ways, strict=True))
    steps = [step for row, way in pairs for step in writer.steps(row, way)]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {"steps": json.dumps(steps, ensure_ascii=False)})
    raise_rule_alarms(alarms=(alarm for way in ways for alarm in way.trace.alarms), now=drain.now)
    tell(tellings=_tellings(pairs), people=drain.people, now=drain.now)
    publish_after_commit(_hint(row, way) for row, way in pairs)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Makes the records of WRITE."""

    drain: _Drain
    around: Surroundings

    def steps(self, row: Waiting, way: Decision) -> Iterator[dict[str, Any]]:
        """One record per hop: a handover, an event, and for the last one the issue's new values."""
        at = max(self.drain.now, row.filed_at)  # filed while this drain was running
        below = row.grid_id
        kinds = [*_kinds(row, way), None]
        for number, hop in enumerate(way.hops, start=1):
            is_last = number == len(way.hops)
            state = way.state if is_last else routing.State.ESCALATED
            holder = _holder(hop)
            stays = hop.department is None and hop.cell.id == below
            yield {
                "issue": row.id,
                "hop": number,
                "is_last": is_last,
                "kind": kinds[number - 1],
                "next_kind": kinds[number],
                "source": None if stays else below,
                "holder": holder.grid_id,
                "department": holder.department_id,
                "state": state,
                "at": at.isoformat(),
                "payload": self._payload(hop, below) | (self._outcome(way) if is_last else {}),
                **self._clock(row, holder, state, at),
            }
            below = hop.cell.id

    def _clock(self, row: Waiting, holder: Holder, state: routing.State, at: datetime) -> Mapping[str, Any]:
        is_handling = state is routing.State.ASSIGNED
        purpose = TierLimit.Purpose.HANDLE if is_handling else TierLimit.Purpose.DISPATCH
        index = self.around.index
        tier = index.cell(holder.grid_id).tier if index.has(holder.grid_id) else Tier.LEVEL3
        limit = limit_for(category_id=row.category_id, tier=tier, purpose=purpose)
        rungs = rungs_for(category_id=row.category_id, tier=tier, purpose=purpose)
        return self.drain.clocks.start(limit, rungs, row.district_id, at)

    def _payload(self, hop: routing.Hop, below: int) -> dict[str, Any]:
        """The reason as code and values; `routing.sentence` makes words of it on reading."""
        values = {"from": self._name(below), "to": self._name(hop.cell.id)}
        if hop.department is not None:
            values = {"cell": self._name(hop.cell.id), "department": self.around.names[hop.department.id]}
        return {"reason": hop.reason, "values": values | ({"rule": hop.rule} if hop.rule else {})}

    def _outcome(self, way: Decision) -> dict[str, Any]:
        suggestion = {"suggestion": way.suggestion} if way.suggestion else {}
        trace = {"trace": way.trace.codes() | {"set": self.around.catalogue.rule_set}}
        return suggestion | ({"alarm": True} if way.has_alarm else {}) | trace

    def _name(self, grid_id: int) -> str:
        index = self.around.index
        return index.cell(grid_id).name if index.has(grid_id) else "?"


def _holder(hop: routing.Hop) -> Holder:
    """As everywhere else: a department with the cell it belongs to."""
    if hop.department is None:
        return Holder(hop.cell.id)
    return Holder(hop.department.cell_id, hop.department.id)


def _kinds(row: Waiting, way: Decision) -> Iterator[LinkKind]:
    """How it comes to each hop: a department is assigned to on behalf of the cell that was reached."""
    below = row.grid_id
    for hop in way.hops:
        yield LinkKind.ASSIGN if hop.department is not None or hop.cell.id == below else LinkKind.REPORT_UP
        below = hop.cell.id


def _tellings(pairs: Iterable[tuple[Waiting, Decision]]) -> Iterator[Telling]:
    """Cells and departments are told of what is theirs; platforms watch their board and are told only of alarms."""
    for row, way in pairs:
        if way.department is not None:
            yield Telling(ARRIVED, _holder(way.hops[-1]), row.id, row.filed_at, row.grid_id)
        if way.has_alarm:
            yield Telling(ALARM, Holder(way.holder.id), row.id, row.filed_at, row.grid_id)
        elif way.department is None and not way.holder.is_platform:
            yield Telling(ARRIVED, Holder(way.holder.id), row.id, row.filed_at, row.grid_id)


def _hint(row: Waiting, way: Decision) -> dict[str, str | int]:
    holder = _holder(way.hops[-1])
    return {
        "kind": str(list(_kinds(row, way))[-1]),
        "issue": row.id,
        "version": row.version + len(way.hops),
        "district": row.district_id or 0,
        "grid": row.grid_id,
        "department": holder.department_id or 0,
        "holder_grid": holder.grid_id,
    }
