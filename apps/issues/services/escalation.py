"""The sweep: nothing waits unseen. Every open issue whose next action is due goes one rung further up its ladder.

Which rungs there are is data (`EscalationRung`): not signed, reminder, overdue, cards, and at last the issue moves to
the superior with a ladder of its own, and the late holder stays on the record. Past the last rung, and at the city,
which has no superior, it rings again each working day.

One statement a batch claims, moves and records (docs/adr/0004). Two sweepers at once share the work; asleep for a day,
it goes through the rungs one after the other when it wakes.
"""

import json
import logging
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final

from django.db import connection, transaction

from apps.common import heartbeat
from apps.common.feed import publish_after_commit
from apps.grids.models import Grid, Tier
from apps.grids.selectors import tree
from apps.issues.deadlines import RungKind
from apps.issues.models import Card, CoHandling, Handover, Issue, IssueEvent, LinkKind, Pause, Rung, State, TierLimit
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.limits import limit_for, rungs_for
from apps.issues.services.clocks import Clocks, next_alarm
from apps.issues.services.helpers import mark_late_helpers
from apps.issues.services.routing import BAD_ROW, districts_given, route_turn
from apps.issues.services.swept import SweepResult, Swept, tellings_of
from apps.issues.services.telling import People, tell
from apps.issues.services.writing import was_late

logger = logging.getLogger(__name__)

BATCH: Final = 2_000
MOST_BATCHES: Final = 30  # about ten seconds: a task stays short and rings itself again
WAITING_TOO_LONG: Final = timedelta(seconds=20)  # a ring was lost if a report still waits for its route then
COUNTED: Final = 100_000  # of what remains; more is as good as that
SWEEPING: Final = 0x5357454550  # "SWEEP", the advisory lock of one sweep at a time
HANDS: Final = 2  # of a sweep with a mass to move: one is idle while the other waits for the database
ANY: Final = 0  # in a clock's key: every category, every district
SUSPENDED: Final = "suspended"  # next_action_at is then the end of the pause
WAITS_FOR_SIGNATURE: Final = f"('{State.ESCALATED}', '{State.ASSIGNED}')"
ISSUE, HANDOVER, EVENT, GRID, PAUSE, PART = (
    m._meta.db_table for m in (Issue, Handover, IssueEvent, Grid, Pause, CoHandling)
)

