"""Giving and ending posts, by service and by the admin."""

from datetime import date, timedelta

import pytest
from django.test import Client

from apps.grids.models import Grid
from apps.staff.models import Post, Role
from apps.staff.selectors import leader_of
from apps.staff.services.posts import (
    Appointment,
    CellClosed,
    DepartmentMissing,
    EndsBeforeItBegins,
    PostTaken,
    appoint,
    end_post,
)
from tests.factories import NOW, SINCE, Town, user

TODAY = NOW.date()


def test_a_vacant_cell_gets_a_leader(town: Town) -> None:
    person = user("新人")
    appoint(appointment=Appointment(person, town.quiet_cell, Role.LEADER, TODAY))
    assert leader_of(town.quiet_cell.id, NOW) == person.id


def test_a_second_leader_at_the_same_time_is_refused_with_the_name_of_the_first(town: Town) -> None:
    with pytest.raises(PostTaken) as refused:
        appoint(appointment=Appointment(user("新人"), town.cell, Role.LEADER, TODAY))
    assert "王长顺" in str(refused.value)


def test_a_leader_follows_when_the_first_has_ended(town: Town) -> None:
    end_post(post=Post.objects.get(grid=town.cell, role=Role.LEADER), on=TODAY)
    person = user("新人")
    appoint(appointment=Appointment(person, town.cell, Role.LEADER, TODAY))
    assert leader_of(town.cell.id, NOW) == person.id
    assert leader_of(town.cell.id, NOW.replace(day=17)) == town.people.leader.id


def test_a_stand_in_may_come_beside_the_leader(town: Town) -> None:
    appoint(appointment=Appointment(user("代班"), town.cell, Role.LEADER, TODAY, is_stand_in=True))


def test_posts_that_cannot_be_are_refused(town: Town) -> None:
    with pytest.raises(EndsBeforeItBegins):
        appoint(appointment=Appointment(user("新人"), town.cell, Role.MEMBER, TODAY, until=TODAY))
    with pytest.raises(DepartmentMissing):
        appoint(appointment=Appointment(user("新人"), town.district, Role.HANDLER, TODAY))
    with pytest.raises(EndsBeforeItBegins):
        end_post(post=Post.objects.get(grid=town.cell, role=Role.LEADER), on=date(2012, 1, 1))


@pytest.fixture
def browser(town: Town) -> Client:
    """The administrator, in English."""
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(town.people.admin)
    return client


@pytest.mark.parametrize(
    "path",
    [
        *("staff/user", "staff/department", "staff/post"),
        *("issues/category", "issues/power", "issues/routingrule", "issues/tierlimit"),
        *("issues/calendarday", "issues/workingperiod", "issues/issue"),
    ],
)
def test_every_list_of_the_admin_opens(browser: Client, path: str) -> None:
    assert browser.get(f"/admin/{path}/").status_code == 200
    assert browser.get(f"/admin/{path}/?q=x").status_code in (200, 302)


@pytest.mark.parametrize("path", ["staff/department", "staff/post", "issues/routingrule", "issues/workingperiod"])
def test_no_form_of_the_admin_lists_all_cells_or_people(browser: Client, town: Town, path: str) -> None:
    page = browser.get(f"/admin/{path}/add/").content.decode()
    assert "admin-autocomplete" in page
    assert "西福民社区第一网格" not in page and "王长顺" not in page


def test_the_admin_says_who_holds_the_post(browser: Client, town: Town) -> None:
    sent = {
        "user": user("新人").id,
        "grid": town.cell.id,
        "role": "leader",
        "department": "",
        "valid_0": "2026-11-18",
        "valid_1": "",
    }
    page = browser.post("/admin/staff/post/add/", sent).content.decode()
    assert "王长顺 holds this post in 园田社区第九网格" in page
    assert "Constraint" not in page
    answer = browser.post("/admin/staff/post/add/", sent | {"grid": town.quiet_cell.id})
    assert answer.status_code == 302
    assert Post.objects.filter(grid=town.quiet_cell, role="leader").exists()


def test_the_admin_wants_a_first_day_and_a_department_for_a_handler(browser: Client, town: Town) -> None:
    sent = {"user": user("新人").id, "grid": town.district.id, "role": "handler", "valid_0": "", "valid_1": ""}
    page = browser.post("/admin/staff/post/add/", sent | {"valid_1": "2026-11-18"}).content.decode()
    assert "Say from which day." in page and "A handler needs a department." in page
    assert "Constraint" not in page
    assert not Post.objects.filter(user__name="新人").exists()
    department = town.departments.gongshang.id
    answer = browser.post("/admin/staff/post/add/", sent | {"valid_0": "2026-11-18", "department": department})
    assert answer.status_code == 302
    assert Post.objects.get(user__name="新人").department == town.departments.gongshang


def test_the_admin_ends_posts_instead_of_deleting_them(browser: Client, town: Town) -> None:
    held = Post.objects.get(grid=town.cell, role=Role.LEADER)
    browser.post("/admin/staff/post/", {"action": "end_today", "_selected_action": [held.id]})
    held.refresh_from_db()
    assert held.valid.upper is not None
    assert browser.post(f"/admin/staff/post/{held.id}/delete/").status_code == 403


def test_a_person_is_added_and_found_by_initials(browser: Client, town: Town) -> None:
    sent = {
        "username": "g99999",
        "name": "新网格长",
        "phone": "",
        "usable_password": "true",
        "password1": "Jin-Shui-2013-hao",
        "password2": "Jin-Shui-2013-hao",
    }
    assert browser.post("/admin/staff/user/add/", sent).status_code == 302
    page = browser.get("/admin/staff/user/", {"q": "新网格长"}).content.decode()
    assert "g99999" in page
    assert browser.get(f"/admin/staff/user/{town.people.leader.id}/change/").status_code == 200


def test_no_post_outlasts_its_cell(town: Town) -> None:
    Grid.objects.filter(id=town.cell.id).update(valid_to=TODAY)
    closed, person = Grid.objects.get(id=town.cell.id), user("新人")
    for until in (None, TODAY + timedelta(days=1)):
        with pytest.raises(CellClosed, match=closed.name):
            appoint(appointment=Appointment(person, closed, Role.MEMBER, SINCE, until=until))
    assert appoint(appointment=Appointment(person, closed, Role.MEMBER, SINCE, until=TODAY)).valid.upper == TODAY


def test_a_post_in_a_closed_cell_is_refused_at_its_form(town: Town) -> None:
    Grid.objects.filter(id=town.cell.id).update(valid_to=TODAY)
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(town.people.admin)
    values = {"user": town.people.stranger.id, "grid": town.cell.id, "role": Role.MEMBER, "valid_0": TODAY}
    answer = client.post("/admin/staff/post/add/", values)
    assert list(answer.context["adminform"].form.errors) == ["grid"]
    assert not Post.objects.filter(user=town.people.stranger).exists()
