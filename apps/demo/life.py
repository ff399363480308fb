"""One demo issue lived through, up to a given moment: the same handovers, clocks and events as the real services write.

`Life` keeps the rules of apps.issues.services.handovers and of the sweep, in memory, so that a month of a whole city
takes seconds. What would happen after `now` does not happen: `Unfinished` is raised and the issue stays open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from apps.issues.deadlines import (
    Ladder,
    Limit,
    RungKind,
    RungRules,
    WorkCalendar,
    first_working_moment,
    next_working_moment,
    start_ladder,
)
from apps.issues.services.loading import EventRow, HandoverRow, IssueRow
from apps.issues.workflow import Holder, LinkKind, State

ON_TIME, REMINDED, OVERDUE = range(3)
DISPATCH, HANDLE, CHECK = "dispatch", "handle", "check"
PURPOSES = {
    State.COLLECTED: DISPATCH,
    State.ESCALATED: DISPATCH,
    State.ASSIGNED: HANDLE,
    State.HANDLING: HANDLE,
    State.FED_BACK: CHECK,
}

WAITS_FOR_SIGNATURE = frozenset({State.ESCALATED.value, State.ASSIGNED.value})
CARDS = {RungKind.YELLOW_CARD: 2, RungKind.RED_CARD: 3}

LimitOf = Callable[[int, int, str], Limit]  # category, tier, purpose
RungsOf = Callable[[int, int, str], RungRules]


class Unfinished(Exception):
    """The next step lies after the present: the issue is open."""


class TakenUp(Exception):
    """The sweep has moved the issue to the superior before the next step: somebody else goes on."""


class Actor(NamedTuple):
    """A person and the post in which they act."""

    user_id: int
    post_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """A cell as the stories need it. `above` is the id of its superior (None for the city)."""

    id: int
    tier: int
    name: str
    above: int | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What all lives share: the places, the limits, working time, and the present moment."""

    places: Mapping[int, Place]
    limit_of: LimitOf
    rungs_of: RungsOf
    calendar: WorkCalendar
    now: datetime


