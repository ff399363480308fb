"""The tree in the admin: lazily loaded, written under the lock, refused in sentences."""

import json
import threading
from datetime import date
from http import HTTPStatus

import pytest
import shapely
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries
from shapely import box

from apps.grids.models import Boundary, Grid, Lineage
from apps.grids.selectors.checks import check_coverage, check_tree
from apps.grids.services import rename_cell
from apps.staff.models import Role
from tests.factories import post, user
from tests.grids.places import SOUTH, STEP, WEST, cell, striped_city

TREE = "/admin/grids/grid/"


@pytest.fixture(autouse=True)
def _english() -> object:
    with translation.override("en"):
        yield


def signed_in() -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(user("张管理", is_staff=True, is_superuser=True, language="en"))
    return client


@pytest.fixture
def admin_client(db: None) -> Client:
    striped_city()
    return signed_in()


def move(client: Client, code: str, target: str, position: str = "inside") -> object:
    return client.post(f"{TREE}{cell(code).id}/move/", {"target_id": cell(target).id, "position": position})


def names(answer: object) -> list[str]:
    return [node["name"] for node in answer.json()]  # type: ignore[attr-defined]


def test_the_tree_comes_branch_by_branch(admin_client: Client) -> None:
    assert admin_client.get(TREE).status_code == HTTPStatus.OK
    roots = admin_client.get(f"{TREE}tree_json/").json()
    assert [node["name"] for node in roots] == ["郑州市", "区0", "区1"]
    assert [child["name"] for child in roots[1]["children"]] == ["街道00", "街道01"]
    assert "children" not in roots[1]["children"][0]
    assert names(admin_client.get(f"{TREE}tree_json/?node={cell('410102001').id}")) == ["社区000", "社区001"]


