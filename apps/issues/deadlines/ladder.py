"""The ladder of a limit: what happens to whoever is silent or late, rung by rung, as moments in order.

Rungs are data (a city's own); this is the rule that makes moments of them. Source of the shipped ones: sign within
4 work hours, yellow lamp at 75 %, yellow card 3 and red card 7 work days after the due time (reference: domain §6).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, Self

from apps.issues.deadlines.calendar import MICROSECOND, WorkCalendar
from apps.issues.deadlines.clocks import add_time, ends, time_between
from apps.issues.deadlines.units import Limit, Unit

WHOLE: Final = 10_000  # a share of the limit is kept in hundredths of a percent


class RungKind(StrEnum):
    """What a rung does. Of two at the same moment the one named first here comes first."""

    UNSIGNED = "unsigned"
    REMIND = "remind"
    OVERDUE = "overdue"
    YELLOW_CARD = "yellow_card"
    RED_CARD = "red_card"
    ESCALATE = "escalate"


ORDER: Final = {kind: place for place, kind in enumerate(RungKind)}
EARLY: Final = frozenset({RungKind.UNSIGNED, RungKind.REMIND})  # mean nothing once it is due
ONCE: Final = frozenset({RungKind.REMIND, RungKind.YELLOW_CARD, RungKind.RED_CARD})  # a card may be lifted meanwhile


class CountsFrom(StrEnum):
    """Where the moment of a rung is counted from."""

    SHARE = "share"  # a share of the limit itself
    START = "start"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class RungRule:
    """One rung as data. `size`: hundredths of a percent of the limit, or microseconds on the clock of `unit`."""

    kind: RungKind
    counts_from: CountsFrom
    size: int
    unit: Unit | None = None

    @classmethod
    def at_share(cls, kind: RungKind, percent: Decimal | int) -> Self:
        """At so many percent of the limit."""
        return cls(kind, CountsFrom.SHARE, round(Decimal(percent) * WHOLE / 100))

    @classmethod
    def after(cls, kind: RungKind, counts_from: CountsFrom, amount: Limit) -> Self:
        """So long after the start or the due time, on a clock of its own."""
        return cls(kind, counts_from, amount.micros, amount.unit)


@dataclass(frozen=True, eq=False, slots=True)
class RungRules:
    """The rungs that belong together. Compared by identity: a cheap key for keeping what was counted."""

    rules: tuple[RungRule, ...]
    shares: tuple[int, ...] = field(init=False)  # of `share_kinds`; the due time, which always is there, comes first
    share_kinds: tuple[RungKind, ...] = field(init=False)
    others: tuple[RungRule, ...] = field(init=False)

    def __post_init__(self) -> None:
        own = [rule for rule in self.rules if rule.kind is not RungKind.OVERDUE]
        by_share = [rule for rule in own if rule.counts_from is CountsFrom.SHARE]
        object.__setattr__(self, "shares", (WHOLE, *(rule.size for rule in by_share)))
        object.__setattr__(self, "share_kinds", (RungKind.OVERDUE, *(rule.kind for rule in by_share)))
        object.__setattr__(self, "others", tuple(rule for rule in own if rule.counts_from is not CountsFrom.SHARE))


PLAIN_RUNGS: Final = RungRules(
    (
        RungRule.at_share(RungKind.REMIND, 75),
        RungRule.at_share(RungKind.OVERDUE, 100),
        RungRule.at_share(RungKind.ESCALATE, 200),
    )
)
"""Where a city has no rung of its own: reminder at 75 %, overdue at 100 %, and one more limit later it moves up."""


class LadderStep(NamedTuple):
    """One rung of a running ladder."""

    at: datetime
    kind: RungKind


@dataclass(frozen=True, slots=True)
class Ladder:
    """A running limit: its start, its due time, and its rungs in order; exactly one is overdue."""

    started_at: datetime
    due_at: datetime
    steps: tuple[LadderStep, ...]

    @property
    def rung_at(self) -> list[datetime]:
        """The moments, as a handover keeps them."""
        return [step.at for step in self.steps]

    @property
    def rung_kinds(self) -> list[str]:
        """The kinds, as a handover keeps them."""
        return [step.kind.value for step in self.steps]

    @classmethod
    def of(cls, started_at: datetime, due_at: datetime, rung_at: Sequence[datetime], rung_kinds: Sequence[str]) -> Self:
        """The ladder that a handover keeps."""
        return cls(
            started_at,
            due_at,
            tuple(LadderStep(*pair) for pair in zip(rung_at, map(RungKind, rung_kinds), strict=True)),
        )


def start_ladder(start: datetime, limit: Limit, rungs: RungRules, calendar: WorkCalendar) -> Ladder:
    """The rungs of a limit that starts now, in order of their moments.

    Cards and moving up never come before the due time, asking and reminding never at or after it. When it moves up,
    a new ladder begins: whatever would come later is left out. Raises `OutOfRange` or `NoWorkingTime`.
    """
    whole = limit.micros
    shares = ends(start, tuple(whole * share // WHOLE for share in rungs.shares), limit.unit, calendar)
    due = shares[0]
    found = [LadderStep(at, kind) for at, kind in zip(shares, rungs.share_kinds, strict=True)]
    for rule in rungs.others:
        base = start if rule.counts_from is CountsFrom.START else due
        found.append(LadderStep(ends(base, (rule.size,), rule.unit or limit.unit, calendar)[0], rule.kind))
    return Ladder(start, due, _in_order(found, due))


def shift(running: Ladder, *, since: datetime, to: datetime, unit: Unit, calendar: WorkCalendar) -> Ladder:
    """What was left at `since` runs on from `to`: moments at or after `since` keep their time on the unit's clock.

    Those before it have passed and stay. `to` may be the earlier one: an early end of a pause.
    """
    return _moved(running, lambda at: at if at < since else _from(at, since, to, unit, calendar, calendar))


def resume(
    running: Ladder,
    *,
    paused_at: datetime,
    now: datetime,
    unit: Unit,
    calendar: WorkCalendar,
    done: int = 0,
    measured_by: WorkCalendar | None = None,
) -> Ladder:
    """The ladder after a pause: moments at or after `paused_at` keep their remaining time, past ones stay.

    So do the first `done` rungs, which have happened, the due time with them: one may fall on the very moment.
    `measured_by`: the calendar by which the moments were counted, if it is another one by now.
    """
    before = measured_by or calendar
    moved = _moved(running, lambda at: at if at < paused_at else _from(at, paused_at, now, unit, before, calendar))
    is_due_behind = any(step.kind is RungKind.OVERDUE for step in running.steps[:done])
    return replace(
        moved,
        due_at=running.due_at if is_due_behind else moved.due_at,
        steps=running.steps[:done] + moved.steps[done:],
    )


def go_on(
    stood: Ladder,
    *,
    ended_at: datetime,
    fresh: Ladder,
    unit: Unit,
    calendar: WorkCalendar,
    measured_by: WorkCalendar | None = None,
) -> Ladder:
    """The ladder of a holding that ended, going on at the start of `fresh`, the one a new holding would have had.

    Rungs that were ahead keep their remaining time; overdue and moving up come at once where they are behind. What was
    said or shown once before it ended is not said again; signing is asked for anew, by `fresh`. `measured_by`: the
    calendar by which its moments were counted, if it is another one by now.
    """
    now = fresh.started_at
    running = resume(stood, paused_at=ended_at, now=now, unit=unit, calendar=calendar, measured_by=measured_by)
    due = max(running.due_at, now)
    steps = [step for step in fresh.steps if step.kind is RungKind.UNSIGNED and step.at < due]
    for was, step in zip(stood.steps, running.steps, strict=True):
        is_behind = was.at < ended_at
        if step.kind is not RungKind.UNSIGNED and not (is_behind and step.kind in ONCE):
            steps.append(step._replace(at=max(step.at, now)))
    return Ladder(now, due, tuple(sorted(steps, key=_place)))


def extend(running: Ladder, *, extra: Limit, now: datetime, calendar: WorkCalendar) -> Ladder:
    """The ladder with a further limit: moments ahead move by it, past ones stay.

    The signature is asked for by the start, so its moment stays too.
    """

    def later(at: datetime) -> datetime:
        return at if at <= now else add_time(at, extra.span, extra.unit, calendar)

    steps = (
        step if step.kind is RungKind.UNSIGNED else LadderStep(later(step.at), step.kind) for step in running.steps
    )
    return Ladder(running.started_at, later(running.due_at), tuple(sorted(steps, key=_place)))


def _from(
    at: datetime, since: datetime, to: datetime, unit: Unit, before: WorkCalendar, after: WorkCalendar
) -> datetime:
    left = time_between(since, at, unit, before)
    return ends(to, (left // MICROSECOND,), unit, after)[0] if left > timedelta(0) else to


def _moved(running: Ladder, move: Callable[[datetime], datetime]) -> Ladder:
    return replace(
        running,
        due_at=move(running.due_at),
        steps=tuple(step._replace(at=move(step.at)) for step in running.steps),
    )


def _in_order(found: Iterable[LadderStep], due: datetime) -> tuple[LadderStep, ...]:
    steps = sorted((step if step.kind in EARLY else step._replace(at=max(step.at, due)) for step in found), key=_place)
    kept: list[LadderStep] = []
    for step in steps:
        if step.kind in EARLY and step.at >= due:
            continue
        kept.append(step)
        if step.kind is RungKind.ESCALATE:
            break
    return tuple(kept)


def _place(step: LadderStep) -> tuple[datetime, int]:
    return step.at, ORDER[step.kind]
