"""Who works in the demo city: 45,388 people at full size, and which post each holds where.

Phones begin with 100: no mobile number in China does, so none of them can ring anywhere. Names are composed. Every
cell has a leader except about one in a hundred, left vacant on purpose; half of the vacancies have a stand-in.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from apps.demo.fanout import DATA, FULL_STAFF, apportion, read_districts, spread
from apps.demo.names import person_name
from apps.demo.plan import CITY, DISTRICT, LEVEL1, LEVEL2, LEVEL3, CityPlan

VACANT_SHARE = 0.01
FORMER_LEADER_SHARE = 0.02
PHONE_FIRST = 10_000_000_000


@dataclass(slots=True)
class Person:
    """`username` is the staff number 工号: six digits of the district and a running number."""

    username: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class PlannedDepartment:
    """A line department of the city or of a district; `cell` is an index into the plan's cells."""

    code: str
    kind: str
    name: str
    name_en: str
    cell: int
    size: int


@dataclass(frozen=True, slots=True)
class PlannedPost:
    """Indices of person, cell and department (−1: none); held since that many days, and until (0: still)."""

    person: int
    cell: int
    role: str
    department: int = -1
    since_days: int = 400
    until_days: int = 0
    is_stand_in: bool = False


@dataclass(slots=True)
class Roster:
    """The people plan."""

    people: list[Person] = field(default_factory=list)
    posts: list[PlannedPost] = field(default_factory=list)
    departments: list[PlannedDepartment] = field(default_factory=list)

    def holder(self, role: str, cell: int, department: int = -1) -> int:
        """The first person who holds that role there now."""
        for post in self.posts:
            if (post.role, post.cell, post.department, post.until_days) == (role, cell, department, 0):
                return post.person
        raise LookupError(f"{role} of cell {cell}")

    def department(self, kind: str, cell: int) -> int:
        """The index of a cell's department."""
        for index, department in enumerate(self.departments):
            if department.kind == kind and department.cell == cell:
                return index
        raise LookupError(kind)


def plan_people(plan: CityPlan, total: int | None = None) -> Roster:
    """People, departments and posts of a planned city; `total` defaults to 45,388 × scale.

    Never fewer than the posts that must be filled: a small demo has every department and every desk.
    """
    builder = _Builder(plan, Random(f"{plan.seed}:people"))
    builder.fill_departments()
    builder.fill_leaders()
    builder.fill_first_responsible()
    builder.fill_platforms()
    builder.fill_handlers()
    builder.fill_members(round(FULL_STAFF * plan.scale) if total is None else total)
    return builder.roster