# Literal conditions, so that the partial index on next_action_at serves. Both rows are locked, so that what is read of
# them is their newest version. `opened` reads from `ended`: the late handover ends before the next begins. A rung that
# asks for a signature is passed over ('pass') without a word where it was given: no event, the same version. Who helped
# the late holder helps no more, as when a person passes it on; their parts are locked in the order of a recount.
SWEEP = f"""
    WITH clock AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(clocks)s::jsonb) AS clock (
            tier integer, category bigint, district bigint, limit_amount numeric, limit_unit varchar(12),
            due_at timestamptz, rung_at timestamptz[], rung_kinds varchar(12)[], again_at timestamptz)
    ), due AS (
        SELECT issue.id, issue.state, issue.holder_grid_id, issue.holder_department_id, issue.due_at, issue.rung,
            issue.step, issue.card, issue.version, issue.filed_at, issue.grid_id, issue.district_id, issue.category_id,
            held.id AS handover_id, held.signed_at IS NULL AND issue.state IN {WAITS_FOR_SIGNATURE} AS is_unsigned,
            held.rung_kinds[issue.step + 1] AS rung_kind, held.rung_at[issue.step + 1] AS this_at,
            held.rung_at[issue.step + 2] AS next_at
        FROM {ISSUE} AS issue JOIN {HANDOVER} AS held ON held.issue_id = issue.id AND held.ended_at IS NULL
        WHERE issue.closed_at IS NULL AND issue.next_action_at <= %(now)s
            AND issue.id <> ALL(%(aside)s) AND (%(only)s::bigint IS NULL OR issue.id = %(only)s)
            AND (%(districts)s::bigint[] IS NULL OR issue.district_id = ANY(%(districts)s))
        ORDER BY issue.next_action_at, issue.id LIMIT %(batch)s
        FOR NO KEY UPDATE OF issue, held SKIP LOCKED
    ), plan AS MATERIALIZED (
        SELECT due.*, above.id AS superior_id, clock.limit_amount, clock.limit_unit, clock.again_at,
            clock.due_at AS new_due_at, clock.rung_at AS new_rung_at, clock.rung_kinds AS new_rung_kinds,
            CASE WHEN due.state = '{SUSPENDED}' THEN 'resume'
                WHEN due.rung_kind IS NULL OR due.rung_kind = '{RungKind.ESCALATE}' AND above.id IS NULL THEN 'realarm'
                WHEN due.rung_kind = '{RungKind.UNSIGNED}' AND NOT due.is_unsigned THEN 'pass'
                ELSE due.rung_kind END AS kind
        FROM due
        JOIN {GRID} AS holder ON holder.id = due.holder_grid_id
        LEFT JOIN {GRID} AS above ON above.id = CASE
            WHEN due.category_id = ANY(%(grave)s) AND holder.tier <> {int(Tier.CITY)} THEN %(city)s
            WHEN due.holder_department_id IS NOT NULL THEN due.holder_grid_id
            WHEN holder.tier = {int(Tier.DISTRICT)} THEN %(city)s
            ELSE holder.parent_id END
        LEFT JOIN clock ON clock.tier = coalesce(above.tier, {int(Tier.CITY)})
            AND clock.category = CASE WHEN due.category_id = ANY(%(own_clocks)s) THEN due.category_id ELSE {ANY} END
            AND clock.district = CASE WHEN due.district_id = ANY(%(own_hours)s) THEN due.district_id ELSE {ANY} END
    ), ended AS (
        UPDATE {HANDOVER} AS held SET is_overdue = true,
            ended_at = CASE WHEN plan.kind = 'escalate' THEN %(now)s::timestamptz END,
            outcome = CASE WHEN plan.kind = 'escalate' THEN '{LinkKind.ESCALATE}' ELSE '' END
        FROM plan WHERE held.id = plan.handover_id AND plan.kind IN ('overdue', 'escalate')
        RETURNING held.issue_id AS issue
    ), opened AS (
        INSERT INTO {HANDOVER} (issue_id, kind, from_grid_id, from_department_id, to_grid_id, instruction, started_at,
            limit_amount, limit_unit, due_at, rung_at, rung_kinds, outcome, is_overdue)
        SELECT plan.id, '{LinkKind.ESCALATE}', plan.holder_grid_id, plan.holder_department_id, superior_id, '', %(now)s,
            plan.limit_amount, plan.limit_unit, new_due_at, new_rung_at, new_rung_kinds, '', false
        FROM plan JOIN ended ON ended.issue = plan.id WHERE plan.kind = 'escalate'
    ), helped AS MATERIALIZED (
        SELECT part.id FROM {PART} AS part JOIN plan ON plan.id = part.issue_id AND plan.kind = 'escalate'
        WHERE part.ended_at IS NULL ORDER BY part.id FOR NO KEY UPDATE OF part
    ), left_alone AS (
        UPDATE {PART} AS part SET ended_at = %(now)s, outcome = '{LinkKind.ESCALATE}',
            is_overdue = {was_late("part", "%(now)s")}
        FROM helped WHERE helped.id = part.id
    ), resumed AS (
        UPDATE {PAUSE} AS pause SET ended_at = pause.until
        FROM plan WHERE plan.kind = 'resume' AND pause.handover_id = plan.handover_id AND pause.ended_at IS NULL
    ), moved AS (
        UPDATE {ISSUE} AS issue SET version = issue.version + CASE WHEN plan.kind = 'pass' THEN 0 ELSE 1 END,
            state = CASE plan.kind WHEN 'escalate' THEN '{State.ESCALATED}' WHEN 'resume' THEN '{State.HANDLING}'
                ELSE plan.state END,
            holder_grid_id = CASE WHEN plan.kind = 'escalate' THEN superior_id ELSE plan.holder_grid_id END,
            holder_department_id = CASE WHEN plan.kind <> 'escalate' THEN plan.holder_department_id END,
            due_at = CASE WHEN plan.kind = 'escalate' THEN new_due_at ELSE plan.due_at END,
            rung = CASE plan.kind WHEN 'remind' THEN {int(Rung.REMINDED)} WHEN 'overdue' THEN {int(Rung.OVERDUE)}
                WHEN 'escalate' THEN {int(Rung.ON_TIME)} ELSE plan.rung END,
            step = CASE WHEN plan.kind = 'escalate' THEN 0 WHEN plan.kind IN ('realarm', 'resume') THEN plan.step
                ELSE plan.step + 1 END,
            card = CASE plan.kind WHEN '{RungKind.YELLOW_CARD}' THEN greatest(plan.card, {int(Card.YELLOW)})
                WHEN '{RungKind.RED_CARD}' THEN greatest(plan.card, {int(Card.RED)}) ELSE plan.card END,
            next_action_at = CASE plan.kind WHEN 'escalate' THEN new_rung_at[1] WHEN 'realarm' THEN again_at
                WHEN 'resume' THEN coalesce(this_at, again_at) ELSE coalesce(next_at, again_at) END
        FROM plan WHERE issue.id = plan.id
        RETURNING issue.id AS issue, issue.state AS new_state, issue.holder_grid_id AS new_grid,
            issue.holder_department_id AS new_department, issue.due_at AS now_due_at, issue.rung AS new_rung,
            issue.version AS new_version
    ), written AS (
        INSERT INTO {EVENT} (issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, rung,
            payload, previous, hash)
        SELECT issue, 0, plan.kind, %(now)s, new_state, new_grid, new_department, now_due_at, new_rung,
            jsonb_strip_nulls(jsonb_build_object('was_due_at', plan.due_at,
                'from_grid', CASE WHEN plan.kind = 'escalate' THEN plan.holder_grid_id END,
                'from_department', CASE WHEN plan.kind = 'escalate' THEN plan.holder_department_id END)),
            '', ''
        FROM plan JOIN moved ON moved.issue = plan.id WHERE plan.kind <> 'pass'
    )
    SELECT plan.kind, issue, new_version, filed_at, grid_id, coalesce(district_id, 0), plan.holder_grid_id,
        plan.holder_department_id, superior_id, new_grid, new_department
    FROM plan JOIN moved ON moved.issue = plan.id
"""

