"""A town small enough to know by heart, with the article's names. Every room's tests use the same cast.

Ask for it by the fixture `town`, or call `build_town()` inside a test that has the database.

    city 郑州市
    ├── district 金水区
    │   ├── street 花园路街道
    │   │   ├── community 园田社区 ── cell 园田社区第九网格, next_cell 园田社区第八网格
    │   │   └── other_community 通信社区 ── other_cell 通信社区第一网格
    │   └── other_street 经八路街道 ── quiet_community 经五社区 ── quiet_cell 经五社区第一网格 (nobody posted)
    └── other_district 中原区 ── far_street 建中街街道 ── far_community 西福民社区 ── far_cell 西福民社区第一网格

The five level-3 cells are squares of 0.01° in a row from west (cell) to east (far_cell); cells above are their unions.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from shapely import Polygon, box, to_wkb

from apps.grids.models import Boundary, BoundaryVersion, Grid, Tier
from apps.grids.selectors.versions import look_again
from apps.issues.models import Category, Power, Standard, TierLimit, UnitChoices, WorkingPeriod
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.selectors.catalogue import forget_catalogue
from apps.staff.models import Department, Post, Role, User

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=SHANGHAI)  # a Wednesday morning, in working time
SINCE = date(2012, 6, 1)  # the day the grid management began to run to rule
PASSWORD = "grid-2012-town"
WEST, SOUTH, SIDE = 113.60, 34.70, 0.01

_numbers = itertools.count(1)
_versions = itertools.count(1_000)


@dataclass(frozen=True, slots=True)
class Town:
    """The cells, people, departments and categories of the mini city."""

    city: Grid
    district: Grid
    other_district: Grid
    street: Grid
    other_street: Grid
    far_street: Grid
    community: Grid
    other_community: Grid
    quiet_community: Grid
    far_community: Grid
    cell: Grid
    next_cell: Grid
    other_cell: Grid
    quiet_cell: Grid
    far_cell: Grid
    departments: "Departments"
    people: "People"
    categories: "Categories"


@dataclass(frozen=True, slots=True)
class Departments:
    """Departments 条: urban management and market supervision of 金水区, urban management of 中原区 and of the city."""

    chengguan: Department
    gongshang: Department
    far_chengguan: Department
    city_chengguan: Department


@dataclass(frozen=True, slots=True)
class People:
    """The cast. All have the password PASSWORD; who has no post sees nothing but own reports."""

    member: User  # grid member of cell
    leader: User  # leader of cell
    next_leader: User  # leader of next_cell
    other_leader: User  # leader of other_cell
    community_leader: User
    other_community_leader: User
    street_leader: User
    street_clerk: User
    dispatcher: User  # of district
    second_dispatcher: User  # of district
    duty_chief: User  # of district
    viewer: User  # of district
    inspector: User  # of the city
    city_dispatcher: User
    handler: User  # chengguan of district
    second_handler: User  # chengguan of district
    other_handler: User  # gongshang of district
    far_leader: User  # leader of far_cell
    far_dispatcher: User  # of other_district
    far_handler: User  # chengguan of other_district
    former_dispatcher: User  # of district, until 2020-01-01
    stranger: User  # no post
    admin: User  # superuser, no post


@dataclass(frozen=True, slots=True)
class Categories:
    """Minor classes. rubbish, shop: district and above; lamp: level 2 and above; noise: level 3 and above."""

    rubbish: Category
    lamp: Category
    noise: Category
    shop: Category
    fire: Category  # grave


def user(name: str, **values: object) -> User:
    """A person who signs in with the returned `username` and PASSWORD."""
    person = User(username=f"g{next(_numbers):05d}", name=name, password=make_password(PASSWORD), **values)
    person.save()
    return person


def post(
    person: User,
    grid: Grid,
    role: Role,
    *,
    department: Department | None = None,
    since: date = SINCE,
    until: date | None = None,
    is_stand_in: bool = False,
) -> Post:
    """`person` holds `role` in `grid` from `since`, up to but not on `until`."""
    return Post.objects.create(
        user=person, grid=grid, role=role, department=department, valid=(since, until), is_stand_in=is_stand_in
    )


def staffed(name: str, grid: Grid, role: Role, department: Department | None = None) -> User:
    """A new person with one post."""
    person = user(name)
    post(person, grid, role, department=department)
    return person


def end_posts(grid: Grid, role: Role, on: date = SINCE + timedelta(days=1)) -> None:
    """Nobody holds `role` in `grid` from `on`: the cell is vacant."""
    for held in Post.objects.filter(grid=grid, role=role):
        held.valid = (held.valid.lower, on)
        held.save(update_fields=["valid"])


def inside(grid: Grid) -> tuple[float, float]:
    """(lon, lat) of a point well inside the cell."""
    edge = Boundary.objects.get(grid=grid)
    return (edge.min_lon + SIDE / 3, (edge.min_lat + edge.max_lat) / 2)


def build_town() -> Town:
    """Make the town in the current transaction, and make in-process indexes look again."""
    cells = build_cells()
    departments = build_departments(cells)
    town = Town(
        **cells,
        departments=departments,
        people=build_people(cells, departments),
        categories=build_catalogue(),
    )
    build_limits()
    new_boundary_version()
    return town


_TREE: list[tuple[str, str, str, Tier, str | None]] = [
    ("city", "郑州市", "410100000000000", Tier.CITY, None),
    ("district", "金水区", "410105000000000", Tier.DISTRICT, None),
    ("street", "花园路街道", "410105001000000", Tier.LEVEL1, "district"),
    ("community", "园田社区", "410105001001000", Tier.LEVEL2, "street"),
    ("cell", "园田社区第九网格", "410105001001009", Tier.LEVEL3, "community"),
    ("next_cell", "园田社区第八网格", "410105001001008", Tier.LEVEL3, "community"),
    ("other_community", "通信社区", "410105001002000", Tier.LEVEL2, "street"),
    ("other_cell", "通信社区第一网格", "410105001002001", Tier.LEVEL3, "other_community"),
    ("other_street", "经八路街道", "410105002000000", Tier.LEVEL1, "district"),
    ("quiet_community", "经五社区", "410105002001000", Tier.LEVEL2, "other_street"),
    ("quiet_cell", "经五社区第一网格", "410105002001001", Tier.LEVEL3, "quiet_community"),
    ("other_district", "中原区", "410102000000000", Tier.DISTRICT, None),
    ("far_street", "建中街街道", "410102001000000", Tier.LEVEL1, "other_district"),
    ("far_community", "西福民社区", "410102001001000", Tier.LEVEL2, "far_street"),
    ("far_cell", "西福民社区第一网格", "410102001001001", Tier.LEVEL3, "far_community"),
]


def build_cells() -> dict[str, Grid]:
    """The town's cells by their field name in Town, with boundaries; nested-set numbers are counted here."""
    cells: dict[str, Grid] = {}
    first_tree = next(_numbers) * 1_000
    for number, (key, name, code, tier, parent) in enumerate(_TREE):
        above = cells[parent] if parent else None
        cells[key] = Grid(
            name=name, code=code, tier=tier, parent=above, valid_from=SINCE, level=above.level + 1 if above else 0
        )
        cells[key].tree_id = above.tree_id if above else first_tree + number
        lft, rght = _nested_set_numbers(key)
        cells[key].lft, cells[key].rght = lft, rght
        Grid.objects.bulk_create([cells[key]])
    _build_boundaries(cells)
    return cells


