"""One's own reports: by number, by form key, and who has them now."""

from dataclasses import dataclass
from datetime import datetime

from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.selectors.numbers import id_in_number
from apps.staff.models import User
from apps.staff.selectors import handlers_for, people_of_cell


@dataclass(frozen=True)
class Holder:
    """Who has a report now: a cell or department by name, and a person of it where there is one."""

    place: str
    person: str
    phone: str


def own_report(user: User, number: str) -> Issue | None:
    """The person's own report with that number, with category and holder."""
    rows = Issue.objects.filter(pk=id_in_number(number) or 0, reporter=user)
    issue = rows.select_related("category", "grid", "holder_grid", "holder_department").first()
    return issue if issue is not None and issue.number == number else None


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
