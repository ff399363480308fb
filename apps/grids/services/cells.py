"""One cell at a time: create, rename, move, close, delete. Each under the tree's lock, taken before any node is read.

The `check_…` functions raise what the verb of that name would: a form asks them first, under the same lock.
"""

from datetime import date, datetime

from django.db.models import PROTECT, ForeignObjectRel
from django.utils import timezone

from apps.grids.codes import fits_tier
from apps.grids.models import Boundary, Grid, Lineage, Tier
from apps.grids.refusals import (
    BadCode,
    CodeTaken,
    EmptyName,
    EndsTooEarly,
    HasChildren,
    HeirHasCells,
    NeedsHeir,
    NoSuchCell,
    NotBeside,
    RootsStay,
    StillTied,
    StillUsed,
    WrongTier,
)
from apps.grids.services.boundaries import bequeath_ground, hand_over_ground
from apps.grids.services.lock import bump_version, tree_lock
from apps.grids.services.pinyin import initials
from apps.grids.ties import ties_of

LONGEST_NAME = 80
COUNTED_USES = 1_000


def check_new_cell(*, code: str, name: str, tier: int, parent: Grid | None) -> None:
    """Raise BadCode, CodeTaken, EmptyName or WrongTier."""
    checked_name(name)
    if not fits_tier(code, Tier(tier)):
        raise BadCode(code=code)
    _refuse_wrong_parent(name, tier, parent)
    if taken := Grid.objects.filter(code=code).first():
        raise CodeTaken(code=code, cell=taken.name)


def check_move(*, cell: Grid, parent: Grid | None) -> None:
    """Raise RootsStay or WrongTier."""
    if (cell.parent_id is None) != (parent is None):
        raise RootsStay(cell=cell.name)
    _refuse_wrong_parent(cell.name, cell.tier, parent)


def check_close(*, cell: Grid, heir: Grid | None, now: datetime) -> None:
    """Raise HasChildren, EndsTooEarly, NeedsHeir, NotBeside, HeirHasCells or StillTied."""
    below = Grid.objects.filter(parent=cell, valid_to=None)
    if cell.tier == Tier.CITY:
        below = Grid.objects.filter(tier=Tier.DISTRICT, valid_to=None)
    if count := below.count():
        raise HasChildren(cell=cell.name, count=count)
    if timezone.localdate(now) <= cell.valid_from:
        raise EndsTooEarly(cell=cell.name, begins=cell.valid_from)
    _refuse_wrong_heir(cell, heir)
    if ties := ties_of(cell, now):
        raise StillTied(cell=cell.name, ties=" ".join(ties))


def _refuse_wrong_heir(cell: Grid, heir: Grid | None) -> None:
    is_drawn = Boundary.objects.filter(grid=cell).exists()
    if heir is None:
        if is_drawn:
            raise NeedsHeir(cell=cell.name)
        return
    place, other = (cell.tier, cell.parent_id, None), (heir.tier, heir.parent_id, heir.valid_to)
    if place != other or heir.pk == cell.pk:
        raise NotBeside(cell=cell.name, heir=heir.name)
    if is_drawn and Boundary.objects.filter(grid__parent=heir, grid__valid_to=None).exists():
        raise HeirHasCells(cell=cell.name, heir=heir.name)


def check_delete(*, cell: Grid) -> None:
    """Raise HasChildren or StillUsed, naming what points to the cell."""
    if count := Grid.objects.filter(parent=cell).count():
        raise HasChildren(cell=cell.name, count=count)
    if cell.tier == Tier.CITY and (count := Grid.objects.filter(tier=Tier.DISTRICT, valid_to=None).count()):
        raise HasChildren(cell=cell.name, count=count)
    uses = [told for relation in Grid._meta.related_objects if (told := _uses(relation, cell))]
    if uses:
        raise StillUsed(cell=cell.name, uses=", ".join(uses))


def _uses(relation: ForeignObjectRel, cell: Grid) -> str:
    """Say how many rows of one model protect the cell, up to a thousand: '12 posts'."""
    if relation.on_delete is not PROTECT or relation.related_model is Grid:
        return ""
    rows = relation.related_model._base_manager.filter(**{relation.field.name: cell})
    count = rows[:COUNTED_USES].count()
    more = "+" if count == COUNTED_USES else ""
    return f"{count}{more} {relation.related_model._meta.verbose_name_plural}" if count else ""


