"""To whom may a platform or cell assign: departments of its own line, and the cells below it where the issue lies."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.grids.models import Tier
from apps.grids.selectors import CellInfo, tree
from apps.issues import routing
from apps.issues.models import Issue
from apps.issues.selectors.catalogue import catalogue
from apps.issues.workflow import Holder
from apps.staff.models import Department
from apps.staff.selectors import departments_covering, handlers_for


class TargetRefused(Refused):
    """Neither or both named, out of reach, or with nobody there."""

    sentence = _("Choose one department or one cell to assign it to.")
    field = "target"


class TargetOutOfReach(TargetRefused):
    """Not a cell between the holder and the place, and no department of the holder's line."""

    sentence = _("%(holder)s cannot assign to %(target)s: choose one of the list.")


class NobodyThere(TargetRefused):
    """A department without any handler for this cell would let it wait unseen."""

    sentence = _("Nobody at %(target)s takes care of this cell now: choose another one, or give somebody the post.")


class HoldsItAlready(TargetRefused):
    """With a new clock for the same holder again and again, nobody would ever be late."""

    sentence = _("%(target)s holds it already: choose another one, or extend its time.")


@dataclass(frozen=True, slots=True)
class Targets:
    """What the form offers. `suggested` is the department that the powers name for this category, if it is there."""

    departments: tuple[Department, ...]
    cells: tuple[CellInfo, ...]
    suggested: Department | None

    def without(self, holder: Holder) -> "Targets":
        """The same for a move that takes it away from `holder`."""
        if holder.department_id is None:
            return replace(self, cells=tuple(cell for cell in self.cells if cell.id != holder.grid_id))
        others = tuple(row for row in self.departments if row.id != holder.department_id)
        return replace(self, departments=others, suggested=self.suggested if self.suggested in others else None)


def targets_for(issue: Issue, desk: int, at: datetime) -> Targets:
    """Departments in reach of the desk with somebody for this cell, and the cells between the desk and the place.

    `desk`: id of the cell from which it is assigned. Two queries.
    """
    staffed = departments_covering(issue.grid_id, at)
    found = Department.objects.filter(_reach(desk), id__in=staffed).order_by("grid__tier", "code")
    departments = tuple(found)
    tier = tree().cell(desk).tier
    matter = catalogue().matter(issue.category_id, is_urgent=issue.is_urgent)
    power = routing.nearest_power(catalogue().powers, matter, min(tier, Tier.DISTRICT))
    kind = power.department_kind if power else ""
    suggested = next((row for row in departments if kind and row.kind == kind), None)
    return Targets(departments, _cells_below(issue, desk), suggested)


def check_target(
    issue: Issue, *, desk: int, to_grid_id: int | None, to_department_id: int | None, at: datetime
) -> Holder:
    """The new holder, as the cell `desk` may choose it. Raises TargetRefused, TargetOutOfReach or NobodyThere."""
    if (to_grid_id is None) == (to_department_id is None):
        raise TargetRefused
    if to_grid_id is not None:
        return _cell_below(issue, desk, to_grid_id)
    department = Department.objects.filter(id=to_department_id or 0).first()
    if department is None or not _is_in_reach(department.grid_id, desk):
        raise TargetOutOfReach(holder=tree().cell(desk).name, target=_department_name(to_department_id))
    if not handlers_for(department.id, issue.grid_id, at):
        raise NobodyThere(target=department)
    return Holder(department.grid_id, department.id)


def _reach(grid_id: int) -> Q:
    """Departments of the cell's line up to its district, and of the cells below; the city's are the city's alone."""
    index = tree()
    cell = index.cell(grid_id)
    if cell.tier == Tier.CITY:
        return Q()
    line = [above.id for above in index.chain(grid_id) if above.tier != Tier.CITY]
    return Q(grid_id__in=[*line, *index.subtree_ids(grid_id)])


def _is_in_reach(grid_id: int, desk: int) -> bool:
    """The same of one department's cell, without naming thousands."""
    index = tree()
    if index.cell(desk).tier == Tier.CITY or index.is_within(grid_id, desk):
        return True
    return index.cell(grid_id).tier != Tier.CITY and index.is_within(desk, grid_id)


def _cells_below(issue: Issue, desk: int) -> tuple[CellInfo, ...]:
    """From the one directly below the desk down to where it was seen: every place has its own accountable leader."""
    index = tree()
    between = (c for c in index.chain(issue.grid_id) if c.id != desk and c.is_live and index.is_within(c.id, desk))
    return tuple(reversed(list(between)))


def _cell_below(issue: Issue, desk: int, grid_id: int) -> Holder:
    if grid_id not in [cell.id for cell in _cells_below(issue, desk)]:
        index = tree()
        name = index.cell(grid_id).name if index.has(grid_id) else f"#{grid_id}"
        raise TargetOutOfReach(holder=index.cell(desk).name, target=name)
    return Holder(grid_id)


def _department_name(department_id: int | None) -> str:
    return str(Department.objects.filter(id=department_id or 0).first() or f"#{department_id}")
