"""Giving the demo city a past: read the stage from the database, tell the stories, write them in bulk."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from random import Random

import shapely
from django.db import connection

from apps.demo.life import Actor, Place, Setting
from apps.demo.past import Cast, Subject, World, stage, tell_past
from apps.demo.plan import CityPlan
from apps.grids.models import Tier
from apps.issues import routing
from apps.issues.deadlines import Limit, RungRules
from apps.issues.models import Category, Standard, TierLimit
from apps.issues.routing import Decision, route
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.limits import limit_for, rungs_for
from apps.issues.services.loading import IssueRow
from apps.staff.models import Department, Role

FIELD_WEIGHTS = {"01": 0.2, "02": 0.5, "03": 0.7, "04": 0.6, "05": 0.5, "06": 0.2, "07": 1.6, "08": 0.3}
COMMON = {"070101": 4.0, "070201": 4.0, "070301": 4.0, "070901": 3.0, "071002": 2.0, "070501": 2.0, "070205": 2.0}
GRAVE_WEIGHT = 0.05


def tell_city_past(plan: CityPlan, *, days: int, per_day: int, now: datetime) -> list[IssueRow]:
    """The issues of the last `days` days before `now`, of a city that has just been loaded. Six queries."""
    world = _world(plan, now)
    return tell_past(world, Random(f"{plan.seed}:past"), days=days, per_day=per_day)


def tell_staged(plan: CityPlan, *, now: datetime) -> list[IssueRow]:
    """Only the staged reports of the last hours, which the demo accounts find on their pages. Six queries."""
    return list(stage(_world(plan, now), Random(f"{plan.seed}:staged")))


def _world(plan: CityPlan, now: datetime) -> World:
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, id FROM grids_grid WHERE valid_to IS NULL")
        ids: dict[str, int] = dict(cursor.fetchall())
    places = _places(plan, ids)
    cells = {ids[plan.cells[index].code]: index for index in plan.of_tier(Tier.LEVEL3)}
    chains = {cell: _chain(places, cell) for cell in cells}
    cast = _cast()
    return World(
        setting=Setting(places, _limits(), _rungs, work_calendar(None), now),
        cast=cast,
        chains=chains,
        points={cell: _ring(plan, index) for cell, index in cells.items()},
        subjects=_subjects(),
        decide=_decider(chains, frozenset(places) - frozenset(cast.leaders), _posted(cast)),
        star=ids[plan.cells[plan.find("园田社区第九网格", "花园路街道")].code],
        department_names=dict(Department.objects.values_list("id", "name")),
        rule_set=catalogue().rule_set,
    )


def _places(plan: CityPlan, ids: Mapping[str, int]) -> dict[int, Place]:
    own = [ids[cell.code] for cell in plan.cells]
    return {
        own[index]: Place(own[index], cell.tier, cell.name, own[cell.parent] if cell.parent >= 0 else None)
        for index, cell in enumerate(plan.cells)
    }


def _chain(places: Mapping[int, Place], cell: int) -> tuple[Place, ...]:
    chain = [places[cell]]
    while chain[-1].above is not None:
        chain.append(places[chain[-1].above])
    return tuple(chain)


def _ring(plan: CityPlan, index: int) -> list[tuple[float, float]]:
    """The inner point, then the corners."""
    cell = plan.cells[index]
    return [(cell.lon, cell.lat), *((x, y) for x, y in shapely.get_coordinates(cell.polygon).tolist())]


def _cast() -> Cast:
    """Who acts now: leaders (stand-ins where there is none), members, platforms and departments' own handlers."""
    leaders: dict[int, Actor] = {}
    members: dict[int, list[Actor]] = defaultdict(list)
    dispatchers: dict[int, list[Actor]] = defaultdict(list)
    handlers: dict[int, list[Actor]] = defaultdict(list)
    seconded: dict[tuple[int, int], list[Actor]] = defaultdict(list)
    homes = dict(Department.objects.values_list("id", "grid_id"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, user_id, grid_id, department_id, role FROM staff_post WHERE upper_inf(valid) "
            "ORDER BY is_stand_in, id"
        )
        for post, user, grid, department, role in cursor.fetchall():
            actor = Actor(user, post)
            if role == Role.LEADER:
                leaders.setdefault(grid, actor)
            elif role == Role.MEMBER:
                members[grid].append(actor)
            elif role == Role.DISPATCHER:
                dispatchers[grid].append(actor)
            elif role == Role.HANDLER and homes[department] == grid:
                handlers[department].append(actor)
            elif role == Role.HANDLER:
                seconded[department, grid].append(actor)
    kinds = Department.objects.values_list("grid_id", "kind", "id")
    departments = {(grid, kind): id for grid, kind, id in kinds}
    return Cast(leaders, members, dispatchers, handlers, seconded, departments)


def _posted(cast: Cast) -> routing.Staff:
    """Where departments have people outside their own desks."""
    known = {id: routing.Department(id, kind, grid) for (grid, kind), id in cast.departments.items()}
    posted: dict[int, list[routing.Department]] = defaultdict(list)
    for department, cell in sorted(cast.seconded):
        posted[cell].append(known[department])
    return routing.Staff(posted)


def _subjects() -> list[Subject]:
    concluding = dict(Standard.objects.filter(is_default=True).values_list("category_id", "concluding"))
    minors = Category.objects.filter(level=Category.Level.MINOR, is_active=True).order_by("code")
    return [
        Subject(minor.id, minor.code, minor.sentence or minor.name, concluding.get(minor.id, "已处理"), _weight(minor))
        for minor in minors
    ]


def _weight(minor: Category) -> float:
    if minor.is_grave:
        return GRAVE_WEIGHT
    return FIELD_WEIGHTS.get(minor.code[:2], 0.3) * COMMON.get(minor.code, 1.0)


def _limits() -> Callable[[int, int, str], Limit]:
    @cache
    def limit(category_id: int, tier: int, purpose: str) -> Limit:
        return limit_for(category_id=category_id, tier=tier, purpose=TierLimit.Purpose(purpose))

    return limit


def _rungs(category_id: int, tier: int, purpose: str) -> RungRules:
    return rungs_for(category_id=category_id, tier=tier, purpose=TierLimit.Purpose(purpose))


def _decider(
    chains: Mapping[int, Sequence[Place]], vacant: frozenset[int], staff: routing.Staff
) -> Callable[[int, int, bool], Decision]:
    """Routing as the real one decides, by the catalogue as it stands."""
    known = catalogue()

    def decide(category_id: int, cell: int, is_urgent: bool) -> Decision:
        chain = [routing.Cell(place.id, place.tier) for place in chains[cell]]
        matter = known.matter(category_id, is_urgent=is_urgent)
        return route(matter=matter, chain=chain, powers=known.powers, rules=known.rules, vacant=vacant, staff=staff)

    return decide
