"""Joint handling 联合办理: beginning it with an assignment, a co-handler's result, and its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.grids.selectors import tree
from apps.issues.deadlines import Ladder, RungKind, Unit, resume, shift
from apps.issues.models import CoHandling, Issue, Pause, TierLimit
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.limits import clock_for
from apps.issues.selectors.targets import check_target
from apps.issues.services.writing import Entry, was_late
from apps.issues.workflow import Give, Holder
from apps.staff.models import Department

END_ALL: Final = f"""
    WITH helped AS (
        SELECT id FROM {CoHandling._meta.db_table} WHERE issue_id = %(issue_id)s AND ended_at IS NULL
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE {CoHandling._meta.db_table} AS part SET ended_at = %(now)s, outcome = %(outcome)s,
        is_overdue = {was_late("part", "%(now)s")}
    FROM helped WHERE helped.id = part.id
"""  # in the order in which a recount locks them


class CoHandlersOpen(Refused):
    """The main handler feeds back while somebody who helps has not: only with a reason."""

    sentence = _("%(departments)s have not fed back yet: wait for them, or say why you feed back without them.")
    field = Give.WITHOUT_CO.value
    status = 409


class HelperRefused(Refused):
    """A department cannot help itself, and a cell has no co-handlers."""

    sentence = _("%(department)s handles it already; choose other departments to help.")
    field = Give.CO_DEPARTMENTS.value


def check_helpers(
    issue: Issue, department_ids: Sequence[int], *, main: Holder, desk: int, now: datetime
) -> list[Department]:
    """The chosen co-handlers, each within reach of the desk and with somebody there. Two queries each.

    Raises HelperRefused, TargetOutOfReach, NobodyThere.
    """
    found = []
    for department_id in department_ids:
        check_target(issue, desk=desk, to_grid_id=None, to_department_id=department_id, at=now)
        department = Department.objects.get(pk=department_id)
        if department_id == main.department_id:
            raise HelperRefused(department=department)
        found.append(department)
    return found


def begin(*, issue: Issue, departments: Sequence[Department], entry: Entry) -> list[CoHandling]:
    """Each department's part starts with a handling clock of its own, as long as the main one would be there."""
    return CoHandling.objects.bulk_create(_part(issue, department, entry) for department in departments)


def _part(issue: Issue, department: Department, entry: Entry) -> CoHandling:
    limit, clock = clock_for(
        category_id=issue.category_id,
        tier=tree().cell(department.grid_id).tier,
        purpose=TierLimit.Purpose.HANDLE,
        district_id=issue.district_id,
        now=entry.at,
    )
    assert entry.actor_id is not None
    return CoHandling(
        issue=issue,
        department=department,
        instruction=entry.text,
        actor_id=entry.actor_id,
        started_at=entry.at,
        limit_amount=limit.amount,
        limit_unit=limit.unit.value,
        due_at=clock.due_at,
    )


def check_helpers_done(parts: Sequence[CoHandling], *, without: str) -> None:
    """Raises CoHandlersOpen where a co-handler is open and nobody says why that does not matter."""
    if parts and not without:
        names = [str(part.department) for part in CoHandling.objects.filter(pk__in=[p.pk for p in parts])]
        raise CoHandlersOpen(departments=", ".join(names))


def feed_back(*, parts: Sequence[CoHandling], department_id: int, entry: Entry) -> CoHandling:
    """The co-handler's result; the main handler's clock runs on."""
    part = next(part for part in parts if part.department_id == department_id)
    part.is_overdue = part.is_overdue or part.due_at < entry.at
    part.ended_at, part.outcome, part.result = entry.at, entry.kind, entry.text
    part.save(update_fields=["is_overdue", "ended_at", "outcome", "result"])
    return part


def pause_parts(*, issue: Issue, pause: Pause) -> None:
    """Who helps stands still with the holder: their due times as they will be at the planned end of the pause."""
    for part in _locked(issue):
        unit, calendar = Unit(part.limit_unit), work_calendar(issue.district_id)
        begins, ends = pause.started_at, pause.until
        _keep(
            part, resume(_ladder(part), paused_at=begins, now=ends, unit=unit, calendar=calendar, done=part.is_overdue)
        )


def resume_parts(*, issue: Issue, pause: Pause) -> None:
    """A pause lifted early gives back the rest to who helps, too."""
    assert pause.ended_at is not None
    for part in _locked(issue):
        unit, calendar = Unit(part.limit_unit), work_calendar(issue.district_id)
        _keep(part, shift(_ladder(part), since=pause.until, to=pause.ended_at, unit=unit, calendar=calendar))


def _locked(issue: Issue) -> QuerySet[CoHandling]:
    """The open parts; their due times are moved by a recount, too."""
    return CoHandling.objects.filter(issue=issue, ended_at=None).order_by("id").select_for_update(no_key=True)


def _ladder(part: CoHandling) -> Ladder:
    return Ladder.of(part.started_at, part.due_at, [part.due_at], [RungKind.OVERDUE])


def _keep(part: CoHandling, running: Ladder) -> None:
    part.due_at = running.due_at
    part.save(update_fields=["due_at"])


def end_all(*, issue_id: int, outcome: str, now: datetime) -> int:
    """The open parts end with the holding they helped, late ones as late; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(END_ALL, {"issue_id": issue_id, "outcome": outcome, "now": now})
        return int(cursor.rowcount)
