"""Where a report belongs: the cell is clear, or a kind question is asked. Never a wall."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as translate

from apps.grids.models import Grid, Tier
from apps.grids.selectors import CellInfo, OutsideCity, locate, nearest_cells, tree
from apps.staff.models import Role
from apps.staff.selectors import Scope

ELSEWHERE = "other"
OWN_OFFERED = 12  # a street leader has hundreds of cells below: those are searched, not listed
NEAREST_OFFERED = 5
FOUND_OFFERED = 20
NEAR_ENOUGH_M = 100.0
LONGEST_QUERY = 60
WALKING_ROLES = frozenset({Role.MEMBER, Role.LEADER, Role.FIRST})


@dataclass(frozen=True)
class Position:
    """WGS-84 degrees, accuracy in metres."""

    lon: float
    lat: float
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Place:
    """The answer: a cell, a position, or both (then the cell counts)."""

    grid_id: int | None
    position: Position | None


@dataclass(frozen=True)
class Choice:
    """One cell to choose from, with the names above it."""

    cell: CellInfo
    above: str
    metres: int | None = None


@dataclass(frozen=True)
class Question:
    """In which cell is it? Own cells first, then the nearest."""

    sentence: str
    own: tuple[Choice, ...]
    nearest: tuple[Choice, ...]


def own_cells(scope: Scope) -> list[CellInfo]:
    """The level-3 cells the person walks, if they are few enough to list."""
    index = tree()
    found: dict[int, CellInfo] = {}
    for post in scope.posts:
        if post.role in WALKING_ROLES:
            for cell_id in index.subtree_ids(post.grid_id):
                cell = index.cell(cell_id)
                if cell.tier == Tier.LEVEL3 and cell.is_live:
                    found[cell.id] = cell
    return sorted(found.values(), key=lambda cell: cell.code) if len(found) <= OWN_OFFERED else []


def settle(scope: Scope, position: Position | None, chosen: str) -> Place | Question:
    """Say where the report belongs. `chosen` is a cell's id, "other", or empty.

    A position inside what the person is responsible for needs no question; neither does an own cell without a position.
    """
    if position is None:
        own = {str(cell.id): cell for cell in own_cells(scope)}
        return Place(own[chosen].id, None) if chosen in own else ask(scope, None)
    if chosen == ELSEWHERE:
        return ask(scope, position)
    try:
        cell = locate(position.lon, position.lat)
    except OutsideCity as outside:
        return ask(scope, position, str(outside))
    if is_own(scope, cell):
        return Place(None, position)
    return ask(scope, position)


def is_own(scope: Scope, cell: CellInfo) -> bool:
    """Whether the cell is, or lies in, a cell of one of the person's posts."""
    return any(tree().is_within(cell.id, post.grid_id) for post in scope.posts)


def place_in(cell: CellInfo, position: Position | None) -> Place:
    """The chosen cell counts; the position stays with it unless it lies far from the cell."""
    if position is None:
        return Place(cell.id, None)
    try:
        near = nearest_cells(position.lon, position.lat, NEAREST_OFFERED + OWN_OFFERED)
    except OutsideCity:
        return Place(cell.id, None)
    reach = max(position.accuracy_m or 0, NEAR_ENOUGH_M)
    fits = any(other.id == cell.id and metres <= reach for other, metres in near)
    return Place(cell.id, position if fits else None)


def ask(scope: Scope, position: Position | None, outside: str = "") -> Question:
    """Return the question, with cells to choose from."""
    own = own_cells(scope)
    near: list[tuple[CellInfo, float]] = []
    if position is not None:
        try:
            near = nearest_cells(position.lon, position.lat, NEAREST_OFFERED + len(own))
        except OutsideCity:  # no place on earth
            near = []
    own_ids = {cell.id for cell in own}
    others = [(cell, metres) for cell, metres in near if cell.id not in own_ids and cell.tier == Tier.LEVEL3]
    return Question(
        sentence=outside or _sentence(scope, near),
        own=tuple(_choices((cell, None) for cell in own)),
        nearest=tuple(_choices(others[:NEAREST_OFFERED])),
    )


def search_cells(words: str) -> list[Choice]:
    """Find live level-3 cells by name, pinyin initials or code; a few dozen at most."""
    words = " ".join(words.split())[:LONGEST_QUERY]
    if not words or "\x00" in words:
        return []
    match = Q(name__icontains=words) | Q(pinyin__istartswith=words) | Q(code__startswith=words)
    ids = Grid.objects.filter(match, tier=Tier.LEVEL3, valid_to=None).order_by("code").values_list("id", flat=True)
    index = tree()
    return list(_choices((index.cell(id), None) for id in ids[:FOUND_OFFERED] if index.has(id)))


def level3_cell(text: str) -> CellInfo | None:
    """Return the live level-3 cell whose id is written in `text`."""
    index = tree()
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and index.has(int(text))):
        return None
    cell = index.cell(int(text))
    return cell if cell.is_live and cell.tier == Tier.LEVEL3 else None


def _choices(cells: Iterable[tuple[CellInfo, float | None]]) -> Iterable[Choice]:
    for cell, metres in cells:
        above = " · ".join(step.name for step in tree().chain(cell.id)[1:3])
        yield Choice(cell, above, None if metres is None else round(metres))


def _sentence(scope: Scope, near: list[tuple[CellInfo, float]]) -> str:
    here = next((cell for cell, metres in near if metres == 0), None)
    if here is not None and not is_own(scope, here):
        return translate("Your phone says you are in %(cell)s. That is not your cell; please say where it is.") % {
            "cell": here.name
        }
    return translate("Please say in which cell it is.")
