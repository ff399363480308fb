"""Changes of the tree, one cell at a time."""

import random
import threading
from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from django.db import connections
from django.utils import translation

from apps.grids.models import Grid, Lineage, Tier
from apps.grids.refusals import (
    BadCode,
    CodeTaken,
    EmptyName,
    NoSuchCell,
    RootsStay,
    WrongTier,
)
from apps.grids.selectors import boundary_version
from apps.grids.selectors.checks import check_coverage, check_tree
from apps.grids.services import close_cell, create_cell, move_cell, rename_cell
from tests.grids.places import NOW, cell, striped_city


def create(code: str, tier: Tier, parent: Grid | None, name: str = "新网格") -> Grid:
    return create_cell(
        code=code.ljust(15, "0"),
        name=name,
        tier=tier,
        parent_id=parent.id if parent else None,
        valid_from=date(2026, 1, 1),
    )


@pytest.mark.django_db
def test_a_new_cell_hangs_below_its_parent_and_the_tree_stays_right() -> None:
    striped_city()
    before = boundary_version()
    made = create("410102001001600", Tier.LEVEL3, cell("410102001001"), "园田社区第九网格")
    assert made.pinyin == "ytsqdjwg"
    assert [above.name for above in made.get_ancestors()] == ["区0", "街道00", "社区000"]
    assert check_tree().faults == []
    assert boundary_version() > before


@pytest.mark.django_db
def test_a_new_district_is_a_root_of_its_own() -> None:
    striped_city()
    made = create("410109", Tier.DISTRICT, None)
    assert made.parent is None
    assert not Grid.objects.filter(tree_id=made.tree_id).exclude(id=made.id).exists()
    assert check_tree().faults == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "code", ["41010200100160", "4101020010016000", "41010200100160x", "410102001001000", "４" * 15]
)
def test_a_code_that_does_not_fit_the_tier_is_refused(code: str) -> None:
    striped_city()
    with pytest.raises(BadCode):
        create_cell(
            code=code,
            name="网格",
            tier=Tier.LEVEL3,
            parent_id=cell("410102001001").id,
            valid_from=date(2026, 1, 1),
        )


@pytest.mark.django_db
def test_a_code_is_never_used_again_not_even_after_its_cell_was_closed() -> None:
    striped_city()
    close_cell(cell_id=cell("410102001001001").id, heir_id=cell("410102001001002").id, now=NOW)
    with pytest.raises(CodeTaken) as refusal:
        create("410102001001001", Tier.LEVEL3, cell("410102001001"))
    with translation.override("en"):
        assert str(refusal.value) == ("The code 410102001001001 belongs to 网格0000 already. Codes are never reused.")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "  ", "网" * 81])
def test_a_cell_needs_a_name(name: str) -> None:
    striped_city()
    with pytest.raises(EmptyName):
        rename_cell(cell_id=cell("410102").id, name=name)


@pytest.mark.django_db
def test_a_cell_hangs_exactly_one_tier_below_its_parent() -> None:
    striped_city()
    with pytest.raises(WrongTier):
        create("410102001001600", Tier.LEVEL3, cell("410102001"))
    with pytest.raises(WrongTier):
        create("410102600", Tier.LEVEL1, None)
    with pytest.raises(WrongTier):
        move_cell(cell_id=cell("410102001001001").id, parent_id=cell("410102001").id, now=NOW)


@pytest.mark.django_db
def test_a_rename_changes_the_initials_too() -> None:
    striped_city()
    assert rename_cell(cell_id=cell("410102001").id, name=" 花园路街道 ").pinyin == "hyljd"
    assert cell("410102001").name == "花园路街道"


@pytest.mark.django_db
def test_a_move_carries_everything_below_and_leaves_a_row() -> None:
    striped_city()
    community, target = cell("410102001002"), cell("410102002")
    left = community.parent
    moved = move_cell(cell_id=community.id, parent_id=target.id, now=NOW)
    assert [above.name for above in moved.get_ancestors()] == ["区0", "街道01"]
    assert {below.name for below in moved.get_descendants()} == {"网格0010", "网格0011"}
    trace = Lineage.objects.get()
    assert (trace.old, trace.new, trace.parent_before, trace.parent_after) == (moved, moved, left, target)
    assert check_tree().faults == []


@pytest.mark.django_db
def test_after_a_move_between_districts_children_still_tile_their_parents() -> None:
    striped_city()
    assert check_coverage().faults == []
    move_cell(cell_id=cell("410102002002").id, parent_id=cell("410103001").id, now=NOW)
    assert check_tree().faults == []
    assert check_coverage().faults == []
    assert cell("410102").boundary.area_m2 * 10 / 6 == pytest.approx(cell("410103").boundary.area_m2, rel=1e-3)


@pytest.mark.django_db
def test_a_parent_that_gave_its_only_child_away_has_no_ground_left() -> None:
    striped_city()
    for code in ("410102001001", "410102001002"):
        move_cell(cell_id=cell(code).id, parent_id=cell("410102002").id, now=NOW)
    assert not hasattr(Grid.objects.get(code="410102001000000"), "boundary")
    assert check_coverage().faults == []


@pytest.mark.django_db
def test_moving_a_cell_to_where_it_is_changes_nothing() -> None:
    striped_city()
    before = boundary_version()
    move_cell(cell_id=cell("410102001002").id, parent_id=cell("410102001").id, now=NOW)
    assert boundary_version() == before
    assert not Lineage.objects.exists()


@pytest.mark.django_db
def test_roots_cannot_be_moved_and_closed_cells_are_no_targets() -> None:
    striped_city()
    with pytest.raises(RootsStay):
        move_cell(cell_id=cell("410102").id, parent_id=cell("4101").id, now=NOW)
    Grid.objects.filter(code="410102002000000").update(valid_to="2026-01-01")
    with pytest.raises(NoSuchCell):
        move_cell(cell_id=cell("410102001001").id, parent_id=Grid.objects.get(code="410102002000000").id, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_moves_by_four_people_at_once_leave_the_tree_right() -> None:
    striped_city(districts=2, fan=3)
    before = Grid.objects.count()
    rng = random.Random(11)
    communities = list(Grid.objects.filter(tier=Tier.LEVEL2).values_list("id", flat=True))
    streets = list(Grid.objects.filter(tier=Tier.LEVEL1).values_list("id", flat=True))
    plans = [[(rng.choice(communities), rng.choice(streets)) for _ in range(10)] for _ in range(4)]

    def move_all(plan: list[tuple[int, int]]) -> None:
        for community, street in plan:
            move_cell(cell_id=community, parent_id=street, now=NOW)

    errors = in_threads([partial(move_all, plan) for plan in plans])
    assert errors == []
    assert check_tree().faults == []
    assert check_coverage().faults == []
    assert Grid.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_new_districts_made_at_once_never_share_a_tree() -> None:
    striped_city()
    errors = in_threads([partial(create, f"4101{n}", Tier.DISTRICT, None) for n in (71, 72, 73, 74)])
    assert errors == []
    roots = list(Grid.objects.filter(parent=None).values_list("tree_id", flat=True))
    assert len(set(roots)) == len(roots) == 7


def in_threads(jobs: list[Callable[[], object]]) -> list[Exception]:
    """Run the jobs at once, each with a connection of its own; return what they raised."""
    errors: list[Exception] = []
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        start.wait()
        try:
            job()
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
