"""Somebody wakes and does what they wish to do with a report: through `make_move`, as a page or the API would."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import Any, Final

from apps.common.refusals import Refused
from apps.demo.services.simulation.cast import Cast, pick
from apps.demo.services.simulation.faults import PRESSED_TWICE, Faults
from apps.demo.simulation.cases import Case, Seen
from apps.demo.simulation.habits import Goal, Who, Wish
from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues import routing
from apps.issues.models import Issue
from apps.issues.selectors.catalogue import catalogue
from apps.issues.services.moves import MoveFields, StaleVersion, make_move
from apps.issues.workflow import Give
from apps.staff.models import User

DEFAULT_KIND: Final = "chengguan"


class NotPossible(Exception):
    """There is nobody to ask, or nothing to give: the wish comes to nothing."""


@dataclass
class Acts:
    """Makes the moves of one shard, and counts what was done and what was refused."""

    cast: Cast
    faults: Faults
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def fulfil(self, case: Case, wishes: Sequence[Wish], dice: Random, now: datetime) -> bool:
        """Do the first of the wishes that can be done; whether one could."""
        for wish in wishes:
            try:
                case.observe(self._make(case, wish, dice, now))
            except NotPossible:
                continue
            except Refused as refusal:
                self.refused[f"{wish.move}: {type(refusal).__name__}"] += 1
                continue
            self.done[wish.move] += 1
            return True
        return False

    def _make(self, case: Case, wish: Wish, dice: Random, now: datetime) -> Seen:
        """Raises NotPossible and the refusals of `make_move`."""
        day = now.date()
        actor = self._actor(case, wish, dice, day)
        goal = self._goal(case, wish, dice, day)
        helpers = self._helpers(case, wish, goal, dice, day)
        given = wish.given | ({Give.CO_DEPARTMENTS: helpers} if helpers else {}) | goal.given

        fields = MoveFields(text=wish.text, to_grid_id=goal.grid, to_department_id=goal.department, given=given)

        def press() -> Issue:
            return make_move(
                move=wish.move, issue_id=case.id, version=case.version, actor=actor, fields=fields, now=now
            )

        issue = self._pressed(press, wish, actor)
        names = [name for name, id in self.cast.names.items() if id in helpers] if helpers else ()
        by = next((name for name, id in self.cast.names.items() if id == goal.helper), "")
        return Seen(
            *(issue.version, wish.move, now, issue.state, issue.holder_grid_id, issue.holder_department_id),
            *(issue.due_at, actor.id, names, by),
        )

    def _pressed(self, press: Callable[[], Issue], wish: Wish, actor: User) -> Issue:
        """Pressed once, or twice in a hurry; pressed again where the answer was lost."""

        def again() -> Issue:
            try:
                return press()
            except StaleVersion as stale:
                newest = stale.events[-1]
                if newest.kind == wish.move and newest.actor_id == actor.id:
                    return stale.issue  # it had been done: the page shows it
                raise

        issue = self.faults.survive(press, again)
        if self.faults.happens("pressed twice", PRESSED_TWICE):
            try:
                press()
            except StaleVersion:
                return issue
            raise AssertionError(f"{wish.move} was made twice")
        return issue

    # --- who ------------------------------------------------------------------------------------------

    def _actor(self, case: Case, wish: Wish, dice: Random, day: date) -> User:
        people = list(self._people(case, wish, day))
        chosen = pick(dice, people, but=case.last_actor if wish.who is not Who.REPORTER else None)
        if chosen is None:
            raise NotPossible
        return self.cast.users[chosen]

    def _people(self, case: Case, wish: Wish, day: date) -> Sequence[int]:
        cast, index = self.cast, tree()
        match wish.who:
            case Who.REPORTER:
                return [case.reporter]
            case Who.HELPER:
                return cast.people_of_department(self._helping(case, wish), case.grid, day)
            case Who.PLATFORM:
                return cast.people_of_cell(case.district, day)
            case Who.CITY:
                return cast.people_of_cell(index.city.id, day) if index.city else []
            case Who.SUPERIOR:
                above = index.superior(case.holder_grid)
                return cast.people_of_cell(above.id, day) if above and case.holder_department is None else []
            case Who.HOLDER:
                if case.holder_department is not None:
                    return cast.people_of_department(case.holder_department, case.grid, day)
                return cast.people_of_cell(case.holder_grid, day)

    def _helping(self, case: Case, wish: Wish) -> int:
        """The department that helps, or, for an appeal, the one that was late: the last that held it."""
        if wish.move == "co_feed_back":
            return self.cast.names[case.helpers[0]]
        if case.late_department is None:
            raise NotPossible
        return case.late_department

    # --- where to -------------------------------------------------------------------------------------

    def _goal(self, case: Case, wish: Wish, dice: Random, day: date) -> "_Goal":
        if wish.move == "co_feed_back":
            return _Goal(helper=self._helping(case, wish))
        match wish.goal:
            case Goal.NOTHING:
                return _Goal()
            case Goal.DEPARTMENT:
                return _Goal(department=self._department(case, dice, day))
            case Goal.CELL_BELOW:
                return _Goal(grid=self._cell_below(case, day))
            case Goal.TWIN:
                return _Goal(given={Give.INTO: self._twin(case)})

    def _department(self, case: Case, dice: Random, day: date) -> int:
        """The one that the powers name; if it has declined, another one, until only they are left."""
        staffed = [
            (kind, department)
            for (grid, kind), department in self.cast.departments.items()
            if grid == case.holder_grid and self.cast.people_of_department(department, case.grid, day)
        ]
        fresh = [row for row in staffed if row[1] not in case.declined] or staffed
        if not fresh:
            raise NotPossible
        known = catalogue()
        matter = known.matter(case.category, is_urgent=False)
        power = routing.nearest_power(known.powers, matter, min(tree().cell(case.holder_grid).tier, Tier.DISTRICT))
        wanted = (power.department_kind if power else "") or DEFAULT_KIND
        return next((id for kind, id in fresh if kind == wanted), None) or dice.choice(sorted(fresh))[1]

    def _cell_below(self, case: Case, day: date) -> int:
        chain = [cell.id for cell in tree().chain(case.grid)]
        place = chain.index(case.holder_grid) if case.holder_grid in chain else 0
        if place == 0 or not self.cast.has_own_people(chain[place - 1], day):
            raise NotPossible
        return chain[place - 1]

    def _twin(self, case: Case) -> str:
        rows = Issue.objects.filter(category_id=case.category, grid_id=case.grid, closed_at=None, parent=None)
        twin = rows.exclude(pk=case.id).exclude(client_key=None).order_by("client_key").first()
        if twin is None:
            raise NotPossible
        return twin.number

    def _helpers(self, case: Case, wish: Wish, goal: "_Goal", dice: Random, day: date) -> list[int]:
        if not wish.is_joint or goal.department is None:
            return []
        others = sorted(
            department
            for (grid, _kind), department in self.cast.departments.items()
            if grid == case.holder_grid
            and department != goal.department
            and self.cast.people_of_department(department, case.grid, day)
        )
        return [dice.choice(others)] if others else []


@dataclass(frozen=True)
class _Goal:
    grid: int | None = None
    department: int | None = None
    helper: int | None = None
    given: dict[Give, Any] = field(default_factory=dict)