def _nested_set_numbers(key: str) -> tuple[int, int]:
    """lft and rght of a cell in its own tree: walked, because the table above is in depth-first order."""
    root = key
    while above := _parent(root):
        root = above
    counter = itertools.count(1)
    found: dict[str, tuple[int, int]] = {}

    def walk(at: str) -> None:
        left = next(counter)
        for below in (row[0] for row in _TREE if row[4] == at):
            walk(below)
        found[at] = (left, next(counter))

    walk(root)
    return found[key]


def _parent(key: str) -> str | None:
    return next(row[4] for row in _TREE if row[0] == key)


def _build_boundaries(cells: dict[str, Grid]) -> None:
    columns = [row[0] for row in _TREE if row[3] == Tier.LEVEL3]
    boundaries = []
    for key, grid in cells.items():
        below = [n for n, column in enumerate(columns) if key == "city" or key in _chain(column)]
        polygon = box(WEST + below[0] * SIDE, SOUTH, WEST + (below[-1] + 1) * SIDE, SOUTH + SIDE)
        boundaries.append(_boundary(grid, polygon))
    Boundary.objects.bulk_create(boundaries)


def _chain(key: str) -> list[str]:
    above = _parent(key)
    return [key, *(_chain(above) if above else [])]


def _boundary(grid: Grid, polygon: Polygon) -> Boundary:
    west, south, east, north = polygon.bounds
    wkb = to_wkb(polygon)
    return Boundary(
        grid=grid,
        wkb=wkb,
        simple_wkb=wkb,
        min_lon=west,
        min_lat=south,
        max_lon=east,
        max_lat=north,
        area_m2=polygon.area * 1.02e10,
        updated_at=NOW,
    )