DUE_IDS = f"""
    SELECT id FROM {ISSUE}
    WHERE closed_at IS NULL AND next_action_at <= %(now)s AND id <> ALL(%(aside)s)
        AND (%(districts)s::bigint[] IS NULL OR district_id = ANY(%(districts)s))
    ORDER BY next_action_at, id LIMIT %(batch)s
"""

REMAINING = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM {ISSUE} WHERE closed_at IS NULL AND next_action_at <= %(now)s
            AND (%(districts)s::bigint[] IS NULL OR district_id = ANY(%(districts)s)) LIMIT {COUNTED}) AS due
"""


@dataclass
class _Round:
    """What stays the same for all batches of one sweep."""

    now: datetime
    batch: int
    people: People
    values: dict[str, Any]
    aside: list[int] = field(default_factory=list)  # rows that could not be written


def sweep(
    *,
    now: datetime,
    batch: int = BATCH,
    most_batches: int = MOST_BATCHES,
    districts: Collection[int] | None = None,
) -> SweepResult:
    """Route what was left waiting, then move whatever is due one rung at a time until nothing is due.

    Stops after `most_batches`, so that a task stays short; `remaining` then says that it must be called again.
    A row that cannot be written is logged and left for the next sweep; it holds up nobody. `districts`: ids of those
    whose issues it is about; all by default.
    """
    left_waiting = route_turn(now=now, filed_before=now - WAITING_TOO_LONG, districts=districts)
    turn = _Round(now, batch, People(now), _clocks(now) | {"districts": districts_given(districts)})
    mark_late_helpers(now=now, people=turn.people, districts=districts)  # first: moving up ends the parts of who helps
    result, is_done = _sweep_all(turn, most_batches)
    result.routed, result.has_unrouted = left_waiting.routed, left_waiting.has_more
    if not is_done:
        result.remaining = _remaining(turn)
    heartbeat.beat("sweep", now)
    return result


@contextmanager
def only_sweeper() -> Iterator[bool]:
    """Whether no other sweep is at work. It saves work only: two at once do nothing twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [SWEEPING])
        is_only = bool(cursor.fetchone()[0])
    try:
        yield is_only
    finally:
        if is_only:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [SWEEPING])


