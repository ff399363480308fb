"""The tree in memory."""

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.grids.models import Grid
from apps.grids.selectors import boundary_version, tree
from apps.grids.services import rename_cell
from tests.grids.places import cell, striped_city

pytestmark = pytest.mark.django_db


def test_a_chain_goes_up_to_the_city_through_the_district() -> None:
    striped_city()
    names = [step.name for step in tree().chain(cell("410102001001001").id)]
    assert names == ["网格0000", "社区000", "街道00", "区0", "郑州市"]


def test_a_districts_superior_is_the_city_though_it_has_no_parent() -> None:
    striped_city()
    district = tree().by_code("410102000000000")
    assert district is not None
    assert district.parent_id is None
    assert district.superior_id == cell("4101").id


def test_every_cell_knows_its_district_and_the_city_has_none() -> None:
    striped_city()
    index = tree()
    assert index.cell(cell("410103002002002").id).district_id == cell("410103").id
    assert index.cell(cell("410103").id).district_id == cell("410103").id
    assert index.cell(cell("4101").id).district_id is None


def test_a_subtree_is_the_cell_and_all_below_it() -> None:
    striped_city()
    index = tree()
    street = cell("410102001")
    assert set(index.subtree_ids(street.id)) == set(
        street.get_descendants(include_self=True).values_list("id", flat=True)
    )
    assert len(index.subtree_ids(cell("4101").id)) == Grid.objects.count()
    assert index.is_within(cell("410102001001001").id, street.id)
    assert not index.is_within(street.id, cell("410102001001001").id)
    assert index.is_within(street.id, cell("4101").id)


def test_children_come_in_the_order_of_their_codes() -> None:
    striped_city()
    index = tree()
    assert index.city is not None
    assert [child.name for child in index.children(index.city.id)] == ["区0", "区1"]
    assert [child.code[:9] for child in index.children(cell("410102").id)] == ["410102001", "410102002"]


def test_a_closed_cell_keeps_its_place_in_history_only() -> None:
    striped_city()
    gone = cell("410102001001001")
    Grid.objects.filter(id=gone.id).update(valid_to="2026-01-01")
    rename_cell(cell_id=cell("4101").id, name="郑州")
    index = tree()
    assert index.by_code(gone.code) is None
    assert not index.cell(gone.id).is_live
    assert gone.id in index.subtree_ids(cell("410102").id)
    assert gone.id not in [child.id for child in index.children(cell("410102001001").id)]


def test_a_change_is_seen_at_once_in_the_process_that_made_it() -> None:
    striped_city()
    before = boundary_version()
    rename_cell(cell_id=cell("410102").id, name="新区")
    assert boundary_version() > before
    assert tree().cell(cell("410102").id).name == "新区"


def test_the_tree_costs_one_query_a_second_at_most(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    striped_city()
    with django_assert_num_queries(2):  # the version, then every cell at once
        tree()
    with django_assert_num_queries(0):
        tree()


def test_an_empty_instance_has_an_empty_tree() -> None:
    assert tree().city is None
    assert len(tree()) == 0