def test_the_tree_costs_the_same_queries_however_large_it_is(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    admin_client.get(f"{TREE}tree_json/")
    with django_assert_max_num_queries(6):
        admin_client.get(f"{TREE}tree_json/")
    with django_assert_max_num_queries(9):
        admin_client.get(f"{TREE}tree_json/?node={cell('410102').id}")
    with django_assert_max_num_queries(8):
        admin_client.get(f"{TREE}grid/")


@pytest.mark.parametrize("words", ["花园路", "4101020010", "hylj"])
def test_a_cell_is_found_by_name_code_and_initials(admin_client: Client, words: str) -> None:
    rename_cell(cell_id=cell("410102001").id, name="花园路街道")
    assert "花园路街道" in admin_client.get(f"{TREE}grid/", {"q": words}).content.decode()


def test_the_list_shows_cells_in_use_until_one_asks_for_the_closed_ones(admin_client: Client) -> None:
    Grid.objects.filter(code="410102001001001").update(valid_to=date(2026, 1, 1))
    in_use = admin_client.get(f"{TREE}grid/").content.decode()
    assert "in use" in in_use
    assert "网格0000" not in in_use
    closed = admin_client.get(f"{TREE}grid/?closed=1").content.decode()
    assert "网格0000" in closed
    assert "网格0001" not in closed
    assert "changelist-filter" not in admin_client.get(TREE).content.decode()


def test_a_field_for_a_cell_offers_the_living_ones_only(admin_client: Client) -> None:
    Grid.objects.filter(code="410102001001001").update(valid_to=date(2026, 1, 1))
    asked = {"app_label": "grids", "model_name": "grid", "field_name": "parent", "term": "网格000"}
    answer = admin_client.get("/admin/autocomplete/", asked).json()
    assert [row["text"] for row in answer["results"]] == ["网格0001"]


def test_a_drag_moves_the_cell_with_its_ground(admin_client: Client) -> None:
    answer = move(admin_client, "410102001002", "410103001")
    assert answer.json() == {"success": True}  # type: ignore[attr-defined]
    assert cell("410102001002").parent == cell("410103001")
    assert Lineage.objects.count() == LogEntry.objects.count() == 1
    assert check_tree().faults == check_coverage().faults == []


def test_a_drag_beside_a_cell_means_its_parent(admin_client: Client) -> None:
    move(admin_client, "410102001002", "410103001001", "before")
    assert cell("410102001002").parent == cell("410103001")
    move(admin_client, "410102001002", "410103001002", "after")  # order among siblings is that of the codes
    assert Lineage.objects.count() == 1


def test_a_drag_to_the_wrong_tier_is_refused_in_a_sentence(admin_client: Client) -> None:
    answer = move(admin_client, "410102001002", "410103001001")
    assert answer.status_code == HTTPStatus.CONFLICT  # type: ignore[attr-defined]
    assert answer.json()["message"].startswith("社区001 (Level 2 (community, village)) cannot hang below")  # type: ignore[attr-defined]
    answer = move(admin_client, "410102001002", "410102", "after")
    assert answer.json()["message"].startswith("社区001 is a root")  # type: ignore[attr-defined]
    assert not Lineage.objects.exists()


@pytest.mark.parametrize("target", ["", "0", "x", "9" * 30])
def test_a_drag_to_nowhere_is_not_found(admin_client: Client, target: str) -> None:
    answer = admin_client.post(f"{TREE}{cell('410102001002').id}/move/", {"target_id": target, "position": "inside"})
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_who_may_not_change_cells_may_not_drag_them(db: None) -> None:
    striped_city()
    client = Client()
    client.force_login(user("李看看", is_staff=True))
    assert move(client, "410102001002", "410103001").status_code == HTTPStatus.FORBIDDEN  # type: ignore[attr-defined]
    client.logout()
    assert move(client, "410102001002", "410103001").status_code == HTTPStatus.FOUND  # type: ignore[attr-defined]
    assert not Lineage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_drags_by_three_people_at_once_leave_the_tree_right() -> None:
    striped_city(districts=2, fan=3)
    clients = [signed_in() for _ in range(3)]
    communities = list(Grid.objects.filter(tier=3).order_by("code").values_list("code", flat=True))
    streets = list(Grid.objects.filter(tier=2).order_by("code").values_list("code", flat=True))
    answers: list[int] = []

    def drag(number: int, client: Client) -> None:
        for step in range(6):
            code = communities[(step * 5 + number) % len(communities)]
            answer = move(client, code, streets[(step + number * 2) % len(streets)])
            answers.append(answer.status_code)  # type: ignore[attr-defined]
        connections.close_all()

    threads = [threading.Thread(target=drag, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [HTTPStatus.OK] * 18
    assert check_tree().faults == check_coverage().faults == []


def fields(**changed: object) -> dict[str, object]:
    return {
        "code": "410102001001600",
        "name": "新网格",
        "tier": 4,
        "parent": cell("410102001001").id,
        "valid_from": "2026-01-01",
    } | changed


def test_a_cell_is_added_in_its_place(admin_client: Client) -> None:
    answer = admin_client.post(f"{TREE}add/", fields())
    assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
    made = Grid.objects.get(code="410102001001600")
    assert (made.pinyin, made.parent) == ("xwg", cell("410102001001"))
    assert check_tree().faults == []
    assert LogEntry.objects.get().object_id == str(made.pk)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"code": "410102001001000"}, "410102001001000 is not a code of this tier"),
        ({"code": "410102001001001"}, "The code 410102001001001 belongs to 网格0000 already."),
        ({"tier": 3, "code": "410102001600000"}, "新网格 (Level 2 (community, village)) cannot hang below 社区000"),
        ({"parent": ""}, "新网格 (Level 3 (courtyard, village group)) cannot hang below –"),
        ({"code": "4101"}, "Fifteen digits."),
    ],
)
def test_a_cell_that_does_not_fit_is_refused_at_the_form(
    admin_client: Client, changed: dict[str, object], sentence: str
) -> None:
    answer = admin_client.post(f"{TREE}add/", fields(**changed))
    assert answer.status_code == HTTPStatus.OK
    assert sentence in answer.content.decode()
    assert Grid.objects.filter(name="新网格").count() == 0


def test_a_known_cell_is_renamed_and_moved_at_its_form(admin_client: Client) -> None:
    address = f"{TREE}{cell('410102001002').id}/change/"
    assert 'name="code"' not in admin_client.get(address).content.decode()
    answer = admin_client.post(address, {"name": "园田社区", "parent": cell("410103002").id})
    assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
    changed = cell("410102001002")
    assert (changed.name, changed.pinyin, changed.parent) == ("园田社区", "ytsq", cell("410103002"))
    assert check_tree().faults == check_coverage().faults == []


def test_a_cell_in_use_is_not_deleted_and_the_sentence_says_why(admin_client: Client) -> None:
    used = cell("410102001001001")
    post(user("李网格"), used, Role.MEMBER)
    answer = admin_client.post(f"{TREE}{used.id}/delete/", {"post": "yes"}, follow=True)
    assert "网格0000 cannot be deleted: it is used by 1 posts. Close it instead." in answer.content.decode()
    answer = admin_client.get(f"{TREE}{cell('410102001').id}/delete/", follow=True)
    assert "街道00 still has cells below it (2)." in answer.content.decode()
    answer = admin_client.get(f"{TREE}{cell('4101').id}/delete/", follow=True)
    assert "郑州市 still has cells below it (2)." in answer.content.decode()


