"""A running ladder when the working calendar has changed: what is still ahead keeps its time on the unit's clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from apps.issues.deadlines.calendar import MICROSECOND, WorkCalendar
from apps.issues.deadlines.clocks import carried, ends, time_between
from apps.issues.deadlines.ladder import Ladder, RungKind
from apps.issues.deadlines.units import Unit

Pauses = Sequence[tuple[datetime, datetime]]
"""When the clock stood still: from, until; in order, none overlapping. One that still lasts ends when planned."""


def recount(
    running: Ladder, *, done: int, pauses: Pauses, unit: Unit, before: WorkCalendar, after: WorkCalendar
) -> Ladder:
    """The ladder as it would stand had the calendar been `after` all along, instead of `before`.

    The first `done` rungs have happened: they stay, the due time with them once it is behind. What lies ahead comes
    after them, at once where its new moment has passed. Raises `OutOfRange` or `NoWorkingTime`.
    """
    floor = running.steps[done - 1].at if done else running.started_at
    steps, ahead = list(running.steps[:done]), running.steps[done:]
    if pauses or unit.is_continuous:
        spans = [elapsed(running.started_at, step.at, pauses, unit, before) for step in ahead]
        moments = [advanced(running.started_at, span, pauses, unit, after) for span in spans]
    else:
        moments = carried(running.started_at, [step.at for step in ahead], before=before, after=after)
    steps += [step._replace(at=max(at, floor)) for step, at in zip(ahead, moments, strict=True)]
    due_at = next(step.at for step in steps if step.kind is RungKind.OVERDUE)
    return replace(running, due_at=due_at, steps=tuple(steps))


def elapsed(start: datetime, at: datetime, pauses: Pauses, unit: Unit, calendar: WorkCalendar) -> timedelta:
    """Time on the unit's clock from `start` to `at`, less the pauses."""
    span = time_between(start, at, unit, calendar)
    for begins, stops in pauses:
        if begins < at and start < stops:
            span -= time_between(max(begins, start), min(stops, at), unit, calendar)
    return span


def advanced(start: datetime, span: timedelta, pauses: Pauses, unit: Unit, calendar: WorkCalendar) -> datetime:
    """The earliest moment at which `span` has elapsed since `start`, less the pauses."""
    moment, left = start, span
    for begins, stops in pauses:
        if stops <= moment:
            continue
        first = time_between(moment, max(begins, moment), unit, calendar)
        if left < first:  # what would come at the very moment of the pause comes at its end
            break
        moment, left = stops, left - first
    return ends(moment, (left // MICROSECOND,), unit, calendar)[0]