class Life:
    """An issue being lived. Every method that acts takes the moment, and raises `Unfinished` beyond the present."""

    def __init__(self, setting: Setting, row: IssueRow) -> None:
        self.setting, self.row = setting, row
        self.limit: Limit
        self.clock: Ladder
        self._is_taken = False

    @property
    def holder(self) -> Holder:
        return Holder(self.row.holder_grid_id, self.row.holder_department_id)

    @property
    def open_handover(self) -> HandoverRow:
        return self.row.handovers[-1]

    def file(self, actor: Actor) -> None:
        """It begins: held by its own cell, unrouted."""
        self._begin(LinkKind.COLLECT, None, self.holder, State.COLLECTED, self.row.filed_at, actor, "")
        self._record("file", self.row.filed_at, actor, {})

    def hand_over(
        self, kind: LinkKind, to: Holder, state: State, at: datetime, actor: Actor | None, payload: Mapping[str, Any]
    ) -> None:
        """The open handover ends, the next begins with its own clock."""
        self.advance(at)
        giver = None if actor is None and to == self.holder else self.holder  # routing leaves it where it is
        self._end(at, kind.value)
        self._begin(kind, giver, to, state, at, actor, str(payload.get("text", "")))
        self._record(kind.value, at, actor, payload)

    def sign(self, at: datetime, actor: Actor) -> None:
        """Whoever holds it signs for it; an assigned one is being handled then."""
        self.advance(at)
        self.open_handover.signed_at, self.open_handover.signed_by_id = at, actor.user_id
        if self.row.state == State.ASSIGNED:
            self.row.state = State.HANDLING.value
        self._record("sign", at, actor, {})

    def note(self, at: datetime, actor: Actor, text: str) -> None:
        """A word on the progress; who keeps what was only passing through gets a clock for handling it."""
        self.advance(at)
        if self.row.state == State.ESCALATED:
            holder = self.holder
            self._end(at, "handle")
            self._begin(LinkKind.ASSIGN, holder, holder, State.HANDLING, at, actor, text)
        self._record("handle", at, actor, {"text": text})

    def close(self, at: datetime, event: str, actor: Actor, payload: Mapping[str, Any]) -> None:
        """It ends."""
        self.advance(at)
        self._end(at, event)
        row = self.row
        row.state, row.closed_at = State.CONCLUDED.value, at
        row.due_at, row.next_action_at, row.rung, row.step = None, None, ON_TIME, 0
        self._record(event, at, actor, payload)

    def moment(self, share: float) -> datetime:
        """When that share of the open clock has run, in working time if the clock is a working one."""
        at = self.clock.started_at + (self.clock.due_at - self.clock.started_at) * share
        return at if self.limit.unit.is_continuous else first_working_moment(at, self.setting.calendar)

    def advance(self, at: datetime) -> None:
        """Let the sweep do what it would have done before `at`."""
        until = min(at, self.setting.now)
        while self.row.next_action_at is not None and self.row.next_action_at <= until:
            self._sweep(self.row.next_action_at)
        if at > self.setting.now:
            raise Unfinished
        if self._is_taken:
            self._is_taken = False
            raise TakenUp

    def _sweep(self, at: datetime) -> None:
        """One rung, as apps.issues.services.escalation has it."""
        row, steps = self.row, self.clock.steps
        kind = steps[row.step].kind if row.step < len(steps) else RungKind.ESCALATE
        if kind is RungKind.ESCALATE:
            self._move_up(at)
            return
        row.step += 1
        row.next_action_at = steps[row.step].at if row.step < len(steps) else self._next_alarm(at)
        is_signed = self.open_handover.signed_at is not None or row.state not in WAITS_FOR_SIGNATURE
        if kind is RungKind.UNSIGNED and is_signed:
            return
        if kind is RungKind.REMIND:
            row.rung = REMINDED
        elif kind is RungKind.OVERDUE:
            row.rung, self.open_handover.is_overdue = OVERDUE, True
        row.card = max(row.card, CARDS.get(kind, 0))
        self._record(kind.value, at, None, {"was_due_at": self.clock.due_at.isoformat()})

    def _next_alarm(self, at: datetime) -> datetime:
        return next_working_moment(at, self.setting.calendar)

    def _move_up(self, at: datetime) -> None:
        """One more limit has passed: the superior takes it, the late holder stays on record."""
        place = self.setting.places[self.row.holder_grid_id]
        above = place.above if self.row.holder_department_id is None else place.id
        if above is None:
            self.row.next_action_at = self._next_alarm(at)
            self._record("realarm", at, None, {"was_due_at": self.clock.due_at.isoformat()})
            return
        giver = self.holder
        payload: dict[str, Any] = {"was_due_at": self.clock.due_at.isoformat(), "from_grid": giver.grid_id}
        if giver.department_id is not None:
            payload["from_department"] = giver.department_id
        self.open_handover.is_overdue = True
        self._end(at, "escalate")
        self._begin(LinkKind.ESCALATE, giver, Holder(above), State.ESCALATED, at, None, "")
        self._record("escalate", at, None, payload)
        self._is_taken = True

    def _begin(
        self,
        kind: LinkKind,
        giver: Holder | None,
        to: Holder,
        state: State,
        at: datetime,
        actor: Actor | None,
        text: str,
    ) -> None:
        setting, row = self.setting, self.row
        asked = (row.category_id, setting.places[to.grid_id].tier, PURPOSES[state])
        self.limit = setting.limit_of(*asked)
        self.clock = start_ladder(at, self.limit, setting.rungs_of(*asked), setting.calendar)
        row.handovers.append(
            HandoverRow(
                kind=kind.value,
                from_grid_id=giver.grid_id if giver else None,
                from_department_id=giver.department_id if giver else None,
                to_grid_id=to.grid_id,
                to_department_id=to.department_id,
                actor_id=actor.user_id if actor else None,
                instruction=text,
                started_at=at,
                limit_amount=self.limit.amount,
                limit_unit=self.limit.unit.value,
                due_at=self.clock.due_at,
                rung_at=self.clock.rung_at,
                rung_kinds=self.clock.rung_kinds,
            )
        )
        row.state = state.value
        row.holder_grid_id, row.holder_department_id = to
        row.due_at, row.next_action_at = self.clock.due_at, self.clock.steps[0].at
        row.rung, row.step = ON_TIME, 0

    def _end(self, at: datetime, outcome: str) -> None:
        self.open_handover.ended_at, self.open_handover.outcome = at, outcome
        if self.row.due_at is not None and at > self.row.due_at:
            self.open_handover.is_overdue = True

    def _record(self, kind: str, at: datetime, actor: Actor | None, payload: Mapping[str, Any]) -> None:
        row = self.row
        row.events.append(
            EventRow(
                kind=kind,
                actor_id=actor.user_id if actor else None,
                post_id=actor.post_id if actor else None,
                at=at,
                state=row.state,
                holder_grid_id=row.holder_grid_id,
                holder_department_id=row.holder_department_id,
                due_at=row.due_at,
                rung=row.rung,
                payload=dict(payload),
            )
        )
