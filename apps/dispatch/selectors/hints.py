"""Which hints of the live feed a person may hear: the predicate of issues.selectors.visibility over the hint alone.

Own reports and past departments are not known from a hint: their readers see them at the next look. A hint never shows
more than that something changed. A stream must not wait for the database at every hint of every listener, so the cells
are looked up once here; boards of one district share one set. tests/issues/test_visibility.py compares the two.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from apps.grids.selectors import TreeIndex, tree
from apps.staff.selectors import Scope, scope_of

Hears = Callable[[Mapping[str, Any]], bool]


def hears_nothing(_fields: Mapping[str, Any]) -> bool:
    """Nobody's test."""
    return False


def what_may_be_heard(user_id: int, at: datetime) -> Hears:
    """A test of a hint's fields (`grid`, `holder_grid`, `department`: ids, 0 for none) for the posts at `at`.

    One query.
    """
    return hears_in_scope(scope_of(user_id, at))


def hears_in_scope(scope: Scope) -> Hears:
    """The same for posts already known."""
    if scope.is_city_wide:
        return lambda _fields: True
    index = tree()
    areas = [_subtree(index, cell_id) for cell_id in scope.read_cells if index.has(cell_id)]
    desks = [(desk, _subtree(index, cell_id)) for desk, cell_id in scope.departments if index.has(cell_id)]

    def hears(fields: Mapping[str, Any]) -> bool:
        grid_id, department_id = fields["grid"], fields["department"]
        return any(grid_id in area or fields["holder_grid"] in area for area in areas) or any(
            department_id == desk and grid_id in area for desk, area in desks
        )

    return hears


@lru_cache(maxsize=512)
def _subtree(index: TreeIndex, cell_id: int) -> frozenset[int]:
    return frozenset(index.subtree_ids(cell_id))
