"""Who acts for a cell or a department at a moment, who stands in, and what is vacant."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.grids.models import Grid
from apps.staff.models import Post, Role, User
from apps.staff.selectors import (
    acting_post_for_cell,
    acting_post_for_department,
    covered_cells,
    handlers_for,
    handlers_of,
    leader_of,
    people_of_cell,
    scope_of,
    vacant_cells,
)
from tests.factories import NOW, Town, end_posts, post, user


def acting(town: Town, grid: Grid) -> set[str]:
    """The names of who acts for the cell."""
    ids = people_of_cell([grid.id], NOW)[grid.id]
    return set(User.objects.filter(id__in=ids).values_list("name", flat=True))


def test_leaders_act_for_cells_and_platform_people_for_platforms(town: Town) -> None:
    assert acting(town, town.cell) == {"王长顺"}
    assert acting(town, town.community) == {"周园田"}
    assert acting(town, town.street) == {"郑花园", "钱受理"}
    assert acting(town, town.district) == {"陈派遣", "卫派遣", "蒋值班"}
    assert acting(town, town.city) == {"杨市台"}


def test_for_a_vacant_cell_the_nearest_superior_with_people_acts(town: Town) -> None:
    assert acting(town, town.quiet_cell) == acting(town, town.district)
    end_posts(town.cell, Role.LEADER)
    assert acting(town, town.cell) == {"周园田"}
    end_posts(town.community, Role.LEADER)
    assert acting(town, town.cell) == {"郑花园", "钱受理"}


def test_a_stand_in_acts_while_it_is_valid(town: Town) -> None:
    deputy = user("代班")
    post(deputy, town.cell, Role.LEADER, since=NOW.date(), until=NOW.date() + timedelta(days=1), is_stand_in=True)
    assert acting(town, town.cell) == {"王长顺", "代班"}
    later = NOW + timedelta(days=1)
    assert deputy.id not in people_of_cell([town.cell.id], later)[town.cell.id]


def test_members_viewers_and_first_responsible_people_do_not_act(town: Town) -> None:
    for role in (Role.FIRST, Role.MEMBER, Role.VIEWER, Role.INSPECTOR):
        post(user(role), town.next_cell, role)
    assert acting(town, town.next_cell) == {"赵邻居"}


def test_who_has_left_acts_no_more(town: Town) -> None:
    User.objects.filter(pk=town.people.leader.pk).update(is_active=False)
    assert acting(town, town.cell) == {"周园田"}
    assert leader_of(town.cell.id, NOW) is None


def test_a_cell_has_one_leader_or_none(town: Town) -> None:
    assert leader_of(town.cell.id, NOW) == town.people.leader.id
    assert leader_of(town.quiet_cell.id, NOW) is None
    assert vacant_cells([town.cell.id, town.quiet_cell.id, town.other_street.id, town.city.id], NOW) == {
        town.quiet_cell.id,
        town.other_street.id,
    }


def test_people_of_many_cells_take_one_query(town: Town) -> None:
    cells = [town.cell.id, town.quiet_cell.id, town.far_cell.id, town.street.id]
    people_of_cell(cells, NOW)
    with CaptureQueriesContext(connection) as queries:
        people_of_cell(cells, NOW)
    assert len(queries) == 1


def test_a_person_covers_own_cells_and_vacant_ones_below(town: Town) -> None:
    def covered(person: User) -> set[int]:
        return set(covered_cells(scope_of(person.id, NOW), NOW))

    assert covered(town.people.leader) == {town.cell.id}
    assert covered(town.people.member) == covered(town.people.viewer) == set()
    assert covered(town.people.community_leader) == {town.community.id}
    end_posts(town.cell, Role.LEADER)
    assert covered(town.people.community_leader) == {town.community.id, town.cell.id}
    quiet = {town.other_street.id, town.quiet_community.id, town.quiet_cell.id}
    assert covered(town.people.dispatcher) == {town.district.id} | quiet


def test_departments_have_their_handlers(town: Town) -> None:
    chengguan, gongshang = town.departments.chengguan.id, town.departments.gongshang.id
    handlers = handlers_of([chengguan, gongshang, town.departments.city_chengguan.id], NOW)
    assert handlers.for_cell(chengguan, town.cell.id) == [town.people.handler.id, town.people.second_handler.id]
    assert handlers.for_cell(gongshang, town.cell.id) == [town.people.other_handler.id]
    assert handlers.for_cell(chengguan, town.far_cell.id) == []
    assert handlers.for_cell(town.departments.city_chengguan.id, town.cell.id) == []


def test_a_handler_covers_the_cells_of_the_post(town: Town) -> None:
    seconded = user("下沉")
    post(seconded, town.other_street, Role.HANDLER, department=town.departments.gongshang)
    end_posts(town.district, Role.HANDLER)
    gongshang = town.departments.gongshang.id
    assert handlers_for(gongshang, town.quiet_cell.id, NOW) == [seconded.id]
    assert handlers_for(gongshang, town.cell.id, NOW) == []
    scope = scope_of(seconded.id, NOW)
    assert acting_post_for_department(scope, gongshang, town.quiet_cell.id) is not None
    assert acting_post_for_department(scope, gongshang, town.cell.id) is None
    assert acting_post_for_department(scope, town.departments.chengguan.id, town.quiet_cell.id) is None


@pytest.mark.parametrize(("who", "may"), [("leader", True), ("member", False), ("community_leader", False)])
def test_a_superior_does_not_act_over_a_leaders_head(town: Town, who: str, may: bool) -> None:
    scope = scope_of(getattr(town.people, who).id, NOW)
    assert (acting_post_for_cell(scope, town.cell.id, NOW) is not None) is may


def test_who_holds_a_post_in_the_cell_is_found_without_a_query(town: Town) -> None:
    scope = scope_of(town.people.dispatcher.id, NOW)
    with CaptureQueriesContext(connection) as queries:
        assert acting_post_for_cell(scope, town.district.id, NOW) is not None
    assert len(queries) == 0


def test_a_scope_knows_cells_departments_and_the_city(town: Town) -> None:
    leader = scope_of(town.people.leader.id, NOW)
    assert (leader.read_cells, leader.departments, leader.is_city_wide) == ((town.cell.id,), (), False)
    handler = scope_of(town.people.handler.id, NOW)
    assert handler.read_cells == ()
    assert handler.departments == ((town.departments.chengguan.id, town.district.id),)
    assert scope_of(town.people.inspector.id, NOW).is_city_wide
    assert scope_of(town.people.former_dispatcher.id, NOW).posts == ()
    assert scope_of(0, NOW).posts == ()


@pytest.mark.django_db
def test_no_index_of_posts_is_on_their_days_alone() -> None:
    """Nearly every post is valid today. A prepared statement is planned without knowing the day, as if few were: with
    such an index PostgreSQL went through all posts of the city at every move, for eight milliseconds instead of 0.1.
    """
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, Post._meta.db_table)
    assert ["valid"] not in [found["columns"] for found in constraints.values() if found["index"]]
    assert ["department_id", "role"] in [found["columns"] for found in constraints.values() if found["index"]]
