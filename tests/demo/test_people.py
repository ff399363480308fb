"""The people plan: 45,388 of them, every cell led or knowingly vacant."""

from collections import Counter

import pytest

from apps.demo.people import Roster, count_vacant, plan_people
from apps.demo.plan import LEVEL2, LEVEL3, CityPlan, plan_city


@pytest.fixture(scope="module")
def full_city() -> CityPlan:
    return plan_city()


@pytest.fixture(scope="module")
def roster(full_city: CityPlan) -> Roster:
    return plan_people(full_city)


def test_the_full_city_employs_exactly_45388_people(roster: Roster) -> None:
    assert len(roster.people) == 45_388
    assert {post.person for post in roster.posts} == set(range(45_388))


def test_staff_numbers_and_phones_are_unique_and_the_phones_cannot_ring(roster: Roster) -> None:
    assert len({person.username for person in roster.people}) == 45_388
    assert len({person.phone for person in roster.people}) == 45_388
    assert all(person.phone.startswith("100") and len(person.phone) == 11 for person in roster.people)


def test_nobody_shares_the_lead_of_a_cell(roster: Roster) -> None:
    current = Counter(
        (post.role, post.cell)
        for post in roster.posts
        if post.role in {"leader", "first"} and not post.until_days and not post.is_stand_in
    )
    assert max(current.values()) == 1


def test_about_one_cell_in_a_hundred_is_vacant_and_half_of_those_are_covered(
    full_city: CityPlan, roster: Roster
) -> None:
    vacant = count_vacant(full_city, roster)
    assert 100 < vacant < 320
    covered = sum(post.is_stand_in for post in roster.posts)
    assert 0.3 * vacant < covered < 0.7 * vacant


def test_former_leaders_left_before_the_present_ones_came(roster: Roster) -> None:
    present = {
        post.cell: post
        for post in roster.posts
        if post.role == "leader" and not post.until_days and not post.is_stand_in
    }
    former = [post for post in roster.posts if post.until_days]
    assert len(former) > 100
    for post in former:
        assert post.since_days > post.until_days == present[post.cell].since_days


def test_seconded_staff_hold_one_department_and_several_communities(full_city: CityPlan, roster: Roster) -> None:
    cells: dict[int, set[int]] = {}
    for post in roster.posts:
        if post.role == "handler" and full_city.cells[post.cell].tier == LEVEL2:
            cells.setdefault(post.person, set()).add(post.cell)
    assert len(cells) > 1_000
    assert sum(len(own) > 1 for own in cells.values()) > 0.9 * len(cells)


def test_every_district_has_every_desk_and_department(full_city: CityPlan, roster: Roster) -> None:
    held = {(post.role, post.cell) for post in roster.posts}
    kinds = {department.kind for department in roster.departments}
    for district in full_city.of_tier(1):
        assert {(role, district) for role in ("leader", "dispatcher", "duty_chief", "clerk", "inspector")} <= held
        assert {department.kind for department in roster.departments if department.cell == district} == kinds
    staffed = {post.department for post in roster.posts if post.role == "handler"}
    assert staffed == set(range(len(roster.departments)))


def test_a_small_city_has_the_same_desks_and_the_ninth_cell_has_a_member() -> None:
    plan = plan_city(scale=0.02)
    roster = plan_people(plan)
    ninth = plan.find("园田社区第九网格", "花园路街道")
    assert roster.holder("leader", ninth) != roster.holder("member", ninth)
    jinshui = plan.find("金水区")
    assert roster.holder("dispatcher", jinshui)
    assert roster.departments[roster.department("chengguan", jinshui)].name == "金水区城管局"


def test_planning_people_twice_gives_the_same_people() -> None:
    plan = plan_city(scale=0.02)
    assert plan_people(plan) == plan_people(plan)
    assert plan.cells[plan.of_tier(LEVEL3)[0]].kind
