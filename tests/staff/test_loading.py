"""People, departments and posts in bulk."""

from dataclasses import replace
from datetime import date

import pytest
from django.db import IntegrityError, transaction

from apps.staff.models import Department, Post, Role, User
from apps.staff.services.loading import DepartmentRow, PersonRow, PostRow, load_staff
from tests.factories import NOW, Town

pytestmark = pytest.mark.django_db
SINCE = date(2020, 1, 1)


def person(username: str = "41010590001", name: str = "李国强") -> PersonRow:
    return PersonRow(username, name, "10000000001")


def department(town: Town) -> DepartmentRow:
    return DepartmentRow("410105-shuiwu", "shuiwu", "金水区水务局", "Jinshui Water Bureau", town.district.code)


def test_people_departments_and_posts_arrive_together(town: Town) -> None:
    posts = [
        PostRow("41010590001", town.community.code, Role.HANDLER, SINCE, department_code="410105-shuiwu"),
        PostRow("41010590001", town.other_community.code, Role.HANDLER, SINCE, department_code="410105-shuiwu"),
        PostRow("41010590001", town.quiet_cell.code, Role.LEADER, SINCE, date(2021, 1, 1), is_stand_in=True),
    ]
    load_staff(people=[person()], departments=[department(town)], posts=posts, now=NOW)
    loaded = User.objects.get(username="41010590001")
    assert (loaded.name, loaded.pinyin, loaded.phone) == ("李国强", "lgq", "10000000001")
    assert not loaded.has_usable_password()
    assert not loaded.is_staff
    held = Post.objects.filter(user=loaded)
    assert set(held.filter(department__kind="shuiwu").values_list("grid__name", flat=True)) == {"园田社区", "通信社区"}
    stand_in = held.get(role=Role.LEADER)
    assert stand_in.is_stand_in
    assert (stand_in.valid.lower, stand_in.valid.upper) == (SINCE, date(2021, 1, 1))


def test_posts_may_name_people_and_departments_that_exist_already(town: Town) -> None:
    known = town.people.handler
    row = PostRow(
        known.username, town.street.code, Role.HANDLER, SINCE, department_code=town.departments.chengguan.code
    )
    load_staff(people=[], departments=[], posts=[row], now=NOW)
    assert Post.objects.filter(user=known, grid=town.street, department=town.departments.chengguan).exists()


def test_names_with_tabs_and_backslashes_arrive_unharmed(town: Town) -> None:
    load_staff(people=[person(name="a\tb\\N\nc")], departments=[], posts=[], now=NOW)
    assert User.objects.get(username="41010590001").name == "a\tb\\N\nc"


@pytest.mark.parametrize(
    "change",
    [
        {"username": "nobody"},
        {"grid_code": "999999999999999"},
        {"department_code": "no-such"},
        {"role": Role.HANDLER},  # without a department
        {"role": Role.LEADER},  # the cell has one already
    ],
)
def test_a_bad_post_is_refused_and_nothing_stays(town: Town, change: dict[str, str]) -> None:
    row = replace(PostRow("41010590001", town.cell.code, Role.MEMBER, SINCE), **change)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError), transaction.atomic():
        load_staff(people=[person()], departments=[department(town)], posts=[row], now=NOW)
        _check_now()
    assert not User.objects.filter(username="41010590001").exists()
    assert not Department.objects.filter(kind="shuiwu").exists()


def test_a_staff_number_that_is_taken_is_refused(town: Town) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        load_staff(people=[person(town.people.leader.username)], departments=[], posts=[], now=NOW)


def _check_now() -> None:
    """Foreign keys are checked at the commit; a test's transaction never commits."""
    from django.db import connection

    connection.check_constraints()
