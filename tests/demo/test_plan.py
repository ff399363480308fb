"""The city on paper: counts, names, codes, and boundaries that tile."""

import hashlib
from collections import Counter
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from apps.demo.fanout import apportion
from apps.demo.names import chinese_number, person_name
from apps.demo.plan import CITY, DISTRICT, LEVEL1, LEVEL2, LEVEL3, CityPlan, plan_city
from apps.demo.polygons import area, cut

SQUARE = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]


@pytest.fixture(scope="module")
def full_city() -> CityPlan:
    return plan_city()


@pytest.fixture(scope="module")
def small_city() -> CityPlan:
    return plan_city(scale=0.02)


def tiers(plan: CityPlan) -> list[int]:
    counts = Counter(cell.tier for cell in plan.cells)
    return [counts[tier] for tier in (CITY, DISTRICT, LEVEL1, LEVEL2, LEVEL3)]


def digest(plan: CityPlan) -> str:
    text = "\n".join(f"{cell.code} {cell.name} {cell.parent} {cell.kind}" for cell in plan.cells)
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_full_city_has_exactly_the_cells_of_the_article(full_city: CityPlan) -> None:
    assert tiers(full_city) == [1, 16, 197, 2_996, 18_089]


def test_a_small_city_keeps_every_tier_and_every_district(small_city: CityPlan) -> None:
    assert tiers(small_city) == [1, 16, 16, 60, 362]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("园田社区第九网格", ["郑州市", "金水区", "花园路街道", "园田社区", "园田社区第九网格"]),
        ("高班庄村第三村组", ["郑州市", "新郑市", "梨河镇", "高班庄村", "高班庄村第三村组"]),
    ],
)
def test_the_places_of_the_article_exist_at_every_size(
    full_city: CityPlan, small_city: CityPlan, name: str, path: list[str]
) -> None:
    for plan in (full_city, small_city):
        assert plan.path(plan.find(name)) == path


def test_the_same_seed_gives_the_same_city_on_every_machine(full_city: CityPlan) -> None:
    assert digest(plan_city(scale=0.02)) == digest(plan_city(scale=0.02))
    assert digest(plan_city(seed=1, scale=0.02)) != digest(plan_city(seed=2, scale=0.02))
    assert digest(full_city) == "3793c1b9fd68d65432cc2a391a99367ccd936b0bc7ed9557b0f35ae817d8480c"


def test_codes_have_fifteen_digits_and_say_where_they_belong(full_city: CityPlan) -> None:
    cells = full_city.cells
    assert len({cell.code for cell in cells}) == len(cells)
    significant = {CITY: 4, DISTRICT: 6, LEVEL1: 9, LEVEL2: 12, LEVEL3: 15}
    for cell in cells:
        assert len(cell.code) == 15
        assert set(cell.code[significant[cell.tier] :]) <= {"0"}
        if cell.parent >= 0:
            above = significant[cells[cell.parent].tier]
            assert cell.code[:above] == cells[cell.parent].code[:above]


def test_names_are_unique_among_siblings(full_city: CityPlan) -> None:
    assert max(Counter((cell.parent, cell.name) for cell in full_city.cells).values()) == 1


def test_parents_come_before_their_children_one_tier_above(full_city: CityPlan) -> None:
    for index, cell in enumerate(full_city.cells[1:], start=1):
        assert cell.parent < index
        assert full_city.cells[cell.parent].tier == cell.tier - 1


def test_fan_out_differs_from_place_to_place_and_nobody_is_childless(full_city: CityPlan) -> None:
    sizes = [len(own) for own, cell in zip(full_city.children(), full_city.cells, strict=True) if cell.tier < LEVEL3]
    assert min(sizes) >= 1
    villages = Counter(cell.parent for cell in full_city.cells if cell.tier == LEVEL3)
    assert len(set(villages.values())) > 15


@pytest.mark.parametrize("tier", [CITY, DISTRICT, LEVEL1, LEVEL2, LEVEL3])
def test_boundaries_tile_exactly_at_every_tier(full_city: CityPlan, tier: int) -> None:
    polygons = [full_city.cells[index].polygon for index in full_city.of_tier(tier)]
    assert {polygon.geom_type for polygon in polygons} == {"Polygon"}
    assert all(shapely.is_valid(polygons))
    assert shapely.coverage_is_valid(polygons)


def test_every_parent_is_the_union_of_its_children(small_city: CityPlan) -> None:
    for index, own in enumerate(small_city.children()):
        if own:
            union = shapely.coverage_union_all([small_city.cells[child].polygon for child in own])
            assert union.equals(small_city.cells[index].polygon)


def test_every_cell_carries_a_point_inside_itself(full_city: CityPlan) -> None:
    points = shapely.points([cell.lon for cell in full_city.cells], [cell.lat for cell in full_city.cells])
    assert all(shapely.contains([cell.polygon for cell in full_city.cells], points))


def test_streets_are_denser_than_towns(full_city: CityPlan) -> None:
    def mean_area(kind: str) -> float:
        areas = [cell.polygon.area for cell in full_city.cells if cell.tier == LEVEL1 and cell.kind == kind]
        return float(sum(areas) / len(areas))

    assert mean_area("镇") > 3 * mean_area("街道")


@pytest.mark.parametrize("seed", range(5))
def test_any_seed_and_size_gives_cells_in_one_piece(seed: int) -> None:
    plan = plan_city(seed=seed, scale=0.05)
    for tier in (DISTRICT, LEVEL1, LEVEL2, LEVEL3):
        polygons = [plan.cells[index].polygon for index in plan.of_tier(tier)]
        assert {polygon.geom_type for polygon in polygons} == {"Polygon"}
        assert shapely.coverage_is_valid(polygons)


@given(
    st.lists(st.floats(0.01, 50), min_size=1, max_size=30),
    st.integers(0, 5_000),
    st.integers(0, 3),
)
def test_sharing_out_is_exact_and_keeps_the_minimum(weights: list[float], extra: int, minimum: int) -> None:
    total = minimum * len(weights) + extra
    shares = apportion(total, weights, minimum)
    assert sum(shares) == total
    assert min(shares) >= minimum


def test_sharing_out_less_than_the_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cannot be shared among 3"):
        apportion(2, [1, 1, 1])


@given(st.floats(0.05, 0.95))
def test_a_cut_gives_the_share_asked_for_and_loses_nothing(share: float) -> None:
    first, second = cut(SQUARE, (0.7071, 0.7071), share)
    assert area(first) + area(second) == pytest.approx(100, abs=1e-6)
    assert area(first) == pytest.approx(100 * share, abs=1)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "一"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (25, "二十五"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
    ],
)
def test_numbers_are_written_as_people_write_them(number: int, text: str) -> None:
    assert chinese_number(number) == text


def test_people_have_chinese_names_of_two_or_three_characters() -> None:
    rng = Random("names")
    names = [person_name(rng) for _ in range(500)]
    assert {len(name) for name in names} == {2, 3}
    assert all("\u4e00" <= letter <= "\u9fff" for name in names for letter in name)
