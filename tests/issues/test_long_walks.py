"""Long random walks through the real services: the history, folded, is the row.

2,000 moves in all, or as many as `GRID_WALKS` says: `GRID_WALKS=10000` for the long run. Who could move an issue is
learnt on the way (`Walker.known`): asking everybody about everything, as test_walks does, takes ten times as long.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import pytest

from apps.common.refusals import Refused
from apps.issues.models import Issue, IssueEvent
from apps.issues.selectors.acting import standing_of
from apps.issues.selectors.history import verify_histories
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.targets import targets_for
from apps.issues.services.escalation import sweep
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import CLOSED, MOVES, Move, State
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, inside
from tests.issues.test_walks import cast, given_for

WALKS: Final = 4
MOVES_EACH: Final = int(os.environ.get("GRID_WALKS", "2000")) // WALKS
POOL: Final = 20  # issues that wander at once
LONG: Final = 60  # events; then it is left to the sweep
LULL: Final = 20  # moves between two sweeps


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
    known: dict[tuple[object, ...], set[User]] = field(default_factory=lambda: defaultdict(set))

    def walk(self, moves: int) -> None:
        people = cast(self.town)
        for _ in range(moves):  # of the moves of a round at least one is made, or nobody can do anything any more
            if self.made >= moves:
                break
            self.now += timedelta(minutes=self.dice.choice([1, 1, 30, 600]))
            self._fill()
            sweep(now=self.now)
            newest = Issue.objects.filter(version__lt=LONG).order_by("-id")
            pool = [*newest.filter(closed_at=None)[:POOL], *newest.exclude(closed_at=None)[: POOL // 4]]
            for issue in self.dice.choices(pool, k=LULL):
                self._step(issue, people)
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

    def _step(self, issue: Issue, people: Sequence[User]) -> None:
        issue.refresh_from_db()
        place = (issue.state, issue.holder_grid_id, issue.holder_department_id)
        known = sorted(self.known[place], key=lambda person: person.id)
        person = self.dice.choice(known if known and self.dice.random() < 0.9 else people)
        chosen = self._chosen(issue, person)
        if chosen is None:
            return
        self.known[place].add(person)
        move, fields = chosen
        try:
            make_move(
                move=move.name, issue_id=issue.id, version=issue.version, actor=person, fields=fields, now=self.now
            )
        except Refused:  # offered by the table, but its own effects forbid it: nothing may have been written
            self.refused += 1
            return
        self.made += 1
        self.kinds[move.name] += 1

    def _chosen(self, issue: Issue, person: User) -> tuple[Move, MoveFields] | None:
        """A random move that is offered to the person, with all that it asks; None where there is none."""
        scope = scope_of(person.id, self.now)
        standing = standing_of(issue, scope, self.now)
        if not standing.moves:
            return None
        [move] = self.dice.choices(standing.moves, [(1 + self.kinds[one.name]) ** -2 for one in standing.moves])
        given = given_for(move, issue, person, self.now)
        if given is None:
            return None
        if not move.needs_target:
            return move, MoveFields(text="随手", given=given)
        found = targets_for(issue, standing.desk_for(move), self.now)
        targets = [MoveFields(text="请办", given=given, to_department_id=row.id) for row in found.departments]
        targets += [MoveFields(text="请办", given=given, to_grid_id=cell.id) for cell in found.cells]
        return (move, self.dice.choice(targets)) if targets else None


@pytest.mark.parametrize("seed", range(WALKS))
def test_after_a_long_walk_each_history_folds_into_its_row(town: Town, seed: int) -> None:
    walker = Walker(town, random.Random(seed))
    walker.walk(MOVES_EACH)
    assert walker.made >= MOVES_EACH
    histories: dict[int, list[IssueEvent]] = defaultdict(list)
    for event in IssueEvent.objects.order_by("issue_id", "seq"):
        histories[event.issue_id].append(event)
    for issue in Issue.objects.all():
        assert fold(histories[issue.id]) == row_of(issue), issue.number
    assert verify_histories().faults == []
    found = [str(finding) for finding in check_invariants(now=walker.now).findings]
    assert [line for line in found if line.startswith("I4")] == []  # whether clocks fit is asked by test_walks
