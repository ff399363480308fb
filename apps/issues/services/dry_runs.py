"""Dry runs: a rule set tried on past issues in short turns, stoppable between them, carried on by whoever comes next.

Of the city's tables nothing is written but the run's own row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.common import queue
from apps.common.refusals import Refused
from apps.issues.models import DryRun, RuleSet
from apps.issues.selectors.catalogue import catalogue, rules_of
from apps.issues.selectors.past_routes import Tally, Trial, count_past, read_past
from apps.issues.selectors.rules import rules_digest

BELL: Final = "issues.dry_run"
CHUNK: Final = 2_000
TURN_SECONDS: Final = 3.0  # a worker has reports to route as well
MOST: Final = 1_000_000
DEFAULT_MOST: Final = 20_000
SILENT: Final = timedelta(seconds=60)  # without a sign of life for so long, nobody is at work on it


class DryRunRefused(Refused):
    """It cannot begin or go on."""

    sentence = _("This dry run cannot be made.")
    status = 409


class OneIsRunning(DryRunRefused):
    """Of the same set."""

    sentence = _("A dry run of this rule set is under way: wait for its end, or stop it.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look at: the newest `most` issues, filed since then (None: ever)."""

    since: datetime | None = None
    most: int = DEFAULT_MOST


def begin_dry_run(*, rule_set_id: int, wish: Wish, asked_by_id: int | None, now: datetime) -> DryRun:
    """Write down that a set is to be tried; `carry_on` does it. Raises OneIsRunning."""
    with transaction.atomic():
        rule_set = RuleSet.objects.select_for_update().get(id=rule_set_id)
        running = rule_set.dry_runs.filter(state=DryRun.State.RUNNING)
        if running.filter(beat_at__gt=now - SILENT).exists():
            raise OneIsRunning
        running.update(state=DryRun.State.FAILED, ended_at=now)
        most = min(max(wish.most, 1), MOST)
        return DryRun.objects.create(
            rule_set=rule_set,
            digest=rules_digest(rules_of(rule_set, catalogue().categories)),
            since=wish.since,
            most=most,
            asked_by_id=asked_by_id,
            started_at=now,
            beat_at=now,
            total=count_past(wish.since, most),
        )


def ask_for_dry_run(*, rule_set_id: int, wish: Wish, asked_by_id: int | None, now: datetime) -> DryRun:
    """The same, to be done by the worker. Raises OneIsRunning."""
    with transaction.atomic():
        run = begin_dry_run(rule_set_id=rule_set_id, wish=wish, asked_by_id=asked_by_id, now=now)
        queue.after_commit(BELL, run_id=run.id)
    return run


def stop_dry_run(*, run_id: int, now: datetime) -> None:
    """Ask for its end after the present piece; one that nobody works on ends at once."""
    running = DryRun.objects.filter(id=run_id, state=DryRun.State.RUNNING)
    running.update(should_stop=True)
    running.filter(beat_at__lte=now - SILENT).update(state=DryRun.State.STOPPED, ended_at=now)


def carry_on(
    *,
    run_id: int,
    clock: Callable[[], datetime],
    seconds: float = TURN_SECONDS,
    on_progress: Callable[[DryRun], None] = lambda run: None,
) -> bool:
    """Look at past issues for about so long; returns whether some are left. Safe to call twice, or at once.

    Each piece is one transaction: whoever dies leaves the run as it was after the piece before.
    """
    ends_at = monotonic() + seconds
    trial: Trial | None = None
    while True:
        with transaction.atomic():
            run = _claim(run_id)
            if run is None:
                return False
            if trial is None:
                trial = _trial(run, clock())
            _look_at_piece(run, trial, clock())
        on_progress(run)
        if run.state != DryRun.State.RUNNING:
            return False
        if monotonic() >= ends_at:
            return True


def fail_dry_run(*, run_id: int, now: datetime) -> None:
    """It broke; what it had counted stays to be seen, but counts for nothing."""
    DryRun.objects.filter(id=run_id, state=DryRun.State.RUNNING).update(state=DryRun.State.FAILED, ended_at=now)


def _claim(run_id: int) -> DryRun | None:
    """The row under lock, while it is running and nobody else has it."""
    rows = DryRun.objects.select_for_update(of=("self",), skip_locked=True).select_related("rule_set")
    return rows.filter(id=run_id, state=DryRun.State.RUNNING).first()


def _trial(run: DryRun, now: datetime) -> Trial:
    return Trial(rules_of(run.rule_set, catalogue().categories), now)


def _look_at_piece(run: DryRun, trial: Trial, now: datetime) -> None:
    tally = Tally.from_json(run.summary, seen=run.seen, changed=run.changed)
    wanted = 0 if run.should_stop else min(CHUNK, run.most - run.seen)
    found = read_past(below=run.after_id, since=run.since, most=wanted) if wanted else []
    trial.look_at(found, tally)
    run.seen, run.changed, run.summary, run.beat_at = tally.seen, tally.changed, tally.as_json(), now
    run.after_id = found[-1].id if found else run.after_id
    if len(found) < CHUNK or run.seen >= run.most:
        _end(run, now)
    run.save(update_fields=["seen", "changed", "summary", "beat_at", "after_id", "state", "ended_at"])


def _end(run: DryRun, now: datetime) -> None:
    """Finished, unless somebody stopped it, or the rules are no longer those that it began with."""
    is_same = rules_digest(rules_of(run.rule_set, catalogue().categories)) == run.digest
    run.state = DryRun.State.FINISHED if is_same else DryRun.State.FAILED
    if run.should_stop:
        run.state = DryRun.State.STOPPED
    run.ended_at = now
