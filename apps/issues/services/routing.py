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
from apps.grids.selectors import TreeIndex, tree
from apps.issues import routing
from apps.issues.models import Handover, Issue, IssueEvent, LinkKind, Rung, State, TierLimit
from apps.issues.routing import Decision, Reason
from apps.issues.selectors.catalogue import Catalogue, catalogue
from apps.issues.selectors.limits import limit_for, rungs_for
from apps.issues.services.clocks import Clocks
from apps.issues.services.handovers import was_late
from apps.issues.services.telling import ALARM, ARRIVED, People, Telling, tell
from apps.issues.workflow import Holder
from apps.staff.selectors import vacant_cells

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
    ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
"""

# `opened` reads from `ended`, so that the open handover has ended before the next one begins; events come in hop order,
# because the trigger numbers them as they come.
WRITE = f"""
    WITH step AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(steps)s::jsonb) AS step (
            issue bigint, hop integer, is_last boolean, kind varchar(10), source bigint, holder bigint,
            state varchar(10), at timestamptz, limit_amount numeric, limit_unit varchar(12),
            due_at timestamptz, rung_at timestamptz[], rung_kinds varchar(12)[], payload jsonb)
    ), ended AS (
        UPDATE {HANDOVER} AS held SET ended_at = step.at, outcome = step.kind,
            is_overdue = {was_late("held", "step.at")}
        FROM step WHERE step.hop = 1 AND held.issue_id = step.issue AND held.ended_at IS NULL
        RETURNING held.issue_id AS issue
    ), opened AS (
        INSERT INTO {HANDOVER} (issue_id, kind, from_grid_id, to_grid_id, instruction, started_at, limit_amount,
            limit_unit, due_at, rung_at, rung_kinds, ended_at, outcome, is_overdue)
        SELECT step.issue, kind, source, holder, '', at, limit_amount, limit_unit, due_at, rung_at, rung_kinds,
            CASE WHEN NOT is_last THEN at END, CASE WHEN is_last THEN '' ELSE '{LinkKind.REPORT_UP}' END, false
        FROM step LEFT JOIN ended ON ended.issue = step.issue
        ORDER BY step.issue, hop
    ), moved AS (
        UPDATE {ISSUE} AS issue SET state = step.state, holder_grid_id = step.holder, holder_department_id = NULL,
            due_at = step.due_at, next_action_at = step.rung_at[1], rung = {int(Rung.ON_TIME)}, step = 0,
            version = issue.version + step.hop
        FROM step WHERE step.is_last AND issue.id = step.issue
    )
    INSERT INTO {EVENT} (issue_id, seq, kind, at, state, holder_grid_id, due_at, rung, payload, previous, hash)
    SELECT issue, 0, kind, at, state, holder, due_at, {int(Rung.ON_TIME)}, payload, '', ''
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
    *, now: datetime, batch: int = BATCH, most_batches: int = MOST_BATCHES, filed_before: datetime | None = None
) -> Turn:
    """Route waiting reports (those filed before a moment only, if given) until none is left, or for `most_batches`.

    While people go on filing there is always one more: then the turn ends, and the next one has a clock of its own.
    A row that cannot be routed by the rules goes to the default holder with an alarm; one that cannot even be
    written is logged, left waiting for the next turn, and holds up nobody.
    """
    drain = _Drain(now, filed_before, catalogue(), People(now))
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


def _route_batch(drain: _Drain, batch: int, *, only: int | None = None, to_default: bool = False) -> tuple[int, int]:
    """Claim, decide, write; returns how many rows were claimed and how many written."""
    with transaction.atomic():
        rows = _claim(drain, batch, only)
        if not rows:
            return 0, 0
        index = tree()
        ways = _decide(rows, drain, index, to_default=to_default)
        _write(rows, ways, drain, index)
    return len(rows), len(rows)


def _claim(drain: _Drain, batch: int, only: int | None) -> list[Waiting]:
    values = {"batch": batch, "only": only, "before": drain.filed_before, "aside": drain.aside}
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


def _decide(rows: Sequence[Waiting], drain: _Drain, index: TreeIndex, *, to_default: bool) -> list[Decision]:
    """Where each report goes. Nothing that is wrong with one row stops the others."""
    chains = [_chain(row, index) for row in rows]
    vacant = _vacant(chains, drain.now)
    found = []
    for row, chain in zip(rows, chains, strict=True):
        try:
            found.append(_default(row, index) if to_default else _by_rules(row, chain, drain.catalogue, vacant))
        except routing.NoChain:
            logger.warning("report %d lies in a cell that is closed or unknown; the default holder gets it", row.id)
            found.append(_default(row, index))
        except Exception:
            logger.exception("the rules failed for report %d; the default holder gets it", row.id)
            found.append(_default(row, index))
    return found


def _by_rules(row: Waiting, chain: Sequence[routing.Cell], known: Catalogue, vacant: Collection[int]) -> Decision:
    """Raises `NoChain` for a report of a cell that is closed or unknown."""
    matter = known.matter(row.category_id, is_urgent=row.is_urgent)
    return routing.route(matter=matter, chain=chain, powers=known.powers, rules=known.rules, vacant=vacant)


