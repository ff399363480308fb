"""A cell is closed: its ground, its lineage, and what keeps it from closing."""

from datetime import date, timedelta
from decimal import Decimal
from http import HTTPStatus

import pytest
import shapely
from django.test import Client
from django.utils import timezone, translation
from psycopg2.extras import DateRange

from apps.common import clock
from apps.grids.models import Boundary, Grid, Lineage
from apps.grids.refusals import EndsTooEarly, HasChildren, HeirHasCells, NeedsHeir, NoSuchCell, NotBeside, TreeRefused
from apps.grids.selectors import locate
from apps.grids.selectors.checks import check_coverage, check_tree
from apps.grids.selectors.versions import boundary_version
from apps.grids.services import close_cell, create_cell, move_cell, set_boundary
from apps.staff.models import Department, Post, Role
from apps.staff.services.posts import end_post
from tests.factories import post, user
from tests.grids.places import NOW, cell, middle, strip, striped_city

TREE = "/admin/grids/grid/"
GONE, HEIR = "410102001001001", "410102001001002"


@pytest.fixture(autouse=True)
def _city(db: None) -> object:
    striped_city()
    with translation.override("en"):
        yield


@pytest.fixture
def admin_client() -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(user("张管理", is_staff=True, is_superuser=True, language="en"))
    return client


def today() -> date:
    return timezone.localdate(clock.now())


def close_at_form(client: Client, code: str = GONE, **changed: object) -> str:
    """What the page says; empty when it was saved."""
    old = cell(code)
    values = {"name": old.name, "parent": old.parent_id or "", "valid_to": today(), "heir": cell(HEIR).id} | changed
    answer = client.post(f"{TREE}{old.id}/change/", values)
    return "" if answer.status_code == HTTPStatus.FOUND else answer.content.decode()


def close(code: str, heir: str | None) -> Grid:
    return close_cell(cell_id=cell(code).id, heir_id=cell(heir).id if heir else None, now=NOW)


def test_a_cell_closed_at_its_form_leaves_its_ground_to_the_one_beside_it(admin_client: Client) -> None:
    gone, heir = cell(GONE), cell(HEIR)
    old_outline, version = bytes(gone.boundary.wkb), boundary_version()
    assert locate(*middle(0)).id == gone.id

    assert close_at_form(admin_client) == ""

    assert Grid.objects.get(code=GONE).valid_to == today()
    assert locate(*middle(0)).id == locate(*middle(1)).id == heir.id
    assert check_tree().faults == check_coverage().faults == []
    assert shapely.from_wkb(bytes(heir.boundary.wkb)).equals(strip(0, 2))
    assert bytes(Boundary.objects.get(grid=gone).wkb) == old_outline
    assert boundary_version() > version
    trace = Lineage.objects.get()
    assert (trace.old, trace.new, trace.kind, trace.share) == (gone, heir, Lineage.Kind.MERGE, Decimal(1))


def test_a_closed_cell_stays_as_it_is_and_names_its_heir(admin_client: Client) -> None:
    gone = cell(GONE)
    close_at_form(admin_client)
    address = f"{TREE}{gone.id}/change/"
    page = admin_client.get(address).content.decode()
    assert '<input type="text" name="name"' not in page
    assert cell(HEIR).name in page
    answer = admin_client.post(address, {"name": "别的", "valid_to": today(), "heir": cell(HEIR).id})
    assert "There is no such cell, or it has been closed." in answer.content.decode()
    assert Lineage.objects.count() == 1


def test_only_cells_beside_it_are_offered(admin_client: Client) -> None:
    page = admin_client.get(f"{TREE}{cell(GONE).id}/change/").content.decode()
    assert f'<option value="{cell(HEIR).id}">' in page
    assert f'<option value="{cell(GONE).id}">' not in page
    assert f'<option value="{cell("410102001002001").id}">' not in page
    assert "Closing counts from today" in page


@pytest.mark.parametrize("days", [-30, -1, 1, 30, None])
def test_closing_counts_from_today_and_from_no_other_day(admin_client: Client, days: int | None) -> None:
    asked = "" if days is None else today() + timedelta(days=days)
    assert f"A cell is closed from today on: write {today()} as its end" in close_at_form(admin_client, valid_to=asked)
    assert cell(GONE).valid_to is None


def test_drawn_ground_needs_an_heir(admin_client: Client) -> None:
    assert "Choose as which cell 网格0000 goes on" in close_at_form(admin_client, heir="")
    with pytest.raises(NeedsHeir):
        close(GONE, None)
    assert check_coverage().faults == []


