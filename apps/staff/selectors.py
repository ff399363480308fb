"""Questions about people: what somebody may read, who acts for a cell or a department, what is vacant.

Every answer is for one moment: posts are dated (days of the city's time zone). A post with `is_stand_in` (AB 岗)
counts like any other while it is valid. For a cell where nobody acts, the nearest superior with people acts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.common.database.prepared import Prepared
from apps.grids.models import Grid, Tier
from apps.grids.selectors import tree
from apps.staff.models import Post, Role, User

READING_ROLES: Final = frozenset(
    {
        *(Role.MEMBER, Role.LEADER, Role.FIRST, Role.CLERK, Role.DISPATCHER, Role.DUTY_CHIEF),
        *(Role.INSPECTOR, Role.VIEWER),
    }
)
PLATFORM_ROLES: Final = frozenset({Role.CLERK, Role.DISPATCHER, Role.DUTY_CHIEF})
ACTING_ROLES: Final[Mapping[int, frozenset[Role]]] = {
    Tier.CITY: PLATFORM_ROLES,
    Tier.DISTRICT: PLATFORM_ROLES,
    Tier.LEVEL1: PLATFORM_ROLES | {Role.LEADER},
    Tier.LEVEL2: frozenset({Role.LEADER}),
    Tier.LEVEL3: frozenset({Role.LEADER}),
}
SINGLE_ROLES: Final = frozenset({Role.LEADER, Role.FIRST})  # one person a cell and moment, stand-ins aside


# As what a person acts in a place, as a scalar subquery for one statement: the most local post over the cell, else the
# most local of any. Needs reporter_id, today (date), cells (ids of the cell and of those above it) and reading_roles.
POST_FOR_CELL: Final = f"""
    SELECT post.id FROM {Post._meta.db_table} AS post JOIN {Grid._meta.db_table} AS place ON place.id = post.grid_id
    WHERE post.user_id = %(reporter_id)s AND post.valid @> %(today)s::date
    ORDER BY post.role = ANY(%(reading_roles)s) AND post.grid_id = ANY(%(cells)s) DESC, place.tier DESC, post.id
    LIMIT 1
"""


_SCOPE: Final = Prepared(
    "scope_of",
    f"""
    SELECT id, role, grid_id, department_id FROM {Post._meta.db_table}
    WHERE user_id = %(user_id)s AND valid @> %(today)s::date ORDER BY id
    """,
)
_ACTING: Final = Prepared(
    "acting_by_cell",
    f"""
    SELECT post.grid_id, post.role, post.user_id
    FROM {Post._meta.db_table} AS post JOIN {User._meta.db_table} AS person ON person.id = post.user_id
    WHERE post.grid_id = ANY(%(cells)s) AND post.role = ANY(%(roles)s) AND post.valid @> %(today)s::date
        AND person.is_active
    ORDER BY post.id
    """,
)


_HANDLERS: Final = Prepared(
    "handlers_of",
    f"""
    SELECT post.department_id, post.grid_id, post.user_id
    FROM {Post._meta.db_table} AS post JOIN {User._meta.db_table} AS person ON person.id = post.user_id
    WHERE post.department_id = ANY(%(departments)s) AND post.role = '{Role.HANDLER}' AND post.valid @> %(today)s::date
        AND person.is_active
    ORDER BY post.id
    """,
)


@dataclass(frozen=True, slots=True)
class PostInfo:
    """One post valid at the moment of asking."""

    id: int
    role: Role
    grid_id: int
    tier: int
    department_id: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person is at one moment. Without posts: somebody who sees their own reports only."""

    user_id: int
    posts: tuple[PostInfo, ...] = ()

    @property
    def read_cells(self) -> tuple[int, ...]:
        """Ids of the cells in whose subtree the person reads every issue."""
        return tuple(dict.fromkeys(post.grid_id for post in self.posts if post.role in READING_ROLES))

    @property
    def departments(self) -> tuple[tuple[int, int], ...]:
        """(department id, cell id): reads the issues in the cell's subtree that the department holds or once held."""
        pairs = ((post.department_id, post.grid_id) for post in self.posts if post.role == Role.HANDLER)
        return tuple(dict.fromkeys((department, grid) for department, grid in pairs if department is not None))

    @property
    def is_city_wide(self) -> bool:
        """Whether the person reads every issue of the city."""
        return any(post.tier == Tier.CITY and post.role in READING_ROLES for post in self.posts)


def scope_of(user_id: int, at: datetime) -> Scope:
    """The person's posts at the moment. One query."""
    with connection.cursor() as cursor:
        _SCOPE.execute(cursor, {"user_id": user_id, "today": timezone.localdate(at)})
        rows = cursor.fetchall()
    index = tree()
    posts = (
        PostInfo(id, Role(role), grid_id, index.cell(grid_id).tier, department_id)
        for id, role, grid_id, department_id in rows
        if index.has(grid_id)
    )
    return Scope(user_id, tuple(posts))


