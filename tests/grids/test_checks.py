"""check_tree and check_coverage find what is broken, and only that."""

import pytest
import shapely
from django.core.management import CommandError, call_command
from django.utils import translation
from shapely import Polygon, box

from apps.grids.models import Boundary, Grid
from apps.grids.selectors.checks import Fault, check_coverage, check_tree
from tests.grids.places import SOUTH, STEP, WEST, cell, strip, striped_city

pytestmark = pytest.mark.django_db


def draw(code: str, shape: shapely.Geometry) -> None:
    """Write a boundary past all services, as a bad import or a hand in psql would."""
    Boundary.objects.filter(grid=cell(code)).update(wkb=shapely.to_wkb(shape))


def kinds(faults: list[Fault]) -> list[tuple[str, str]]:
    return [(fault.code.rstrip("0"), fault.kind) for fault in faults]


def test_a_sound_city_has_no_fault() -> None:
    striped_city()
    tree, coverage = check_tree(), check_coverage()
    assert (tree.cells, tree.trees, tree.faults) == (31, 3, [])
    assert (coverage.frames, coverage.cells, coverage.loose, coverage.undrawn) == (15, 31, 1, 0)
    assert coverage.faults == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"rght": 99}, "numbers"),
        ({"lft": 1}, "outside"),
        ({"level": 2}, "numbers"),
        ({"tree_id": 77}, "numbers"),
        ({"tier": 2}, "tier"),
    ],
)
def test_a_wrong_number_is_found_at_its_cell(change: dict[str, int], kind: str) -> None:
    striped_city()
    Grid.objects.filter(code="410102001001001").update(**change)
    assert ("410102001001001", kind) in [(fault.code, fault.kind) for fault in check_tree().faults]


def test_a_cell_below_itself_is_found() -> None:
    striped_city()
    street, community = cell("410102001"), cell("410102001001")
    Grid.objects.filter(id=street.id).update(parent_id=community.id)
    assert (street.code, "loop") in [(fault.code, fault.kind) for fault in check_tree().faults]


def test_two_roots_with_one_tree_are_found() -> None:
    striped_city()
    Grid.objects.filter(code="410103000000000").update(tree_id=cell("410102").tree_id)
    assert ("410103000000000", "root") in [(fault.code, fault.kind) for fault in check_tree().faults]


def test_a_living_cell_below_a_closed_one_is_found() -> None:
    striped_city()
    Grid.objects.filter(code="410102001001000").update(valid_to="2026-01-01")
    assert [fault.code for fault in check_tree().faults if fault.kind == "orphan"] == [
        "410102001001001",
        "410102001001002",
    ]


def test_districts_without_a_city_are_found() -> None:
    striped_city()
    Grid.objects.filter(code="410100000000000").update(valid_to="2026-01-01")
    assert [fault.kind for fault in check_tree().faults] == ["no-city", "no-city"]


def test_a_gap_is_told_at_the_parent_with_its_size_and_place() -> None:
    striped_city()
    draw("410102001001001", box(WEST, SOUTH, WEST + STEP, SOUTH + STEP / 2))
    with translation.override("en"):
        [fault] = check_coverage().faults
        assert str(fault) == "410102001001000: the cells below leave 512333 m² open, at 113.00500, 34.00750"


def test_an_overlap_names_both_cells_but_an_overlap_counts_once() -> None:
    striped_city()
    draw("410102001001001", box(WEST, SOUTH, WEST + STEP * 1.5, SOUTH + STEP))
    [fault] = check_coverage().faults
    assert (fault.code, fault.kind, fault.values["other"]) == ("410102001001001", "overlap", "410102001001002")


def test_a_cell_beyond_its_parent_is_found() -> None:
    striped_city()
    draw("410102001001001", box(WEST, SOUTH - STEP, WEST + STEP, SOUTH + STEP))
    assert kinds(check_coverage().faults) == [("410102001001001", "beyond")]


def test_a_polygon_that_crosses_itself_is_found_even_when_its_neighbours_fit() -> None:
    striped_city()
    bow = Polygon([(WEST, SOUTH), (WEST + STEP, SOUTH + STEP), (WEST + STEP, SOUTH), (WEST, SOUTH + STEP)])
    draw("410102001001001", bow)
    assert ("410102001001001", "improper") in kinds(check_coverage().faults)


def test_an_undrawn_level_is_bridged_by_the_next_one_above() -> None:
    striped_city()
    Boundary.objects.filter(grid__tier__in=[2, 3]).delete()
    report = check_coverage()
    assert (report.frames, report.undrawn, report.faults) == (3, 12, [])
    draw("410102001001001", box(WEST, SOUTH, WEST + STEP, SOUTH + STEP / 2))
    assert kinds(check_coverage().faults) == [("410102", "gap")]


def test_districts_of_an_undrawn_city_are_compared_with_each_other() -> None:
    striped_city()
    Boundary.objects.exclude(grid__tier=1).delete()
    assert (check_coverage().loose, check_coverage().faults) == (2, [])
    draw("410102", strip(0, 9))
    assert kinds(check_coverage().faults) == [("410102", "overlap")]


def test_a_hole_between_loose_cells_is_found() -> None:
    striped_city()
    Boundary.objects.exclude(grid__tier=1).delete()
    frame, hole = box(WEST, SOUTH, WEST + 1, SOUTH + 1), box(WEST + 0.4, SOUTH + 0.4, WEST + 0.6, SOUTH + 0.6)
    draw("410102", frame.difference(hole))
    draw("410103", box(WEST + 1, SOUTH, WEST + 2, SOUTH + 1))
    assert kinds(check_coverage().faults) == [("410102", "hole")]


def test_less_than_the_tolerance_is_drawing_noise() -> None:
    striped_city()
    draw("410102001001001", box(WEST, SOUTH, WEST + STEP, SOUTH + STEP + 1e-9))  # a tenth of a millimetre, 0.1 m²
    assert check_coverage().faults == []
    draw("410102001001001", box(WEST, SOUTH, WEST + STEP, SOUTH + STEP + 1e-7))
    assert kinds(check_coverage().faults) == [("410102001001001", "beyond")]
    assert check_coverage(tolerance_m2=20).faults == []


def test_the_commands_print_one_line_when_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    striped_city()
    with translation.override("en"):
        call_command("check_tree")
        call_command("check_coverage")
    assert capsys.readouterr().out.splitlines() == [
        "Tree: 31 cells in 3 trees, no fault.",
        "Coverage: 31 drawn cells at every level tile the 15 above them; no gap, no overlap over 1 m². Not drawn: 0.",
    ]


@pytest.mark.parametrize("command", ["check_tree", "check_coverage"])
def test_the_commands_name_the_cells_and_fail_when_something_is_wrong(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    striped_city()
    Grid.objects.filter(code="410102001001001").update(tier=3)
    draw("410102001001001", strip(0, 2))
    with pytest.raises(CommandError) as error, translation.override("en"):
        call_command(command)
    assert error.value.returncode == 1
    assert "410102001001001: " in capsys.readouterr().out