def build_departments(cells: dict[str, Grid]) -> Departments:
    """One row per department of the town."""

    def department(kind: str, name: str, name_en: str, grid: Grid) -> Department:
        code = f"{grid.code[:6]}-{kind}"
        return Department.objects.create(code=code, kind=kind, name=name, name_en=name_en, grid=grid)

    return Departments(
        chengguan=department("chengguan", "金水区城市管理局", "Jinshui Urban Management", cells["district"]),
        gongshang=department("gongshang", "金水区工商局", "Jinshui Market Supervision", cells["district"]),
        far_chengguan=department(
            "chengguan", "中原区城市管理局", "Zhongyuan Urban Management", cells["other_district"]
        ),
        city_chengguan=department("chengguan", "郑州市城市管理局", "Zhengzhou Urban Management", cells["city"]),
    )


def build_people(cells: dict[str, Grid], departments: Departments) -> People:
    """The cast and their posts."""
    district, far = cells["district"], cells["other_district"]
    former = user("冯旧任")
    post(former, district, Role.DISPATCHER, until=date(2020, 1, 1))
    return People(
        member=staffed("李网格", cells["cell"], Role.MEMBER),
        leader=staffed("王长顺", cells["cell"], Role.LEADER),
        next_leader=staffed("赵邻居", cells["next_cell"], Role.LEADER),
        other_leader=staffed("孙通信", cells["other_cell"], Role.LEADER),
        community_leader=staffed("周园田", cells["community"], Role.LEADER),
        other_community_leader=staffed("吴通信", cells["other_community"], Role.LEADER),
        street_leader=staffed("郑花园", cells["street"], Role.LEADER),
        street_clerk=staffed("钱受理", cells["street"], Role.CLERK),
        dispatcher=staffed("陈派遣", district, Role.DISPATCHER),
        second_dispatcher=staffed("卫派遣", district, Role.DISPATCHER),
        duty_chief=staffed("蒋值班", district, Role.DUTY_CHIEF),
        viewer=staffed("沈领导", district, Role.VIEWER),
        inspector=staffed("韩督查", cells["city"], Role.INSPECTOR),
        city_dispatcher=staffed("杨市台", cells["city"], Role.DISPATCHER),
        handler=staffed("朱城管", district, Role.HANDLER, departments.chengguan),
        second_handler=staffed("秦城管", district, Role.HANDLER, departments.chengguan),
        other_handler=staffed("尤工商", district, Role.HANDLER, departments.gongshang),
        far_leader=staffed("许西福", cells["far_cell"], Role.LEADER),
        far_dispatcher=staffed("何中原", far, Role.DISPATCHER),
        far_handler=staffed("吕中原", far, Role.HANDLER, departments.far_chengguan),
        former_dispatcher=former,
        stranger=user("施路人"),
        admin=user("张管理", is_staff=True, is_superuser=True),
    )