def acting_post_for_cell(scope: Scope, grid_id: int, at: datetime) -> PostInfo | None:
    """The post by which the person acts for the cell, also as the superior of a vacant one; else None.

    At most one query, none where the person holds a post in the cell itself.
    """
    chain = tree().chain(grid_id)
    own = {cell.id: post for cell in chain if (post := _acting_post_in(scope, cell.id, cell.tier))}
    if grid_id in own or not own:
        return own.get(grid_id)
    people = _acting_by_cell([cell.id for cell in chain], at)
    for cell in chain:
        if people.get(cell.id):
            return own.get(cell.id)
    return None


def acting_post_for_department(scope: Scope, department_id: int, grid_id: int) -> PostInfo | None:
    """The post by which the person handles the department's issues seen in the cell; else None. No query."""
    index = tree()
    own = (post for post in scope.posts if post.role == Role.HANDLER and post.department_id == department_id)
    return next((post for post in own if index.is_within(grid_id, post.grid_id)), None)


def people_of_cell(grid_ids: Collection[int], at: datetime) -> dict[int, list[int]]:
    """Ids of the people who act for each cell: its own, else those of the nearest superior that has some. One query."""
    index = tree()
    chains = {grid_id: index.chain(grid_id) for grid_id in grid_ids if index.has(grid_id)}
    people = _acting_by_cell({cell.id for chain in chains.values() for cell in chain}, at)
    return {
        grid_id: next((found for cell in chain if (found := people.get(cell.id))), [])
        for grid_id, chain in chains.items()
    }


@dataclass(frozen=True, slots=True)
class PostedDepartment:
    """A department with at least one handler whose post lies in the cell `post_grid_id`."""

    id: int
    kind: str
    name: str
    grid_id: int
    post_grid_id: int


