"""The human number of an issue, e.g. 20130208-000123: its local filing day and its id."""

import re
from collections.abc import Iterable
from typing import Final

from apps.issues.models import Issue, IssueEvent, number_of
from apps.issues.selectors.visibility import visible_issues
from apps.staff.selectors import Scope

NUMBER: Final = re.compile(r"(\d{8})-(\d{6,18})", re.ASCII)
MOST_ID: Final = 10**18


def id_in_number(number: str) -> int | None:
    """The id in a number, None for anything that is no number."""
    found = NUMBER.fullmatch(number.strip())
    return int(found[2]) if found else None


def hidden_numbers(events: Iterable[IssueEvent], scope: Scope) -> frozenset[str]:
    """The numbers named in a history of other issues that the person may not see. One query, if it names any."""
    named = {number for event in events for number in _named(event)}
    if not named:
        return frozenset()
    ids = [issue_id for number in named if (issue_id := id_in_number(number)) is not None]
    seen = visible_issues(scope).filter(pk__in=ids).values_list("id", "filed_at")
    return frozenset(named - {number_of(*row) for row in seen})


def _named(event: IssueEvent) -> list[str]:
    """What it was merged into, what was merged into it, the parts it was split into."""
    one = [event.payload[key] for key in ("into", "number") if key in event.payload]
    return [*one, *event.payload.get("numbers", ())]


def issue_by_number(number: str, scope: Scope) -> Issue | None:
    """The issue, if there is one of exactly that number that the person may see. One query."""
    issue_id = id_in_number(number)
    if issue_id is None:
        return None
    issue = visible_issues(scope).filter(pk=issue_id).first()
    return issue if issue is not None and issue.number == number.strip() else None