def build_catalogue() -> Categories:
    """A field, a class, five minor classes with standards, and the powers that send each to its tier."""
    field = Category.objects.create(code="07", level=1, name="城市管理提升", name_en="City management")
    group = Category.objects.create(code="0701", level=2, parent=field, name="市容环境", name_en="Streets")

    def minor(code: str, name: str, name_en: str, sentence: str, sentence_en: str, grave: bool = False) -> Category:
        made = Category.objects.create(
            code=code, level=3, parent=group, name=name, name_en=name_en, sentence=sentence, sentence_en=sentence_en,
            icon="trash-2", is_grave=grave, order=int(code),
        )  # fmt: skip
        unit = UnitChoices.URGENT_HOUR if grave else UnitChoices.WORK_HOUR
        amount = Decimal("0.5") if grave else Decimal(4)
        Standard.objects.create(
            category=made, registering="发现即立案", concluding="恢复原状", limit_amount=amount, limit_unit=unit
        )
        return made

    made = Categories(
        rubbish=minor("070101", "建筑垃圾", "Building rubble", "有建筑垃圾未清运", "rubble is not removed"),
        lamp=minor("070102", "路灯不亮", "Street lamp", "路灯不亮", "a street lamp is out"),
        noise=minor("070103", "邻里噪音", "Noise", "邻里噪音扰民", "neighbours are noisy"),
        shop=minor("070104", "无照经营", "Unlicensed shop", "有无照经营", "a shop trades without a licence"),
        fire=minor("070105", "火灾", "Fire", "发生火灾", "there is a fire", grave=True),
    )
    lowest = {made.rubbish: Tier.DISTRICT, made.lamp: Tier.LEVEL2, made.noise: Tier.LEVEL3, made.shop: Tier.DISTRICT}
    for category, from_tier in lowest.items():
        kind = "gongshang" if category == made.shop else "chengguan"
        for tier in Tier:
            Power.objects.create(
                category=category, tier=tier, may_handle=tier <= from_tier, department_kind=kind if tier <= 1 else ""
            )
    Power.objects.create(category=None, tier=Tier.CITY, may_handle=True, department_kind="chengguan")
    return made


def build_limits() -> None:
    """Every tier: 4 work hours to pass on, 1 work day to handle, 1 work day to check; the customary hours."""
    purposes = {
        TierLimit.Purpose.DISPATCH: (Decimal(4), UnitChoices.WORK_HOUR),
        TierLimit.Purpose.HANDLE: (Decimal(1), UnitChoices.WORK_DAY),
        TierLimit.Purpose.CHECK: (Decimal(1), UnitChoices.WORK_DAY),
    }
    TierLimit.objects.bulk_create(
        TierLimit(tier=tier, purpose=purpose, limit_amount=amount, limit_unit=unit)
        for tier in Tier
        for purpose, (amount, unit) in purposes.items()
    )
    for start, end in ((time(8), time(12)), (time(14), time(18))):
        WorkingPeriod.objects.create(start=start, end=end, valid_from=SINCE)


def new_boundary_version() -> None:
    """A number no other test had, so that indexes kept in the process never survive into the next test."""
    BoundaryVersion.objects.update_or_create(id=1, defaults={"number": next(_versions)})
    for forget in CACHES:
        forget()


CACHES: list[Callable[[], None]] = [look_again, forget_catalogue, forget_calendars]  # kept in the process
