"""Outlines for maps."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.grids.models import Boundary
from apps.grids.selectors import boundary_version, tree
from apps.grids.services import rename_cell
from tests.factories import user
from tests.grids.places import SOUTH, STEP, WEST, cell, striped_city

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    striped_city()
    client = Client()
    client.force_login(user("李网格"))
    return client


def address(code: str, version: object = None) -> str:
    return f"/map/cells/{code.ljust(15, '0')}/children.geojson?v={boundary_version() if version is None else version}"


def test_the_cells_below_a_cell_come_with_code_name_and_outline(reader: Client) -> None:
    answer = reader.get(address("410102001001"))
    assert answer["Content-Type"] == "application/geo+json"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    first, second = answer.json()["features"]
    assert first["properties"] == {
        "id": cell("410102001001001").id,
        "code": "410102001001001",
        "name": "网格0000",
        "tier": 4,
        "children": 0,
    }
    ring = first["geometry"]["coordinates"][0]
    assert sorted(map(tuple, ring[:-1])) == [
        (WEST, SOUTH),
        (WEST, round(SOUTH + STEP, 6)),
        (round(WEST + STEP, 6), SOUTH),
        (round(WEST + STEP, 6), round(SOUTH + STEP, 6)),
    ]
    assert second["properties"]["code"] == "410102001001002"


def test_below_the_city_come_its_districts_and_a_lowest_cell_shows_itself(reader: Client) -> None:
    districts = reader.get(address("4101")).json()["features"]
    assert [feature["properties"]["name"] for feature in districts] == ["区0", "区1"]
    assert [feature["properties"]["children"] for feature in districts] == [2, 2]
    [lowest] = reader.get(address("410102001001001")).json()["features"]
    assert lowest["properties"]["code"] == "410102001001001"


def test_cells_that_are_not_drawn_are_left_out(reader: Client) -> None:
    Boundary.objects.filter(grid=cell("410102")).delete()
    assert [f["properties"]["name"] for f in reader.get(address("4101")).json()["features"]] == ["区1"]


@pytest.mark.parametrize("version", ["0", "", "x", "99999999999999999999"])
def test_another_version_leads_to_the_current_one_and_is_never_kept(reader: Client, version: str) -> None:
    answer = reader.get(address("4101", version))
    assert answer.status_code == 302
    assert answer["Location"] == address("4101")
    assert answer["Cache-Control"] == "no-store"


def test_after_a_change_the_address_is_another_one(reader: Client) -> None:
    before = address("4101")
    rename_cell(cell_id=cell("410102").id, name="金水区")
    assert reader.get(before).status_code == 302
    assert reader.get(before, follow=True).json()["features"][0]["properties"]["name"] == "金水区"


@pytest.mark.parametrize("code", ["410199000000000", "x", "4101020010010010"])
def test_an_unknown_cell_is_not_found(reader: Client, code: str) -> None:
    assert reader.get(f"/map/cells/{code}/children.geojson?v=1").status_code == 404


def test_strangers_sign_in_first() -> None:
    striped_city()
    assert Client().get(address("4101"))["Location"].startswith("/login/?next=")


def test_only_reading_is_allowed(reader: Client) -> None:
    assert reader.post(address("4101")).status_code == 405


def test_the_outlines_cost_one_query_beside_the_session(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tree()
    with django_assert_num_queries(3):  # session, person, outlines
        reader.get(address("4101"))