def _chain(row: Waiting, index: TreeIndex) -> tuple[routing.Cell, ...]:
    """The live cells upward from where it was seen; empty for a cell that is closed or unknown."""
    if not index.has(row.grid_id) or not index.cell(row.grid_id).is_live:
        return ()
    return tuple(routing.Cell(cell.id, cell.tier) for cell in index.chain(row.grid_id) if cell.is_live)


def _default(row: Waiting, index: TreeIndex) -> Decision:
    """The district's platform, else the city's."""
    district = row.district_id if row.district_id is not None and index.has(row.district_id) else None
    chain = index.chain(district) if district is not None else (index.city,) if index.city else ()
    cells = [routing.Cell(cell.id, cell.tier) for cell in chain if cell.is_live]
    return routing.default_decision(cells or [routing.Cell(row.grid_id, Tier.LEVEL3)], Reason.BROKEN)


def _vacant(chains: Iterable[Sequence[routing.Cell]], now: datetime) -> Collection[int]:
    """Of all cells that might handle it themselves, those without a leader. One query a batch."""
    return vacant_cells({cell.id for chain in chains for cell in chain if not cell.is_platform}, now)


# --- writing ----------------------------------------------------------------------------------------


def _write(rows: Sequence[Waiting], ways: Sequence[Decision], drain: _Drain, index: TreeIndex) -> None:
    steps = [step for row, way in zip(rows, ways, strict=True) for step in _steps(row, way, drain, index)]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {"steps": json.dumps(steps, ensure_ascii=False)})
    pairs = list(zip(rows, ways, strict=True))
    tell(tellings=_tellings(pairs), people=drain.people, now=drain.now)
    publish_after_commit(_hint(row, way) for row, way in pairs)


def _steps(row: Waiting, way: Decision, drain: _Drain, index: TreeIndex) -> Iterator[dict[str, Any]]:
    """One record per hop: a handover, an event, and for the last one the issue's new values."""
    at = max(drain.now, row.filed_at)  # filed while this drain was running
    below = row.grid_id
    for number, hop in enumerate(way.hops, start=1):
        is_last = number == len(way.hops)
        state = way.state if is_last else routing.State.ESCALATED
        stays = hop.cell.id == below
        yield {
            "issue": row.id,
            "hop": number,
            "is_last": is_last,
            "kind": LinkKind.ASSIGN if stays else LinkKind.REPORT_UP,
            "source": None if stays else below,
            "holder": hop.cell.id,
            "state": state,
            "at": at.isoformat(),
            "payload": _payload(hop, below, index) | (_outcome(way) if is_last else {}),
            **_clock(row, hop.cell, state, drain, at),
        }
        below = hop.cell.id


def _clock(row: Waiting, cell: routing.Cell, state: routing.State, drain: _Drain, at: datetime) -> Mapping[str, Any]:
    is_handling = state is routing.State.ASSIGNED
    purpose = TierLimit.Purpose.HANDLE if is_handling else TierLimit.Purpose.DISPATCH
    limit = limit_for(category_id=row.category_id, tier=cell.tier, purpose=purpose)
    rungs = rungs_for(category_id=row.category_id, tier=cell.tier, purpose=purpose)
    return drain.clocks.start(limit, rungs, row.district_id, at)


def _payload(hop: routing.Hop, below: int, index: TreeIndex) -> dict[str, Any]:
    """The reason as code and values; `routing.sentence` makes words of it on reading."""
    values = {"from": _name(below, index), "to": _name(hop.cell.id, index)}
    return {"reason": hop.reason, "values": values | ({"rule": hop.rule} if hop.rule else {})}


def _outcome(way: Decision) -> dict[str, Any]:
    suggestion = {"suggestion": way.suggestion} if way.suggestion else {}
    return suggestion | ({"alarm": True} if way.has_alarm else {})


def _name(grid_id: int, index: TreeIndex) -> str:
    return index.cell(grid_id).name if index.has(grid_id) else "?"


def _tellings(pairs: Iterable[tuple[Waiting, Decision]]) -> Iterator[Telling]:
    """Cells are told of what is theirs; platforms watch their board and are told only of alarms."""
    for row, way in pairs:
        if way.has_alarm or not way.holder.is_platform:
            words = ALARM if way.has_alarm else ARRIVED
            yield Telling(words, Holder(way.holder.id), row.id, row.filed_at, row.grid_id)


def _hint(row: Waiting, way: Decision) -> dict[str, str | int]:
    is_staying = way.holder.id == row.grid_id
    return {
        "kind": str(LinkKind.ASSIGN if is_staying else LinkKind.REPORT_UP),
        "issue": row.id,
        "version": row.version + len(way.hops),
        "district": row.district_id or 0,
        "grid": row.grid_id,
        "department": 0,
        "holder_grid": way.holder.id,
    }
