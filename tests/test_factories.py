"""The test town itself: a valid tree that tiles, and people who can sign in."""

import pytest
from django.test import Client
from shapely import from_wkb, union_all

from apps.grids.models import Boundary, Grid, Tier
from tests.factories import PASSWORD, Town


def test_the_towns_tree_is_a_valid_nested_set(town: Town) -> None:
    assert [cell.name for cell in town.district.get_descendants().filter(tier=Tier.LEVEL3).order_by("lft")] == [
        "园田社区第九网格", "园田社区第八网格", "通信社区第一网格", "经五社区第一网格",
    ]  # fmt: skip
    assert [cell.name for cell in town.cell.get_ancestors()] == ["金水区", "花园路街道", "园田社区"]
    assert all(cell.rght - cell.lft == 1 + 2 * cell.get_descendant_count() for cell in Grid.objects.all())
    assert Grid.objects.filter(parent=None).values("tree_id").distinct().count() == 3


@pytest.mark.parametrize("parent", ["street", "community", "district", "other_district"])
def test_children_tile_their_parent(town: Town, parent: str) -> None:
    above: Grid = getattr(town, parent)
    below = [from_wkb(bytes(row.wkb)) for row in Boundary.objects.filter(grid__parent=above)]
    assert union_all(below).equals(from_wkb(bytes(above.boundary.wkb)))


def test_the_cast_signs_in_with_the_shared_password(town: Town) -> None:
    assert Client().login(username=town.people.leader.username, password=PASSWORD)
