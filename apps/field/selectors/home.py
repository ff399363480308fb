"""What the phone's first page shows: who and where, what waits, what became of one's reports, whom to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.field.selectors.drafts import Waiting, waiting_drafts
from apps.field.selectors.places import WALKING_ROLES
from apps.grids.models import Tier
from apps.grids.selectors import CellInfo, tree
from apps.issues.models import Issue, Support
from apps.issues.selectors.queue import Filters, queue_page
from apps.staff.models import User
from apps.staff.selectors import Scope, people_of_cell

LATEST = 5
COUNTED = 100


@dataclass(frozen=True)
class Tasks:
    """Open issues that wait for the person; `is_more` when there are over COUNTED. `next` is due first."""

    count: int
    is_more: bool
    next: Issue | None


@dataclass(frozen=True)
class Contact:
    """Somebody to call: of which cell, who, and the number."""

    cell: CellInfo
    name: str
    phone: str


@dataclass(frozen=True)
class Home:
    """Everything on the page."""

    places: tuple[str, ...]
    tasks: Tasks
    latest: Sequence[Issue]
    contacts: Sequence[Contact]
    waiting: Sequence[Waiting]  # reports of which a question is not answered yet
    supports_some: bool  # there are reports of others that the person saw too


def home_of(user: User, scope: Scope, now: datetime) -> Home:
    """Return the page's content in at most seven queries."""
    return Home(
        places=_places(scope),
        tasks=_tasks(scope, now),
        latest=latest_reports(user),
        contacts=_contacts(user, scope, now),
        waiting=waiting_drafts(user, now),
        supports_some=Support.objects.filter(user=user).exists(),
    )


def latest_reports(user: User) -> Sequence[Issue]:
    """The person's own newest reports with category and holder."""
    rows = Issue.objects.filter(reporter=user).select_related("category", "holder_grid", "holder_department")
    return list(rows.order_by("-id")[:LATEST])


def _places(scope: Scope) -> tuple[str, ...]:
    index = tree()
    return tuple(dict.fromkeys(index.cell(post.grid_id).name for post in scope.posts))


def _tasks(scope: Scope, now: datetime) -> Tasks:
    """What the cells one acts for, or the departments one works for, hold now. One query."""
    page = queue_page(scope, Filters(mine=True), at=now, size=COUNTED)
    return Tasks(len(page.rows), page.next_cursor is not None, page.rows[0] if page.rows else None)


def _contacts(user: User, scope: Scope, now: datetime) -> Sequence[Contact]:
    """The nearest cell above with somebody to call, and the platform of the district."""
    above = _cells_above(scope)
    people = people_of_cell([cell.id for cell in above], now)
    ids = {person for found in people.values() for person in found} - {user.id}
    callable_people = {row.id: row for row in User.objects.filter(id__in=ids).exclude(phone="")}
    contacts: dict[int, Contact] = {}
    for cell in above:
        person = next((callable_people[id] for id in people.get(cell.id, []) if id in callable_people), None)
        if person is not None:
            contacts.setdefault(person.id, Contact(cell, person.name, person.phone))
    return list(contacts.values())[:2]


def _cells_above(scope: Scope) -> list[CellInfo]:
    index = tree()
    post = next((post for post in scope.posts if post.role in WALKING_ROLES), None)
    if post is None:
        return []
    chain = index.chain(post.grid_id)[1:]
    return [*chain[:1], *(cell for cell in chain[1:] if cell.tier == Tier.DISTRICT)]
