"""Which part of the city somebody's board shows."""

from dataclasses import dataclass
from typing import Final

from apps.grids.models import Tier
from apps.grids.selectors import CellInfo, tree
from apps.staff.models import Role
from apps.staff.selectors import PLATFORM_ROLES, Scope

BOARD_ROLES: Final = PLATFORM_ROLES | {Role.INSPECTOR, Role.VIEWER}


@dataclass(frozen=True, slots=True)
class Area:
    """A city, a district or a street, its platforms, and whether the reader works there."""

    cell: CellInfo
    desks: tuple[int, ...]
    is_at_work: bool

    @property
    def parts(self) -> list[CellInfo]:
        """The cells one tier below, to narrow the board to."""
        return tree().children(self.cell.id)


def areas_of(scope: Scope) -> tuple[Area, ...]:
    """The reader's areas, the one to open first at the front. The city's people may switch to every district."""
    index = tree()
    at_work: dict[int, bool] = {}
    for post in scope.posts:
        if post.role in BOARD_ROLES and index.has(post.grid_id):
            at_work[post.grid_id] = at_work.get(post.grid_id, False) or post.role in PLATFORM_ROLES
    found = [_area(index.cell(cell_id), is_at_work) for cell_id, is_at_work in at_work.items()]
    if any(area.cell.tier == Tier.CITY for area in found):
        found += [_area(cell, False) for cell in index.districts() if cell.id not in at_work]
    return tuple(found)


def _area(cell: CellInfo, is_at_work: bool) -> Area:
    if cell.tier == Tier.CITY:
        return Area(cell, (cell.id, *(district.id for district in tree().districts())), is_at_work)
    return Area(cell, (cell.id,), is_at_work)
