"""What is hinted at as the same matter: the borders of radius and window, cells where there is no point, privacy."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from apps.common import clock
from apps.grids.geometry import metres_per_degree
from apps.grids.models import Grid
from apps.grids.selectors import cells_beside
from apps.issues.models import DuplicateRule, Issue, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.duplicates import MOST_SIMILAR, Here, Similar, similar_issues
from apps.issues.services.catalogue import load_catalogue
from apps.issues.services.filing import Report, file_report
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, inside
from tests.issues.test_api import URL, client

RADIUS, HOURS = 50, 24
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _fresh_catalogue(db: None) -> Iterator[None]:
    forget_catalogue()
    yield
    forget_catalogue()


@pytest.fixture
def plain(town: Town) -> DuplicateRule:
    return rule()


def rule(**values: Any) -> DuplicateRule:
    made = DuplicateRule.objects.create(**{"radius_m": RADIUS, "window_hours": HOURS} | values)
    forget_catalogue()
    return made


def seen_at(town: Town, east: float = 0, north: float = 0, *, cell: Grid | None = None, **report: Any) -> Issue:
    """A report so many metres from the middle of a cell, by its grid member."""
    lon, lat = moved(cell or town.cell, east, north)
    values: dict[str, Any] = {"category_id": town.categories.noise.id, "text": "夜里施工", "lon": lon, "lat": lat}
    return file_report(reporter=town.people.member, report=Report(**values | report), now=NOW).issue


def moved(cell: Grid, east: float, north: float = 0) -> tuple[float, float]:
    lon, lat = inside(cell)
    per_lon, per_lat = metres_per_degree(lat)
    return lon + east / per_lon, lat + north / per_lat


def asked(town: Town, viewer: User | None = None, *, at: Any = LATER, here: Here | None = None) -> list[Similar]:
    return similar_issues(
        category_id=town.categories.noise.id,
        here=here or Here(town.cell.id, *inside(town.cell)),
        at=at,
        viewer=scope_of((viewer or town.people.duty_chief).id, NOW),
    )


def ids(found: list[Similar]) -> list[int]:
    return [one.issue.id for one in found if one.issue]


def test_the_nearest_comes_first_and_five_are_enough(town: Town, plain: DuplicateRule) -> None:
    far = [seen_at(town, east) for east in (40, -30, 20, 10, 45, 3)]
    found = asked(town)
    assert len(found) == MOST_SIMILAR
    assert ids(found) == [far[5].id, far[3].id, far[2].id, far[1].id, far[0].id]
    assert [round(one.metres or 0) for one in found] == [3, 10, 20, 30, 40]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)  # examples only read
@given(metres=st.floats(0, 100), turn=st.sampled_from([(1, 0), (0, 1), (-1, 0), (0, -1), (0.6, 0.8)]))
def test_the_radius_has_a_border(town: Town, plain: DuplicateRule, metres: float, turn: tuple[float, float]) -> None:
    assume(abs(metres - RADIUS) > 0.01)  # no position is known that well
    if not Issue.objects.exists():
        seen_at(town)
    point = moved(town.cell, metres * turn[0], metres * turn[1])
    found = asked(town, here=Here(town.cell.id, *point))
    assert bool(found) == (metres < RADIUS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seconds=st.integers(-3600, 2 * HOURS * 3600))
def test_the_window_has_a_border(town: Town, plain: DuplicateRule, seconds: int) -> None:
    if not Issue.objects.exists():
        seen_at(town)
    assert bool(asked(town, at=NOW + timedelta(seconds=seconds))) == (0 <= seconds <= HOURS * 3600)


def test_the_very_border_of_the_window_is_inside(town: Town, plain: DuplicateRule) -> None:
    seen_at(town)
    assert asked(town, at=NOW + timedelta(hours=HOURS))
    assert not asked(town, at=NOW + timedelta(hours=HOURS, microseconds=1))


def test_the_circle_reaches_over_the_border_of_a_cell(town: Town) -> None:
    rule(radius_m=2000)
    issue = seen_at(town, cell=town.next_cell)
    found = asked(town)
    assert ids(found) == [issue.id]
    assert not found[0].is_same_cell


def test_without_a_point_the_same_and_the_touching_cells_count(town: Town, plain: DuplicateRule) -> None:
    beside = seen_at(town, cell=town.next_cell)
    here = seen_at(town, 49)
    far = seen_at(town, cell=town.far_cell)
    assert town.far_cell.id not in cells_beside(town.cell.id)
    found = asked(town, here=Here(town.cell.id))
    assert ids(found) == [here.id, beside.id]
    assert [one.metres for one in found] == [None, None]
    assert far.id not in ids(found)


def test_a_report_without_a_point_is_found_by_its_cell_after_those_that_were_measured(
    town: Town, plain: DuplicateRule
) -> None:
    chosen = seen_at(town, lon=None, lat=None, grid_id=town.cell.id)
    measured = seen_at(town, 30)
    assert ids(asked(town)) == [measured.id, chosen.id]


def test_another_class_and_what_came_to_nothing_are_not_similar(town: Town, plain: DuplicateRule) -> None:
    seen_at(town, category_id=town.categories.rubbish.id)
    for state in (State.REJECTED, State.CANCELLED, State.MERGED):
        Issue.objects.filter(id=seen_at(town).id).update(state=state, closed_at=NOW, due_at=None)
    assert asked(town) == []
    done = seen_at(town)
    Issue.objects.filter(id=done.id).update(state=State.CONCLUDED, closed_at=NOW, due_at=None)
    assert [(one.issue, one.is_open) for one in asked(town)] == [(done, False)]


def test_the_nearest_rule_counts_and_may_switch_the_hint_off(town: Town, plain: DuplicateRule) -> None:
    seen_at(town, 30)
    own = rule(category=town.categories.noise, radius_m=20)
    assert asked(town) == []
    DuplicateRule.objects.filter(id=own.id).update(radius_m=40)
    forget_catalogue()
    assert len(asked(town)) == 1
    DuplicateRule.objects.filter(id=own.id).update(is_active=False)
    forget_catalogue()
    assert asked(town) == []


def test_without_a_rule_nothing_is_hinted_at_and_the_shipped_one_is_loaded_once(town: Town) -> None:
    seen_at(town)
    assert asked(town) == []
    assert load_catalogue().duplicate_rules == 1
    assert load_catalogue().duplicate_rules == 0
    shipped = DuplicateRule.objects.get()
    assert (shipped.category_id, shipped.radius_m, shipped.window_hours) == (None, 50, 24)
    assert len(asked(town)) == 1


@pytest.mark.parametrize("values", [{}, {"category": None}])
def test_a_category_has_one_rule(plain: DuplicateRule, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(**values)


@pytest.mark.parametrize("values", [{"radius_m": 0}, {"radius_m": 2001}, {"window_hours": 0}, {"window_hours": 721}])
def test_a_rule_stays_within_bounds(db: None, values: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(**values)


def test_who_may_not_see_it_learns_only_what_is_harmless(town: Town, plain: DuplicateRule) -> None:
    seen_at(town, 20)
    (found,) = asked(town, town.people.other_leader)
    assert found.issue is None
    assert round(found.metres or 0) == 20


def test_looking_costs_two_queries_and_one_where_nothing_is_similar(town: Town, plain: DuplicateRule) -> None:
    viewer, here = scope_of(town.people.leader.id, NOW), Here(town.cell.id, *inside(town.cell))

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            similar_issues(category_id=town.categories.noise.id, here=here, at=LATER, viewer=viewer)
        return len(queries)

    cost()  # warms what is kept in memory
    assert cost() == 1
    for east in range(8):
        seen_at(town, east)
    assert cost() == 2


@pytest.mark.parametrize(("who", "sees"), [("member", True), ("other_leader", False)])
def test_the_api_says_what_is_similar(
    town: Town, plain: DuplicateRule, monkeypatch: pytest.MonkeyPatch, who: str, sees: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: LATER)
    issue = seen_at(town, 20)
    lon, lat = inside(town.cell)
    asking = client(getattr(town.people, who))
    what = {"category": town.categories.noise.code}
    (found,) = asking.get(f"{URL}similar/", {**what, "lon": str(lon), "lat": str(lat)}).json()
    assert found["distance_m"] == 20
    assert (found["state"], found["is_same_cell"]) == ("collected", True)
    assert (found["number"], found["text"]) == ((issue.number, "夜里施工") if sees else (None, None))
    by_cell = asking.get(f"{URL}similar/", {**what, "cell": town.cell.code}).json()
    assert [one["distance_m"] for one in by_cell] == [None]


@pytest.mark.parametrize("query", [{}, {"category": "999999", "lon": 113.0, "lat": 34.0}, {"category": "NOISE"}])
def test_the_api_refuses_what_it_cannot_place(town: Town, query: dict[str, Any]) -> None:
    asked: dict[str, Any] = {
        key: town.categories.noise.code if value == "NOISE" else value for key, value in query.items()
    }
    answer = client(town.people.member).get(f"{URL}similar/", asked)
    assert answer.status_code == 400