def posted_departments(
    kinds: Collection[str], at: datetime, grid_ids: Collection[int] | None = None
) -> list[PostedDepartment]:
    """Where departments of those kinds have handlers, in those cells or everywhere. One query."""
    posts = _posts_at(at).filter(role=Role.HANDLER, department__kind__in=list(kinds))
    if grid_ids is not None:
        posts = posts.filter(grid_id__in=list(grid_ids))
    fields = ("department_id", "department__kind", "department__name", "department__grid_id", "grid_id")
    rows = posts.order_by("department_id", "grid_id").values_list(*fields).distinct()
    return [PostedDepartment(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of some departments at one moment, as (department, post's cell, user) ids."""

    rows: tuple[tuple[int, int, int], ...]

    def for_cell(self, department_id: int, grid_id: int) -> list[int]:
        """Ids of the department's handlers whose post covers the cell. No query."""
        index = tree()
        own = ((post_grid, user) for department, post_grid, user in self.rows if department == department_id)
        return list(dict.fromkeys(user for post_grid, user in own if index.is_within(grid_id, post_grid)))


def handlers_of(department_ids: Collection[int], at: datetime) -> Handlers:
    """The handlers of many departments, to be asked cell by cell. One query."""
    with connection.cursor() as cursor:
        _HANDLERS.execute(cursor, {"departments": list(department_ids), "today": timezone.localdate(at)})
        return Handlers(tuple(cursor.fetchall()))


def handlers_for(department_id: int, grid_id: int, at: datetime) -> list[int]:
    """Ids of the department's handlers whose post covers the cell. One query."""
    return handlers_of([department_id], at).for_cell(department_id, grid_id)


def departments_covering(grid_id: int, at: datetime) -> set[int]:
    """Ids of the departments that have a handler for the cell. One query."""
    line = [cell.id for cell in tree().chain(grid_id)]
    rows = _posts_at(at).filter(role=Role.HANDLER, grid_id__in=line).values_list("department_id", flat=True)
    return {department_id for department_id in rows if department_id is not None}


def covered_cells(scope: Scope, at: datetime) -> list[int]:
    """The cells for which the person acts: own ones, and vacant ones below with nobody between; closed ones, too, to
    which an old issue may come back.

    No query for who leads level-3 cells only, else one per tier down to where every cell has people.
    """
    index = tree()
    covered = [post.grid_id for post in scope.posts if post.role in ACTING_ROLES[post.tier]]
    below = [child.id for cell in covered for child in index.ever_below(cell)]
    while below:
        vacant = vacant_cells(below, at)
        covered += vacant
        below = [child.id for cell in vacant for child in index.ever_below(cell)]
    return list(dict.fromkeys(covered))


def inspectors_of(grid_ids: Collection[int], at: datetime) -> dict[int, list[int]]:
    """Ids of the inspectors posted in each of the cells themselves. One query."""
    found: dict[int, list[int]] = {grid_id: [] for grid_id in grid_ids}
    posts = _posts_at(at).filter(role=Role.INSPECTOR, grid_id__in=list(found)).order_by("id")
    for grid_id, user_id in posts.values_list("grid_id", "user_id"):
        found[grid_id].append(user_id)
    return found


def leader_of(grid_id: int, at: datetime) -> int | None:
    """Id of the one leader of the cell (a stand-in where there is none), None if vacant. One query."""
    rows = _posts_at(at).filter(grid_id=grid_id, role=Role.LEADER).order_by("is_stand_in", "id")
    return rows.values_list("user_id", flat=True).first()


def other_holder(post: Post) -> Post | None:
    """Another post of the same role and cell whose days overlap, stand-ins aside. One query."""
    others = Post.objects.filter(grid_id=post.grid_id, role=post.role, is_stand_in=False, valid__overlap=post.valid)
    return others.exclude(pk=post.pk).select_related("user").order_by("id").first()


def vacant_cells(grid_ids: Collection[int], at: datetime) -> set[int]:
    """Those of the cells for which nobody of their own acts. One query."""
    people = _acting_by_cell(grid_ids, at)
    return {grid_id for grid_id in grid_ids if not people.get(grid_id)}


def _acting_post_in(scope: Scope, grid_id: int, tier: int) -> PostInfo | None:
    roles = ACTING_ROLES[tier]
    return next((post for post in scope.posts if post.grid_id == grid_id and post.role in roles), None)


def _acting_by_cell(grid_ids: Collection[int], at: datetime) -> dict[int, list[int]]:
    index = tree()
    roles = sorted({*PLATFORM_ROLES, Role.LEADER})
    with connection.cursor() as cursor:
        _ACTING.execute(cursor, {"cells": list(grid_ids), "roles": roles, "today": timezone.localdate(at)})
        rows = cursor.fetchall()
    people: dict[int, list[int]] = defaultdict(list)
    for grid_id, role, user_id in rows:
        if role in ACTING_ROLES[index.cell(grid_id).tier] and user_id not in people[grid_id]:
            people[grid_id].append(user_id)
    return people


def _posts_at(at: datetime) -> QuerySet[Post]:
    return Post.objects.filter(valid__contains=timezone.localdate(at), user__is_active=True)


@dataclass(frozen=True, slots=True)
class PostHeld:
    """A post that somebody held on a day, with the name of the person as it is now."""

    id: int
    role: str
    grid_id: int
    user_id: int
    name: str
    is_stand_in: bool


def acting_posts_on(grid_ids: Collection[int], day: date) -> dict[int, list[PostHeld]]:
    """The posts by which people acted for each of the cells on that day; of closed accounts too. One query."""
    index = tree()
    rows = Post.objects.filter(grid_id__in=list(grid_ids), role__in=[*PLATFORM_ROLES, Role.LEADER])
    found: dict[int, list[PostHeld]] = defaultdict(list)
    for post, _department in _held_on(rows, day):
        if post.role in ACTING_ROLES[index.cell(post.grid_id).tier]:
            found[post.grid_id].append(post)
    return found


def handling_posts_on(department_ids: Collection[int], day: date) -> dict[int, list[PostHeld]]:
    """The handlers' posts of each of the departments on that day; of closed accounts too. One query."""
    rows = Post.objects.filter(department_id__in=list(department_ids), role=Role.HANDLER)
    found: dict[int, list[PostHeld]] = defaultdict(list)
    for post, department in _held_on(rows, day):
        if department is not None:
            found[department].append(post)
    return found


def _held_on(posts: QuerySet[Post], day: date) -> Iterator[tuple[PostHeld, int | None]]:
    fields = ("id", "role", "grid_id", "user_id", "user__name", "is_stand_in", "department_id")
    for *values, department in posts.filter(valid__contains=day).order_by("id").values_list(*fields):
        yield PostHeld(*values), department


def system_administrators(at: datetime) -> list[int]:
    """Ids of the people with such a post now; of the superusers where there is none. At most two queries."""
    posts = _posts_at(at).filter(role=Role.SYSTEM_ADMIN).order_by("user_id").values_list("user_id", flat=True)
    return list(dict.fromkeys(posts)) or list(
        User.objects.filter(is_superuser=True, is_active=True).order_by("id").values_list("id", flat=True)
    )


def find_person(account: str) -> User | None:
    """Return whose staff number it is, or else the only person with that phone number. At most two queries."""
    by_number = User.objects.filter(username=account).first()
    if by_number is not None or not account.isdigit():
        return by_number
    by_phone = list(User.objects.filter(phone=account)[:2])
    return by_phone[0] if len(by_phone) == 1 else None
