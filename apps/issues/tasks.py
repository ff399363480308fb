"""Doorbells: each answers its ring and calls one service. Safe to ring twice, or not at all (docs/adr/0004)."""

import logging

from celery import shared_task

from apps.common import clock, heartbeat, queue
from apps.issues.services import accountability, anchors, calendar, dry_runs, escalation, recounting, routing

logger = logging.getLogger(__name__)

ROUTE_WAITING = "issues.route_waiting"
SWEEP = "issues.sweep"
DRY_RUN = dry_runs.BELL
ANCHOR = "issues.anchor"
RECORD_LATE = "issues.record_late"
RECOUNT = calendar.RECOUNT


@shared_task(name=ROUTE_WAITING)
def route_waiting(batch: int = routing.BATCH, most_batches: int = routing.MOST_BATCHES) -> None:
    """Route whatever waits; what one short turn leaves rings again.

    The ring is answered first, so that a report filed from now on rings again.
    """
    queue.answer_ring(ROUTE_WAITING)
    if routing.route_turn(now=clock.now(), batch=batch, most_batches=most_batches).has_more:
        queue.after_commit(ROUTE_WAITING)


@shared_task(name=SWEEP)
def sweep() -> None:
    """Move whatever is due; what one short turn leaves rings again. A sweep already at work makes this one needless."""
    with escalation.only_sweeper() as is_only:
        if not is_only:
            return
        result = escalation.sweep(now=clock.now())
    if result.has_unrouted:
        queue.after_commit(ROUTE_WAITING)
    if result.remaining:
        queue.after_commit(SWEEP)


@shared_task(name=DRY_RUN)
def dry_run(run_id: int) -> None:
    """Try a rule set on past issues for one short turn; what is left rings again."""
    try:
        has_more = dry_runs.carry_on(run_id=run_id, clock=clock.now)
    except Exception:
        dry_runs.fail_dry_run(run_id=run_id, now=clock.now())
        raise
    if has_more:
        queue.after_commit(DRY_RUN, run_id=run_id)


@shared_task(name=ANCHOR)
def anchor() -> None:
    """Anchor the day that has ended, and any that was missed. If that cannot be now: at the next ring."""
    try:
        anchors.anchor_days(now=clock.now())
    except anchors.NotNow as refused:
        logger.warning("%s", refused)


@shared_task(name=RECOUNT)
def recount_clocks() -> None:
    """Count running clocks again after the calendar has changed, for one short turn; what is left rings again."""
    if recounting.recount_clocks(now=clock.now(), most_batches=recounting.MOST_BATCHES).has_more:
        queue.after_commit(RECOUNT)


@shared_task(name=RECORD_LATE)
def record_late() -> None:
    """Put on record who answered for what has become late."""
    accountability.record_late()
    heartbeat.beat("record_late", clock.now())