def _sweep_all(turn: _Round, most_batches: int) -> tuple[SweepResult, bool]:
    """Batch by batch, and whether nothing was left; where the first one was full, with a second hand beside."""
    first, is_done = _sweep_on(turn, 1)
    if is_done or first.looked_at < turn.batch or most_batches < 1 + HANDS:
        rest, is_done = _sweep_on(turn, most_batches - 1)
        return first + rest, is_done
    share = (most_batches - 1) // HANDS
    with ThreadPoolExecutor(HANDS - 1) as hands:
        other = hands.submit(_other_hand, replace(turn, people=People(turn.now)), share)
        own, is_own_done = _sweep_on(turn, most_batches - 1 - share)
        others, is_other_done = other.result()
    return first + own + others, is_own_done and is_other_done


def _other_hand(turn: _Round, most_batches: int) -> tuple[SweepResult, bool]:
    """In a thread with a connection of its own: no row is claimed by both, so nothing is done twice."""
    try:
        return _sweep_on(turn, most_batches)
    finally:
        connection.close()


def _sweep_on(turn: _Round, most_batches: int) -> tuple[SweepResult, bool]:
    result = SweepResult()
    for _ in range(most_batches):
        seen, rows = _sweep_batch(turn)
        if not seen:
            return result, True
        result.count(rows)
        result.looked_at += seen
    return result, False


def _sweep_batch(turn: _Round) -> tuple[int, list[Swept]]:
    """Move the next batch; returns how many rows were seen, and those that moved."""
    try:
        rows = _move(turn, turn.batch)
    except BAD_ROW:
        logger.exception("a batch could not be moved; its issues are moved one by one")
        return _sweep_singly(turn)
    return len(rows), rows


def _sweep_singly(turn: _Round) -> tuple[int, list[Swept]]:
    with connection.cursor() as cursor:
        values = {"now": turn.now, "aside": turn.aside, "batch": turn.batch, "districts": turn.values["districts"]}
        cursor.execute(DUE_IDS, values)
        ids = [row[0] for row in cursor.fetchall()]
    moved: list[Swept] = []
    for issue_id in ids:
        try:
            moved += _move(turn, 1, only=issue_id)
        except BAD_ROW:
            logger.exception("issue %d could not be moved", issue_id)
            turn.aside.append(issue_id)
    return len(ids), moved


def _move(turn: _Round, batch: int, only: int | None = None) -> list[Swept]:
    """One transaction: the statement, the notices, the hints."""
    values = turn.values | {"now": turn.now, "batch": batch, "only": only, "aside": turn.aside}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SWEEP, values)
            rows = [Swept(*row) for row in cursor.fetchall()]
        tell(tellings=tellings_of(rows), people=turn.people, now=turn.now)
        publish_after_commit(row.hint for row in rows if not row.is_silent)
    return rows


def _remaining(turn: _Round) -> int:
    with connection.cursor() as cursor:
        cursor.execute(REMAINING, {"now": turn.now, "districts": turn.values["districts"]})
        return int(cursor.fetchone()[0])


def _clocks(now: datetime) -> dict[str, Any]:
    """Every clock an issue may get when it moves up now: few, because few limits, ladders and calendars differ.

    A grave category has its own limit at every station, others may have ladders of their own; a district has its own
    calendar only where it has own hours.
    """
    known = catalogue()
    grave = [row.id for row in known.categories.values() if row.is_grave]  # these go to the city, past all between
    own_clocks = {*grave, *known.with_own_ladder()}
    city_hours = work_calendar(None)
    own_hours = [cell.id for cell in tree().districts() if work_calendar(cell.id) is not city_hours]
    city = tree().city
    return {
        "clocks": json.dumps(list(_clock_rows(now, [ANY, *sorted(own_clocks)], [ANY, *own_hours]))),
        "own_clocks": sorted(own_clocks),
        "own_hours": own_hours,
        "grave": grave,
        "city": city.id if city else None,
    }


def _clock_rows(now: datetime, categories: Iterable[int], districts: Iterable[int]) -> Iterator[dict[str, Any]]:
    clocks = Clocks()
    for district in districts:
        again_at = next_alarm(district or None, now).isoformat()
        for category, tier in product(categories, Tier):
            wanted = limit_for(category_id=category, tier=tier, purpose=TierLimit.Purpose.DISPATCH)
            rungs = rungs_for(category_id=category, tier=tier, purpose=TierLimit.Purpose.DISPATCH)
            columns = clocks.start(wanted, rungs, district or None, now)
            yield {"tier": int(tier), "category": category, "district": district, "again_at": again_at, **columns}
