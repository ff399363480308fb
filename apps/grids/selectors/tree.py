"""The whole tree in memory: about 21,000 cells, read in one query, kept until the version changes."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.common.memory import keep_for_good
from apps.grids.models import Grid, Tier
from apps.grids.selectors.versions import boundary_version


@dataclass(frozen=True, slots=True)
class CellInfo:
    """One cell. `superior_id` is the parent, or the city for a district; a closed cell keeps its place in history."""

    id: int
    code: str
    name: str
    tier: int
    superior_id: int | None
    district_id: int | None
    parent_id: int | None
    is_live: bool = True

    def __str__(self) -> str:
        return self.name


class TreeIndex:
    """The city's order at one version. Closed cells answer to `cell`, `chain` and `subtree_ids`: issues remain."""

    def __init__(self, cells: Iterable[CellInfo], version: int) -> None:
        self.version = version
        self._cells = {cell.id: cell for cell in cells}
        self._by_code = {cell.code: cell for cell in self._cells.values() if cell.is_live}
        self._below: dict[int | None, list[CellInfo]] = {}
        for cell in sorted(self._cells.values(), key=lambda cell: cell.code):
            self._below.setdefault(cell.superior_id, []).append(cell)
        self._order: list[int] = []
        self._span: dict[int, tuple[int, int]] = {}
        for root in self._below.get(None, []):
            self._number(root)
        self.city = next((cell for cell in self._by_code.values() if cell.tier == Tier.CITY), None)

    def _number(self, cell: CellInfo) -> None:
        """Give the cell and all below it consecutive places, so that a subtree is a slice."""
        start = len(self._order)
        self._order.append(cell.id)
        for child in self._below.get(cell.id, ()):
            self._number(child)
        self._span[cell.id] = (start, len(self._order))

    def __len__(self) -> int:
        return len(self._by_code)

    def __iter__(self) -> Iterator[CellInfo]:
        """Yield the live cells, each before those below it."""
        return (cell for cell in map(self._cells.__getitem__, self._order) if cell.is_live)

    def cell(self, id: int) -> CellInfo:
        """Return the cell, live or closed. Raises KeyError."""
        return self._cells[id]

    def has(self, id: int) -> bool:
        """Say whether there is such a cell, live or closed."""
        return id in self._cells

    def by_code(self, code: str) -> CellInfo | None:
        """Return the live cell with that code."""
        return self._by_code.get(code)

    def superior(self, id: int) -> CellInfo | None:
        """Return the cell above: the parent, or the city for a district."""
        above = self._cells[id].superior_id
        return None if above is None else self._cells[above]

    def chain(self, id: int) -> tuple[CellInfo, ...]:
        """Return the cell itself, then everything above it, the city last."""
        steps = [self._cells[id]]
        while (above := steps[-1].superior_id) is not None:
            steps.append(self._cells[above])
        return tuple(steps)

    def children(self, id: int) -> list[CellInfo]:
        """Return the live cells directly below, in the order of their codes."""
        return [cell for cell in self._below.get(id, ()) if cell.is_live]

    def ever_below(self, id: int) -> tuple[CellInfo, ...]:
        """Return the cells directly below, closed ones too."""
        return tuple(self._below.get(id, ()))

    def districts(self) -> list[CellInfo]:
        """Return the live districts in the order of their codes."""
        above = self.city.id if self.city else None
        return [cell for cell in self._below.get(above, ()) if cell.tier == Tier.DISTRICT and cell.is_live]

    def subtree_ids(self, id: int) -> list[int]:
        """Return the ids of the cell and of all below it, closed ones too."""
        start, end = self._span[id]
        return self._order[start:end]

    def is_within(self, id: int, ancestor_id: int) -> bool:
        """Say whether the cell is the ancestor or lies below it."""
        start, end = self._span[ancestor_id]
        return start <= self._span[id][0] < end


def read_tree(version: int) -> TreeIndex:
    """Read every cell in one query."""
    rows = list(Grid.objects.order_by().values_list("id", "code", "name", "tier", "parent_id", "valid_to"))
    parents: dict[int, int | None] = {row[0]: row[4] for row in rows}
    tiers = {row[0]: row[3] for row in rows}
    city = next((row[0] for row in rows if row[3] == Tier.CITY and row[5] is None), None)

    def cells() -> Iterator[CellInfo]:
        for id, code, name, tier, above, end in rows:
            top = id
            while (higher := parents[top]) is not None:
                top = higher
            district = top if tiers[top] == Tier.DISTRICT else None
            superior = city if tier == Tier.DISTRICT else above
            yield CellInfo(id, code, name, tier, superior, district, above, end is None)

    return TreeIndex(cells(), version)


_lock = threading.Lock()
_held: list[TreeIndex] = []


def tree() -> TreeIndex:
    """Return this process's index; it is at most a second behind the database. Keep no reference across requests."""
    version = boundary_version()
    if _held and _held[0].version == version:
        return _held[0]
    with _lock:
        if not _held or _held[0].version != version:
            _held[:] = [read_tree(version)]
            keep_for_good()
        return _held[0]
