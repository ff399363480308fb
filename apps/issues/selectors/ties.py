"""Why a cell cannot be closed yet: open issues that it holds, or whose result comes back to it."""

from datetime import datetime
from itertools import groupby

from django.utils.translation import gettext as _

from apps.grids.models import Grid
from apps.grids.selectors import tree
from apps.issues.models import Handover, Issue
from apps.issues.selectors.acting import link_of
from apps.issues.workflow import assigners


def open_issues_of(cell: Grid, now: datetime) -> str:
    """Issues only reported there hang on nothing: they name the place where they were seen, closed or not."""
    del now  # open is open
    held = Issue.objects.filter(holder_grid=cell, closed_at=None).count()
    awaited = _awaited_by(cell)
    told = []
    if held:
        told.append(
            _("Open issues in its hands: %(count)d; it or the cell above concludes them or hands them on first.")
            % {"count": held}
        )
    if awaited:
        told.append(
            _("Open issues whose result comes back to it: %(count)d; they must be fed back and concluded first.")
            % {"count": awaited}
        )
    return " ".join(told)


def _awaited_by(cell: Grid) -> int:
    """Open issues that somebody else holds and feeds back to the cell or its departments."""
    given = Handover.objects.filter(from_grid=cell, issue__closed_at=None).exclude(issue__holder_grid=cell)
    rows = Handover.objects.filter(issue__in=given.values("issue_id")).order_by("issue_id", "id")
    issues = groupby(rows, key=lambda row: row.issue_id)
    chains = (assigners([link_of(row) for row in steps], tree().is_within) for _id, steps in issues)
    return sum(any(holder.grid_id == cell.id for holder in waiting) for waiting in chains)