def test_a_cell_made_by_mistake_is_deleted(admin_client: Client) -> None:
    admin_client.post(f"{TREE}add/", fields())
    mistake = Grid.objects.get(code="410102001001600")
    assert admin_client.get(f"{TREE}{mistake.pk}/delete/").status_code == HTTPStatus.OK
    assert admin_client.post(f"{TREE}{mistake.pk}/delete/", {"post": "yes"}).status_code == HTTPStatus.FOUND
    assert not Grid.objects.filter(pk=mistake.pk).exists()
    assert check_tree().faults == []


def test_a_boundary_is_drawn_among_its_neighbours(admin_client: Client) -> None:
    first = cell("410102001001001")
    page = admin_client.get(f"/admin/grids/boundary/{first.id}/change/").content.decode()
    assert f'data-around="/admin/grids/boundary/around/{first.id}/"' in page
    around = admin_client.get(f"/admin/grids/boundary/around/{first.id}/").json()["features"]
    assert [(f["properties"]["name"], f["properties"]["role"]) for f in around] == [
        ("社区000", "parent"),
        ("网格0001", "neighbour"),
    ]


def outline(shape: shapely.Geometry) -> dict[str, str]:
    return {"outline": shapely.to_geojson(shape)}


def test_a_boundary_is_saved_and_its_version_rises(admin_client: Client) -> None:
    first = cell("410102001001001")
    half = box(WEST, SOUTH, WEST + STEP / 2, SOUTH + STEP)
    answer = admin_client.post(f"/admin/grids/boundary/{first.id}/change/", outline(half))
    assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
    assert Boundary.objects.get(grid=first).max_lon == WEST + STEP / 2


def test_a_boundary_shown_and_saved_again_is_the_same_to_the_last_digit(admin_client: Client) -> None:
    row = Boundary.objects.get(grid=cell("410102"))
    page = admin_client.get(f"/admin/grids/boundary/{row.pk}/change/")
    shown = json.loads(page.context["adminform"].form["outline"].value())
    assert shapely.to_wkb(shapely.geometry.shape(shown)) == bytes(row.wkb)


def test_a_new_boundary_begins_with_its_cell(admin_client: Client) -> None:
    first = cell("410102001001001")
    Boundary.objects.filter(grid=first).delete()
    page = admin_client.get(f"/admin/grids/boundary/add/?grid={first.id}").content.decode()
    assert f'data-around="/admin/grids/boundary/around/{first.id}/"' in page
    whole = box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)
    answer = admin_client.post("/admin/grids/boundary/add/", {"grid": first.id, **outline(whole)})
    assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
    assert check_coverage().faults == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This is not JSON."),
        ("[" * 100_000, "This is not JSON."),
        ('{"type": "Point", "coordinates": [113, 34]}', "A boundary must be a polygon. (Point)"),
        (shapely.to_geojson(box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP)), "The boundary overlaps 网格0001 by"),
        (shapely.to_geojson(box(WEST - 1, SOUTH, WEST + STEP, SOUTH + STEP)), "The boundary leaves 社区000 by"),
    ],
)
def test_an_outline_that_does_not_fit_is_refused_at_the_form(admin_client: Client, text: str, sentence: str) -> None:
    before = bytes(Boundary.objects.get(grid=cell("410102001001001")).wkb)
    answer = admin_client.post(f"/admin/grids/boundary/{cell('410102001001001').id}/change/", {"outline": text})
    assert answer.status_code == HTTPStatus.OK
    assert sentence in answer.content.decode()
    assert bytes(Boundary.objects.get(grid=cell("410102001001001")).wkb) == before


def test_boundaries_are_listed_without_reading_polygons(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        page = admin_client.get("/admin/grids/boundary/")
    assert "网格0000" in page.content.decode()


def test_boundaries_and_lineages_cannot_be_deleted_and_lineages_not_written(admin_client: Client) -> None:
    move(admin_client, "410102001002", "410103001")
    trace = Lineage.objects.get()
    assert admin_client.get("/admin/grids/lineage/").status_code == HTTPStatus.OK
    assert admin_client.get(f"/admin/grids/lineage/{trace.pk}/change/").status_code == HTTPStatus.OK
    for address in (
        "/admin/grids/lineage/add/",
        f"/admin/grids/lineage/{trace.pk}/delete/",
        f"/admin/grids/boundary/{cell('410102').id}/delete/",
    ):
        assert admin_client.get(address).status_code == HTTPStatus.FORBIDDEN
