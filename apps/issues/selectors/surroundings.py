"""The city as routing finds it at one moment: rules, vacancies, where departments have people, which hours it is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.grids.selectors import TreeIndex, tree
from apps.issues import routing
from apps.issues.deadlines import CannotCount, first_working_moment
from apps.issues.routing import Cell, Decision, Department, Staff
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import Catalogue
from apps.staff.selectors import posted_departments, vacant_cells

Hours = dict[tuple[int | None, datetime], bool | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every report of a batch. `names`: of the departments that `staff` knows, by id."""

    catalogue: Catalogue
    rules: Sequence[routing.Rule]
    index: TreeIndex
    at: datetime
    vacant: frozenset[int]
    staff: Staff
    names: dict[int, str]
    asks_hours: bool
    _hours: Hours = field(default_factory=dict)

    def route(
        self, chain: Sequence[Cell], category_id: int, district_id: int | None, at: datetime, *, is_urgent: bool
    ) -> Decision:
        """Where a report seen in `chain[0]` goes, routed at that moment. No query. Raises `NoChain`."""
        is_working = self._is_working(district_id, at) if self.asks_hours else None
        matter = self.catalogue.matter(category_id, is_urgent=is_urgent, is_working_time=is_working)
        return routing.route(
            matter=matter,
            chain=chain,
            powers=self.catalogue.powers,
            rules=self.rules,
            vacant=self.vacant,
            staff=self.staff,
        )

    def _is_working(self, district_id: int | None, at: datetime) -> bool | None:
        key = (district_id, at)
        if key not in self._hours:
            self._hours[key] = is_working_time(district_id, at)
        return self._hours[key]


def surroundings_of(
    known: Catalogue,
    rules: Sequence[routing.Rule],
    at: datetime,
    chains: Iterable[Sequence[Cell]] | None = None,
) -> Surroundings:
    """For reports of those chains, or (None) of the whole city. Two queries, one where no kind may get one directly."""
    index = tree()
    if chains is None:
        cells = [Cell(cell.id, cell.tier) for cell in index]
    else:
        cells = list({cell.id: cell for chain in chains for cell in chain}.values())
    staff, names = _staff(known, rules, at, [cell.id for cell in cells] if chains is not None else None)
    return Surroundings(
        catalogue=known,
        rules=rules,
        index=index,
        at=at,
        vacant=frozenset(vacant_cells({cell.id for cell in cells if not cell.is_platform}, at)),
        staff=staff,
        names=names,
        asks_hours=any(rule.is_working_time is not None for rule in rules),
    )


def chain_upward(grid_id: int, index: TreeIndex) -> tuple[Cell, ...]:
    """The live cells upward from where it was seen; empty for a cell that is closed or unknown."""
    if not index.has(grid_id) or not index.cell(grid_id).is_live:
        return ()
    return tuple(Cell(cell.id, cell.tier) for cell in index.chain(grid_id) if cell.is_live)


def is_working_time(district_id: int | None, at: datetime) -> bool | None:
    """By the district's hours; None where its calendar does not know that year: a guess must not decide."""
    calendar = work_calendar(district_id)
    if not calendar.knows(at.astimezone(calendar.tz).date()):
        return None
    try:
        return first_working_moment(at, calendar) == at
    except CannotCount:
        return False


def _staff(
    known: Catalogue, rules: Sequence[routing.Rule], at: datetime, grid_ids: list[int] | None
) -> tuple[Staff, dict[int, str]]:
    kinds = known.kinds_to_find(rules)
    rows = posted_departments(kinds, at, grid_ids) if kinds else []
    posted: dict[int, list[Department]] = defaultdict(list)
    for row in rows:
        posted[row.post_grid_id].append(Department(row.id, row.kind, row.grid_id))
    return Staff(dict(posted), known.department_kinds), {row.id: row.name for row in rows}
