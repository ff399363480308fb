"""The human number of an issue, e.g. 20130208-000123: its local filing day and its id."""

import re
from typing import Final

from apps.issues.models import Issue
from apps.issues.selectors.visibility import visible_issues
from apps.staff.selectors import Scope

NUMBER: Final = re.compile(r"(\d{8})-(\d{6,18})", re.ASCII)
MOST_ID: Final = 10**18


def id_in_number(number: str) -> int | None:
    """The id in a number, None for anything that is no number."""
    found = NUMBER.fullmatch(number.strip())
    return int(found[2]) if found else None


def issue_by_number(number: str, scope: Scope) -> Issue | None:
    """The issue, if there is one of exactly that number that the person may see. One query."""
    issue_id = id_in_number(number)
    if issue_id is None:
        return None
    issue = visible_issues(scope).filter(pk=issue_id).first()
    return issue if issue is not None and issue.number == number.strip() else None