class _Builder:
    def __init__(self, plan: CityPlan, rng: Random) -> None:
        self.plan, self.rng, self.roster = plan, rng, Roster()
        self.children = plan.children()
        self.numbers: dict[str, int] = {}
        self.leaders: dict[int, int] = {}
        self.leads_since: dict[int, int] = {}
        self.english = {row.code: row.name_en for row in read_districts()}

    def hire(self, cell: int) -> int:
        """A new person with a staff number of that cell's district."""
        prefix = self.plan.cells[cell].code[:6]
        number = self.numbers[prefix] = self.numbers.get(prefix, 0) + 1
        people = self.roster.people
        people.append(Person(f"{prefix}{number:05d}", person_name(self.rng), str(PHONE_FIRST + len(people) + 1)))
        return len(people) - 1

    def appoint(self, person: int, cell: int, role: str, department: int = -1) -> None:
        since = 60 + int(self.rng.random() * 1_100)
        self.roster.posts.append(PlannedPost(person, cell, role, department, since))

    def staff(self, cell: int, role: str, count: int, department: int = -1) -> list[int]:
        hired = [self.hire(cell) for _ in range(count)]
        for person in hired:
            self.appoint(person, cell, role, department)
        return hired

    def many(self, full: int) -> int:
        """A head count at this scale: at least one, about its square root smaller in a small city."""
        return max(1, round(full * math.sqrt(self.plan.scale)))

    def fill_departments(self) -> None:
        with (DATA / "departments.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for cell in [*self.plan.of_tier(CITY), *self.plan.of_tier(DISTRICT)]:
            place = self.plan.cells[cell]
            english = self.english.get(place.code[:6], "Zhengzhou")
            is_city = place.tier == CITY
            for row in rows:
                name = place.name + row["city_name" if is_city else "district_name"]
                if row["kind"] == "gongan" and not is_city and not place.name.endswith("区"):
                    name = place.name + "公安局"
                code = f"{place.code[:6]}-{row['kind']}"
                self.roster.departments.append(
                    PlannedDepartment(code, row["kind"], name, f"{english} {row['name_en']}", cell, int(row["size"]))
                )

    def fill_leaders(self) -> None:
        kept = set(self._never_vacant())
        for index, cell in enumerate(self.plan.cells):
            vacant = cell.tier >= LEVEL1 and index not in kept and self.rng.random() < VACANT_SHARE
            if not vacant:
                [self.leaders[index]] = self.staff(index, "leader", 1)
                self.leads_since[index] = self.roster.posts[-1].since_days
            elif self.rng.random() < 0.5:
                self._stand_in(index)

    def _never_vacant(self) -> Iterable[int]:
        """The article's own places and all above them: the demonstration needs their leaders."""
        for name, within in (("园田社区第九网格", "花园路街道"), ("高班庄村第三村组", "梨河镇")):
            index = self.plan.find(name, within)
            while index >= 0:
                yield index
                index = self.plan.cells[index].parent

    def _stand_in(self, cell: int) -> None:
        """The leader of the cell above covers it, until somebody is found."""
        above = self.plan.cells[cell].parent
        if above in self.leaders:
            person = self.leaders[above]
            self.roster.posts.append(PlannedPost(person, cell, "leader", -1, 45, 0, is_stand_in=True))

    def fill_first_responsible(self) -> None:
        """Leaders of the district each answer for some towns, cadres of the town for some villages (domain.md §3.1)."""
        for district in self.plan.of_tier(DISTRICT):
            leaders = self.staff(district, "viewer", self.many(7))
            for number, level1 in enumerate(self.children[district]):
                self.appoint(leaders[number % len(leaders)], level1, "first")
                below = self.children[level1]
                cadres = [self.hire(level1) for _ in range((len(below) + 1) // 2)]
                for order, level2 in enumerate(below):
                    self.appoint(cadres[order // 2], level2, "first")

    def fill_platforms(self) -> None:
        [city] = self.plan.of_tier(CITY)
        for role, count in (("dispatcher", 6), ("clerk", 4), ("duty_chief", 2), ("inspector", 6), ("viewer", 8)):
            self.staff(city, role, self.many(count))
        for role in ("system_admin", "security_admin", "audit_admin"):
            self.staff(city, role, 1)
        for district in self.plan.of_tier(DISTRICT):
            for role, count in (("dispatcher", 4), ("clerk", 3), ("duty_chief", 1), ("inspector", 3)):
                self.staff(district, role, self.many(count))
        for level1 in self.plan.of_tier(LEVEL1):
            self.staff(level1, "clerk", 1)
            self.staff(level1, "dispatcher", 1)

    def fill_handlers(self) -> None:
        """Each department's own desk, and seconded staff 下沉人员 tied to a few communities or villages each."""
        for index, department in enumerate(self.roster.departments):
            self.staff(department.cell, "handler", self.many(2 * department.size), index)
            if self.plan.cells[department.cell].tier != DISTRICT:
                continue
            for level1 in self.children[department.cell]:
                if self.rng.random() < 0.25 * department.size:
                    self._second(level1, index)

    def _second(self, level1: int, department: int) -> None:
        person = self.hire(level1)
        below = self.children[level1]
        count = min(len(below), 3 + int(self.rng.random() * 4))
        first = int(self.rng.random() * (len(below) - count + 1))
        for level2 in below[first : first + count]:
            self.appoint(person, level2, "handler", department)

    def fill_members(self, total: int) -> None:
        """Everybody else is a grid member of a level-3 cell; some of them led a neighbouring cell before."""
        cells = self.plan.of_tier(LEVEL3)
        weights = [spread(self.rng, 0.5) for _ in cells]
        free = max(total - len(self.roster.people), len(cells) // 2)
        star = self.plan.find("园田社区第九网格", "花园路街道")
        for cell, count in zip(cells, apportion(free - 1, weights, minimum=0), strict=True):
            hired = self.staff(cell, "member", count + (cell == star))
            if hired and self.rng.random() < FORMER_LEADER_SHARE:
                self._led_before(hired[0], cell)

    def _led_before(self, person: int, cell: int) -> None:
        """The present leader took over on a day; this person led until then."""
        since = self.leads_since.get(cell)
        if since is not None:
            self.roster.posts.append(PlannedPost(person, cell, "leader", -1, since + 300, since))


def count_vacant(plan: CityPlan, roster: Roster, tiers: Sequence[int] = (LEVEL1, LEVEL2, LEVEL3)) -> int:
    """Cells of those tiers without a leader of their own."""
    led = {post.cell for post in roster.posts if post.role == "leader" and not post.is_stand_in and not post.until_days}
    return sum(1 for index, cell in enumerate(plan.cells) if cell.tier in tiers and index not in led)
