"""A cell is closed while issues know it: nothing open may be left in its hands, and the past names it for ever."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from apps.grids.models import Grid
from apps.grids.refusals import StillTied
from apps.grids.selectors.checks import check_coverage
from apps.grids.services import close_cell, move_cell
from apps.issues.models import Issue, State
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.queue import Filters, count_open
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.staff.models import Role, User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, end_posts, inside, post
from tests.issues.reports import filed, fresh

LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _english() -> object:
    with translation.override("en"):
        yield


def without_posts(cell: Grid, *roles: Role) -> None:
    for role in roles or (Role.LEADER, Role.MEMBER):
        end_posts(cell, role)


def close(town: Town) -> Grid:
    return close_cell(cell_id=town.cell.id, heir_id=town.next_cell.id, now=LATER)


def move(issue: Issue, name: str, actor: User, **fields: Any) -> None:
    words = MoveFields(text="请处理", **fields)
    make_move(move=name, issue_id=issue.id, version=fresh(issue).version, actor=actor, fields=words, now=LATER)


def test_a_cell_that_holds_an_open_issue_is_closed_only_when_it_has_handed_it_on(town: Town) -> None:
    without_posts(town.cell)
    issue = filed(town, town.categories.rubbish)
    with pytest.raises(StillTied, match=r"Open issues in its hands: 1; .*first\.$"):
        close(town)
    assert Grid.objects.get(id=town.cell.id).valid_to is None

    route_waiting(now=LATER)
    assert fresh(issue).holder_grid == town.district
    close(town)
    assert check_coverage().faults == []


def test_the_superior_empties_a_cell_in_which_nobody_acts(town: Town) -> None:
    issue = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    without_posts(town.cell)
    post(town.people.leader, town.next_cell, Role.MEMBER)
    holder = fresh(issue).holder_grid
    assert holder == town.cell
    with pytest.raises(StillTied, match="in its hands: 1"):
        close(town)
    move(issue, "report_up", town.people.community_leader)
    assert fresh(issue).holder_grid == town.community
    close(town)


def test_a_report_from_the_old_ground_lands_in_the_heir_and_the_old_one_keeps_its_cell(town: Town) -> None:
    old = filed(town, town.categories.rubbish)
    route_waiting(now=LATER)
    without_posts(town.cell)
    lon, lat = inside(town.cell)
    close(town)
    what = Report(category_id=town.categories.noise.id, lon=lon, lat=lat)
    new = file_report(reporter=town.people.next_leader, report=what, now=LATER).issue
    assert new.grid == town.next_cell
    assert fresh(old).grid == town.cell
    assert old.events.filter(holder_grid=town.cell).exists()
    assert check_coverage().faults == []
    assert check_invariants(now=LATER).findings == []


def test_a_cell_to_which_a_result_comes_back_is_not_closed(town: Town) -> None:
    issue = filed(town, town.categories.lamp)
    route_waiting(now=LATER)
    assert fresh(issue).holder_grid == town.community
    move(issue, "sign", town.people.community_leader)
    move(issue, "assign", town.people.community_leader, to_grid_id=town.cell.id)
    assert fresh(issue).state == State.ASSIGNED
    for cell in (town.cell, town.next_cell):
        move_cell(cell_id=cell.id, parent_id=town.other_community.id, now=LATER)
    without_posts(town.community)
    with pytest.raises(StillTied, match=r"cannot be closed yet\. Open issues whose result comes back to it: 1;"):
        close_cell(cell_id=town.community.id, heir_id=town.other_community.id, now=LATER)

    Issue.objects.filter(id=issue.id).update(closed_at=LATER)
    assert close_cell(cell_id=town.community.id, heir_id=town.other_community.id, now=LATER).valid_to is not None


def test_what_is_returned_to_a_closed_cell_is_among_the_tasks_of_the_one_above(town: Town) -> None:
    issue = filed(town, town.categories.lamp)
    route_waiting(now=LATER)
    without_posts(town.cell)
    close(town)
    leader = town.people.community_leader
    move(issue, "return", leader)
    assert fresh(issue).holder_grid == town.cell
    assert count_open(scope_of(leader.id, LATER), Filters(mine=True), at=LATER) == 1
    move(issue, "report_up", leader)
    assert fresh(issue).holder_grid == town.community
