"""Who acts for whom on a day: the posts of some districts and of the city, kept in memory and dated."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from django.db.models import Q

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.staff.models import Department, Post, Role, User
from apps.staff.selectors import ACTING_ROLES


@dataclass(slots=True)
class Held:
    """A post: from `since`, up to but not on `until`."""

    id: int
    user: int
    grid: int
    role: str
    since: date
    until: date | None
    is_stand_in: bool

    def is_valid(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


@dataclass
class Cast:
    """Posts by cell and by department. Everything is answered without a query."""

    acting: dict[int, list[Held]] = field(default_factory=lambda: defaultdict(list))
    members: dict[int, list[Held]] = field(default_factory=lambda: defaultdict(list))
    handlers: dict[int, list[Held]] = field(default_factory=lambda: defaultdict(list))
    departments: dict[tuple[int, str], int] = field(default_factory=dict)  # (cell, kind) → department
    homes: dict[int, int] = field(default_factory=dict)  # department → its cell
    names: dict[str, int] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)

    @classmethod
    def read(cls, districts: Collection[int]) -> "Cast":
        """Read the posts of these districts and of the city, past ones too. Three queries."""
        cast = cls()
        for id, grid, kind, name in Department.objects.order_by("id").values_list("id", "grid_id", "kind", "name"):
            cast.departments[grid, kind], cast.homes[id], cast.names[name] = id, grid, id
        where = Q(grid__tier=Tier.CITY)
        index = tree()
        cells = [cell for district in districts for cell in index.subtree_ids(district)]
        rows = Post.objects.filter(where | Q(grid_id__in=cells), user__is_active=True).order_by("id")
        fields = ("id", "user_id", "grid_id", "role", "department_id", "valid", "is_stand_in")
        for id, user, grid, role, department, valid, is_stand_in in rows.values_list(*fields):
            cast.add(Held(id, user, grid, role, valid.lower, valid.upper, is_stand_in), department)
        cast.users = {user.id: user for user in User.objects.filter(is_active=True)}
        return cast

    def add(self, held: Held, department: int | None = None) -> None:
        """One more post."""
        if held.role == Role.MEMBER:
            self.members[held.grid].append(held)
        elif held.role == Role.HANDLER and department is not None:
            self.handlers[department].append(held)
        elif held.role in ACTING_ROLES[tree().cell(held.grid).tier]:
            self.acting[held.grid].append(held)

    def people_of_cell(self, grid: int, day: date) -> list[int]:
        """Ids of who acts for the cell: its own, else those of the nearest superior that has some."""
        for cell in tree().chain(grid):
            if found := _users(self.acting.get(cell.id, ()), day):
                return found
        return []

    def has_own_people(self, grid: int, day: date) -> bool:
        """Whether somebody of its own acts for the cell."""
        return bool(_users(self.acting.get(grid, ()), day))

    def people_of_department(self, department: int, grid: int, day: date) -> list[int]:
        """Ids of its handlers whose posts cover the cell."""
        index = tree()
        posts = (held for held in self.handlers.get(department, ()) if index.is_within(grid, held.grid))
        return _users(posts, day)

    def reporter(self, grid: int, day: date, dice: Random, *, is_member: bool) -> int:
        """A member of the cell or its leader; in a vacant cell whoever acts for it."""
        members = _users(self.members.get(grid, ()), day)
        leaders = self.people_of_cell(grid, day)
        return dice.choice(members if members and (is_member or not leaders) else leaders)

    def leaders(self, district: int, tier: int) -> list[Held]:
        """All posts of leaders at that tier of a district, past ones too, in the order of the cells' codes."""
        index = tree()
        cells = [cell for id in index.subtree_ids(district) if (cell := index.cell(id)).tier == tier]
        cells.sort(key=lambda cell: cell.code)
        return [held for cell in cells for held in self.acting.get(cell.id, ()) if held.role == Role.LEADER]


def _users(posts: Iterable[Held], day: date) -> list[int]:
    return sorted({held.user for held in posts if held.is_valid(day)})


def pick(dice: Random, people: Sequence[int], but: int | None = None) -> int | None:
    """One of them, rather not `but`; None of nobody."""
    others = [one for one in people if one != but] or list(people)
    return dice.choice(others) if others else None
