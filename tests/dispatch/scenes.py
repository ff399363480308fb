"""Reports on their way, for the tests of the board."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.grids.models import Grid
from apps.issues.models import Issue
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.staff.models import User
from tests.factories import NOW, Town


def filed(
    town: Town,
    *,
    cell: Grid | None = None,
    category: str = "rubbish",
    reporter: User | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> Issue:
    """A routed report: rubble of the article's leader, unless said otherwise."""
    report = Report(category_id=getattr(town.categories, category).id, grid_id=(cell or town.cell).id, **fields)
    issue = file_report(reporter=reporter or town.people.leader, report=report, now=now).issue
    route_waiting(now=now)
    return Issue.objects.get(pk=issue.pk)


def move(issue: Issue, name: str, actor: User, text: str = "", *, now: datetime | None = None, **fields: Any) -> Issue:
    """Make a move on the issue as it is now."""
    current = Issue.objects.get(pk=issue.pk)
    make_move(
        move=name,
        issue_id=issue.id,
        version=current.version,
        actor=actor,
        fields=MoveFields(text=text, **fields),
        now=now or NOW + timedelta(minutes=current.version),
    )
    return Issue.objects.get(pk=issue.pk)


def assigned(town: Town, **fields: Any) -> Issue:
    """Signed by the dispatcher and assigned to urban management."""
    issue = move(filed(town, **fields), "sign", town.people.dispatcher)
    department = town.departments.chengguan
    return move(issue, "assign", town.people.dispatcher, "请今天清运", to_department_id=department.id)


def fed_back(town: Town) -> Issue:
    """Handled by urban management; the result lies with the dispatcher."""
    issue = move(assigned(town), "sign", town.people.handler)
    return move(issue, "feed_back", town.people.handler, "已清运")


KEPT_FOR_SECONDS = ("grids_boundaryversion", "issues_calendarday", "issues_category", "issues_power")


def queries(client: Client, address: str) -> int:
    """How many statements a page costs, without those whose answers every process keeps for some seconds."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return sum(1 for query in captured if not any(f'FROM "{table}"' in query["sql"] for table in KEPT_FOR_SECONDS))
