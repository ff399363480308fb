"""Long random walks through the real services: the history, folded, is the row.

10,000 moves in all, or as many as `GRID_WALKS` says. An issue's past is read once for everybody who might move it, and
a move that was seldom made is rather chosen: so between them the walks make every move of the table.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import pytest

from apps.common.refusals import Refused
from apps.issues.models import Issue, IssueEvent
from apps.issues.selectors.acting import Standing, standing_from, told_of
from apps.issues.selectors.history import verify_histories
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.targets import targets_for
from apps.issues.services.escalation import sweep
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import CLOSED, MOVES, Give, Move, State
from apps.staff.models import User
from apps.staff.selectors import Scope, scope_of
from tests.factories import NOW, Town, inside
from tests.issues.test_walks import cast, given_for

WALKS: Final = 4
MOVES_EACH: Final = int(os.environ.get("GRID_WALKS", "10000")) // WALKS
POOL: Final = 20  # issues that wander at once
LONG: Final = 60  # events; then it is left to the sweep
LULL: Final = 20  # moves between two sweeps
JOINTLY: Final = 0.5
PACES: Final = ((1, 1, 30, 60), (30, 300, 900))  # minutes between two sweeps: much is done in time, then much late
A_WHILE: Final = 250  # moves at one pace
ENOUGH: Final = 2_000  # moves of one walk, after which nearly each of the table was made
FEW: Final = 4  # an appeal needs a department that was late with what has ended since


class Folded(NamedTuple):
    """What the row of an issue says, as far as its history tells it."""

    version: int
    state: str
    holder: tuple[int, int | None]
    due_at: datetime | None
    rung: int
    closed_at: datetime | None


def fold(events: Sequence[IssueEvent]) -> Folded:
    """Play the history once more, event by event, by the table of moves alone. `events`: one issue's, in order."""
    state, closed_at = "", None
    for place, event in enumerate(events, start=1):
        assert event.seq == place
        if state and event.actor_id and event.kind in MOVES:  # routing and sweep use some of these words, too
            row = MOVES[event.kind]
            assert event.state in {row.to[State(state)], row.to_downward}, f"{event}: {state} → {event.state}"
        if event.state not in CLOSED:
            closed_at = None
        elif closed_at is None:
            closed_at = event.at
        state = event.state
    last = events[-1]
    return Folded(
        len(events), state, (last.holder_grid_id, last.holder_department_id), last.due_at, last.rung, closed_at
    )


def row_of(issue: Issue) -> Folded:
    holder = (issue.holder_grid_id, issue.holder_department_id)
    return Folded(issue.version, issue.state, holder, issue.due_at, issue.rung, issue.closed_at)


@dataclass
class Walker:
    """Somebody who picks an issue, a person and a move at random: rather a move that was seldom made so far."""

    town: Town
    dice: random.Random
    now: datetime = NOW
    made: int = 0
    refused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    people: list[tuple[User, Scope]] = field(init=False)

    def __post_init__(self) -> None:
        self.people = [(person, scope_of(person.id, self.now)) for person in cast(self.town)]

    def walk(self, moves: int) -> None:
        for _ in range(moves):  # of the moves of a round at least one is made, or nobody can do anything any more
            if self.made >= moves:
                break
            self.now += timedelta(minutes=self.dice.choice(PACES[self.made // A_WHILE % len(PACES)]))
            self._fill()
            sweep(now=self.now)
            short = Issue.objects.filter(version__lt=LONG)
            closed = short.exclude(closed_at=None).order_by("-closed_at", "-id")
            pool = [*short.filter(closed_at=None).order_by("-id")[:POOL], *closed[: POOL // 2]]
            for issue in self.dice.choices(pool, k=LULL):
                self._step(issue)
        sweep(now=self.now)

    def _fill(self) -> None:
        """Report so much that a pool is open."""
        missing = POOL - Issue.objects.filter(closed_at=None, version__lt=LONG).count()
        cells = [self.town.cell, self.town.next_cell, self.town.quiet_cell, self.town.far_cell]
        for _ in range(missing):
            lon, lat = inside(self.dice.choice(cells))
            category = self.dice.choice(["rubbish", "noise", "lamp", "shop", "fire"])
            report = Report(category_id=getattr(self.town.categories, category).id, lon=lon, lat=lat)
            file_report(reporter=self.dice.choice(cast(self.town)), report=report, now=self.now)
        route_waiting(now=self.now)

    def _step(self, issue: Issue) -> None:
        issue.refresh_from_db()
        offers = self._offers(issue)
        if not offers:
            return
        [(person, standing, move)] = self.dice.choices(offers, [(1 + self.kinds[one[2].name]) ** -2 for one in offers])
        fields = self._fields(issue, person, standing, move)
        if fields is None:
            return
        try:
            make_move(
                move=move.name, issue_id=issue.id, version=issue.version, actor=person, fields=fields, now=self.now
            )
        except Refused:  # offered by the table, but its own effects forbid it: nothing may have been written
            self.refused += 1
            return
        self.made += 1
        self.kinds[move.name] += 1

    def _offers(self, issue: Issue) -> list[tuple[User, Standing, Move]]:
        """Everything that anybody may do with the issue now."""
        told = told_of(issue.id)
        standings = ((person, standing_from(issue, told, scope, self.now)) for person, scope in self.people)
        return [(person, standing, move) for person, standing in standings for move in standing.moves]

    def _fields(self, issue: Issue, person: User, standing: Standing, move: Move) -> MoveFields | None:
        """All that the move asks, at random; None where there is nothing to give."""
        given = given_for(move, issue, person, self.now)
        if given is None:
            return None
        if not move.needs_target:
            return MoveFields(text="随手", given=given)
        found = targets_for(issue, standing.desk_for(move), self.now)
        departments = [row.id for row in found.departments]
        targets = [MoveFields(text="请办", given=given, to_department_id=one) for one in departments]
        targets += [MoveFields(text="请办", given=given, to_grid_id=cell.id) for cell in found.cells]
        if not targets:
            return None
        chosen = self.dice.choice(targets)
        helpers = [one for one in departments if one != chosen.to_department_id]
        if chosen.to_department_id is None or not helpers or self.dice.random() < JOINTLY:
            return chosen
        return replace(chosen, given=given | {Give.CO_DEPARTMENTS: helpers[:1]})


@pytest.mark.parametrize("seed", range(WALKS))
def test_after_a_long_walk_each_history_folds_into_its_row(town: Town, seed: int) -> None:
    walker = Walker(town, random.Random(seed))
    walker.walk(MOVES_EACH)
    assert walker.made >= MOVES_EACH
    assert MOVES_EACH < ENOUGH or len(MOVES.keys() - walker.kinds.keys()) <= FEW
    histories: dict[int, list[IssueEvent]] = defaultdict(list)
    for event in IssueEvent.objects.order_by("issue_id", "seq"):
        histories[event.issue_id].append(event)
    for issue in Issue.objects.all():
        assert fold(histories[issue.id]) == row_of(issue), issue.number
    assert verify_histories().faults == []
    found = [str(finding) for finding in check_invariants(now=walker.now).findings]
    assert [line for line in found if line.startswith("I4")] == []  # whether clocks fit is asked by test_walks