def test_a_cell_without_ground_needs_none() -> None:
    Boundary.objects.get(grid=cell(GONE)).delete()
    assert close(GONE, None).valid_to == timezone.localdate(NOW)
    assert not Lineage.objects.exists()


def test_an_heir_that_was_not_drawn_gets_the_ground_as_its_own() -> None:
    made = create_cell(
        code="410102001001600", name="新", tier=4, parent_id=cell("410102001001").id, valid_from=date(2026, 1, 1)
    )
    close(GONE, made.code)
    assert locate(*middle(0)).id == made.id
    assert check_coverage().faults == []


@pytest.mark.parametrize("heir", [GONE, "410102001002001", "410102001002", "410103001001001"])
def test_the_heir_stands_beside_the_cell(heir: str) -> None:
    with pytest.raises(NotBeside):
        close(GONE, heir)


def test_a_closed_cell_inherits_nothing() -> None:
    heir = cell(HEIR)
    close(HEIR, GONE)
    with pytest.raises(NoSuchCell):
        close_cell(cell_id=cell(GONE).id, heir_id=heir.id, now=NOW)


def test_an_heir_divided_into_cells_is_refused_until_one_of_them_holds_the_ground() -> None:
    gone, heir = cell("410102001001"), cell("410102001002")
    Boundary.objects.filter(grid__parent=gone).delete()
    for code in (GONE, HEIR):
        move_cell(cell_id=cell(code).id, parent_id=heir.id, now=NOW)
    assert check_coverage().faults == []
    with pytest.raises(HeirHasCells):
        close(gone.code, heir.code)

    made = create_cell(code="410102001001600", name="新", tier=4, parent_id=gone.id, valid_from=date(2026, 1, 1))
    set_boundary(cell_id=made.id, polygon=strip(0, 2), now=NOW)
    move_cell(cell_id=made.id, parent_id=heir.id, now=NOW)
    close(gone.code, heir.code)
    assert locate(*middle(0)).id == made.id
    assert check_coverage().faults == []


@pytest.mark.parametrize("code", ["410102001001", "410102", "4101"])
def test_a_cell_with_cells_below_it_cannot_be_closed(admin_client: Client, code: str) -> None:
    with pytest.raises(HasChildren):
        close(code, None)
    assert "still has cells below it (2)." in close_at_form(admin_client, code, heir="")


def test_communities_are_merged_cell_by_cell() -> None:
    for code in (GONE, HEIR):
        move_cell(cell_id=cell(code).id, parent_id=cell("410102001002").id, now=NOW)
    close("410102001001", "410102001002")
    assert locate(*middle(0)).superior_id == cell("410102001002").id
    assert check_tree().faults == check_coverage().faults == []


def test_a_cell_lives_at_least_a_day() -> None:
    Grid.objects.filter(code=GONE).update(valid_from=timezone.localdate(NOW))
    with pytest.raises(EndsTooEarly):
        close(GONE, HEIR)


def test_posts_that_have_not_ended_keep_a_cell_open_and_can_be_ended(admin_client: Client) -> None:
    person = user("李网格")
    held = post(person, cell(GONE), Role.MEMBER)
    to_come = post(person, cell(GONE), Role.LEADER)
    Post.objects.filter(id=to_come.id).update(valid=DateRange(today() + timedelta(days=9), None))
    page = close_at_form(admin_client)
    assert "网格0000 cannot be closed yet. Posts there that have not ended: 2 (李网格, 李网格);" in page
    assert cell(GONE).valid_to is None

    Post.objects.filter(id=to_come.id).update(grid=cell(HEIR))
    admin_client.post("/admin/staff/post/", {"action": "end_today", "_selected_action": [held.id]})
    post(person, cell(HEIR), Role.MEMBER)
    assert close_at_form(admin_client) == ""
    assert Post.objects.get(id=held.id).grid == Grid.objects.get(code=GONE)


def test_a_post_that_ends_tomorrow_still_counts_and_one_that_ended_does_not() -> None:
    held = post(user("李网格"), cell(GONE), Role.MEMBER)
    held.refresh_from_db()
    end_post(post=held, on=timezone.localdate(NOW) + timedelta(days=1))
    with pytest.raises(TreeRefused, match="have not ended: 1"):
        close(GONE, HEIR)
    end_post(post=held, on=timezone.localdate(NOW))
    assert close(GONE, HEIR).valid_to == timezone.localdate(NOW)


def test_departments_keep_a_cell_open() -> None:
    Department.objects.create(code="x", kind="chengguan", name="城管", grid=cell(GONE))
    with pytest.raises(TreeRefused, match="Departments that belong to it: 1"):
        close(GONE, HEIR)