def create_cell(
    *, code: str, name: str, tier: int, parent_id: int | None, valid_from: date, is_local_code: bool = False
) -> Grid:
    """Add a cell, without a boundary yet. Raises BadCode, CodeTaken, EmptyName, WrongTier, NoSuchCell."""
    name = checked_name(name)
    with tree_lock():
        parent = live_cell(parent_id) if parent_id is not None else None
        check_new_cell(code=code, name=name, tier=tier, parent=parent)
        cell = Grid(
            code=code,
            name=name,
            pinyin=initials(name),
            tier=tier,
            parent=parent,
            is_local_code=is_local_code,
            valid_from=valid_from,
        )
        cell.save()
        bump_version()
    return cell


def rename_cell(*, cell_id: int, name: str) -> Grid:
    """Give a cell another name. Raises EmptyName, NoSuchCell."""
    name = checked_name(name)
    with tree_lock():
        cell = live_cell(cell_id)
        if cell.name != name:
            Grid.objects.filter(id=cell.id).update(name=name, pinyin=initials(name))
            bump_version()
            cell.refresh_from_db()
    return cell


def move_cell(*, cell_id: int, parent_id: int, now: datetime) -> Grid:
    """Hang a cell with all below it under another parent of the same tier; its ground goes with it.

    The boundaries of the parents above, old and new, give and take the cell's own, so that children still tile them.
    Raises RootsStay, WrongTier, NoSuchCell. Moving a cell to where it is changes nothing.
    """
    with tree_lock():
        cell = live_cell(cell_id)
        target = live_cell(parent_id)
        check_move(cell=cell, parent=target)
        left = cell.parent_id
        if left is None or left == target.id:
            return cell
        cell.move_to(target, "last-child")
        hand_over_ground(cell_id=cell.id, from_id=left, to_id=target.id, now=now)
        Lineage.objects.create(
            old=cell, new=cell, kind=Lineage.Kind.MOVE, parent_before_id=left, parent_after=target, happened_at=now
        )
        bump_version()
        return Grid.objects.get(id=cell.id)


def close_cell(*, cell_id: int, heir_id: int | None, now: datetime) -> Grid:
    """End a cell today (its last day is yesterday); the heir, a sibling, takes its ground at once.

    Today and no other day: readers of the tree know living and closed cells only, and what was reported there since a
    day gone by was reported there. The row and its boundary stay, for every question about the past.
    Raises HasChildren, EndsTooEarly, NeedsHeir, NotBeside, HeirHasCells, StillTied, NoSuchCell.
    """
    with tree_lock():
        cell = live_cell(cell_id)
        heir = None if heir_id is None else live_cell(heir_id)
        check_close(cell=cell, heir=heir, now=now)
        Grid.objects.filter(id=cell.id).update(valid_to=timezone.localdate(now))
        if heir is not None:
            bequeath_ground(cell_id=cell.id, heir=heir, now=now)
            Lineage.objects.create(old=cell, new=heir, kind=Lineage.Kind.MERGE, share=1, happened_at=now)
        bump_version()
        cell.refresh_from_db()
    return cell


def delete_cell(*, cell_id: int) -> None:
    """Remove a cell that was a mistake: nothing may point to it. A cell that was in use is closed instead.

    Raises HasChildren, StillUsed, NoSuchCell.
    """
    with tree_lock():
        cell = live_cell(cell_id)
        check_delete(cell=cell)
        cell.delete()
        bump_version()


def live_cell(cell_id: int) -> Grid:
    """Read a cell that has not been closed. Raises NoSuchCell."""
    cell = Grid.objects.filter(id=cell_id, valid_to=None).first()
    if cell is None:
        raise NoSuchCell
    return cell


def checked_name(name: str) -> str:
    """Return the name without spaces around it. Raises EmptyName."""
    name = name.replace("\x00", "").strip()
    if not name or len(name) > LONGEST_NAME:
        raise EmptyName
    return name


def _refuse_wrong_parent(name: str, tier: int, parent: Grid | None) -> None:
    if parent is None:
        if tier > Tier.DISTRICT:
            raise WrongTier(cell=name, tier=Tier(tier).label, parent="–", parent_tier="–")
    elif tier <= Tier.DISTRICT or parent.tier != tier - 1:
        raise WrongTier(cell=name, tier=Tier(tier).label, parent=parent.name, parent_tier=Tier(parent.tier).label)
