"""One's own reports: by number, by form key, and who has them now."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.selectors.visibility import visible_issues
from apps.staff.models import User
from apps.staff.selectors import Scope, handlers_for, people_of_cell

LARGEST_ID = 2**63
NUMBER = re.compile(r"\d{8}-(\d{6,18})")


@dataclass(frozen=True)
class Holder:
    """Who has a report now: a cell or department by name, and a person of it where there is one."""

    place: str
    person: str
    phone: str


def own_report(user: User, number: str) -> Issue | None:
    """The person's own report with that number, with category and holder."""
    return _numbered(Issue.objects.filter(reporter=user), number)


def visible_report(scope: Scope, number: str) -> Issue | None:
    """The report with that number, if the person may see it (the one predicate of issues)."""
    return _numbered(visible_issues(scope), number)


def report_of_key(user: User, key: str) -> Issue | None:
    """The report that was filed with this form, if it was."""
    return Issue.objects.filter(reporter=user, client_key=key).first()


def holder_of(issue: Issue, now: datetime) -> Holder:
    """Say who has it now. Two queries."""
    if issue.holder_department is not None:
        ids = handlers_for(issue.holder_department.id, issue.holder_grid_id, now)
        place = str(issue.holder_department)
    else:
        ids = people_of_cell([issue.holder_grid_id], now).get(issue.holder_grid_id, [])
        place = tree().cell(issue.holder_grid_id).name
    person = User.objects.filter(id=ids[0]).first() if ids else None
    return Holder(place, person.name if person else "", person.phone if person else "")


def _numbered(rows: QuerySet[Issue], number: str) -> Issue | None:
    match = NUMBER.fullmatch(number)
    if match is None or int(match[1]) >= LARGEST_ID:
        return None
    rows = rows.filter(id=int(match[1])).select_related("category", "grid", "holder_grid", "holder_department")
    issue = rows.first()
    return issue if issue is not None and issue.number == number else None
