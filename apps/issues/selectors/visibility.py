"""The one predicate: which issues a person sees. List, count, detail, export, photo, API and admin all use it, and
the feed asks the same of a hint (dispatch.selectors.hints).

*Where* (seen in the subtree of a post's cell, or held there now) and *whose* (for a handler: what the department
holds or once held, or helps with), or reported by oneself. Somebody without a post, an administrator
too, sees own reports only.
"""

from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import CoHandling, Handover, Issue, Photo
from apps.staff.selectors import Scope


def visible_issues(scope: Scope) -> QuerySet[Issue]:
    """Every issue the person may know of, unordered. Costs no query itself."""
    if scope.is_city_wide:
        return Issue.objects.all()
    return Issue.objects.filter(reduce(or_, (branch.where for branch in visible_branches(scope))))


class Branch(NamedTuple):
    """One alternative of the predicate. `is_wide`: so many issues that they must be read in order, not sorted."""

    where: Q
    is_wide: bool = False


def visible_branches(scope: Scope) -> list[Branch]:
    """The predicate as alternatives, each served by an index of its own: a page is the best of each (see queue)."""
    if scope.is_city_wide:
        return [Branch(Q(), is_wide=True)]
    index = tree()
    branches = [Branch(Q(reporter_id=scope.user_id))]
    for id in _outermost(scope.read_cells):
        is_wide = index.cell(id).tier <= Tier.DISTRICT
        branches += [Branch(_where(id), is_wide), *([] if is_wide else [Branch(_held(id))])]
    for department_id, grid_id in scope.departments:
        where = _where(grid_id)
        held = Handover.objects.filter(issue_id=OuterRef("pk"), to_department_id=department_id)
        helped = CoHandling.objects.filter(issue_id=OuterRef("pk"), department_id=department_id)
        branches += [Branch(where & Q(holder_department_id=department_id)), Branch(where & Q(Exists(held)))]
        branches += [Branch(where & Q(Exists(helped)))]
    return branches


def visible_photo(scope: Scope, photo_id: int) -> Photo | None:
    """The photo, if the person may see its issue. One query."""
    return Photo.objects.filter(pk=photo_id, issue__in=visible_issues(scope)).first()


def _where(grid_id: int) -> Q:
    """The issues of a cell's subtree, by the column that has an index for it."""
    index = tree()
    cell = index.cell(grid_id)
    if cell.tier == Tier.CITY:
        return Q()
    if cell.tier == Tier.DISTRICT:
        return Q(district_id=grid_id)
    return Q(grid_id__in=index.subtree_ids(grid_id))


def _held(grid_id: int) -> Q:
    """What cells of the subtree hold now, wherever it was seen: a place may come under another cell meanwhile."""
    return Q(closed_at=None, holder_grid_id__in=tree().subtree_ids(grid_id))


def _outermost(grid_ids: tuple[int, ...]) -> list[int]:
    """Without the cells that lie in another one of them."""
    index = tree()
    return [
        grid_id
        for grid_id in grid_ids
        if not any(other != grid_id and index.is_within(grid_id, other) for other in grid_ids)
    ]
