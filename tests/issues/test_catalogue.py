"""The shipped catalogue: complete, consistent, and polite to rows a city has edited."""

from collections import Counter
from decimal import Decimal

import pytest
from lucide import _load_icon

from apps.grids.models import Tier
from apps.issues.deadlines import Limit, Unit
from apps.issues.models import Category, Power, RoutingRule, Standard, TierLimit
from apps.issues.routing import Cell, Matter, route
from apps.issues.routing import Power as PurePower
from apps.issues.services.catalogue import OTHER_INFORMATION, keywords, load_catalogue

pytestmark = pytest.mark.django_db
CHAIN = [Cell(id=10 + tier, tier=tier) for tier in (4, 3, 2, 1, 0)]


def powers_of(category: Category) -> dict[tuple[int | None, int], PurePower]:
    rows = Power.objects.filter(category=category) | Power.objects.filter(category=None)
    return {(row.category_id, row.tier): PurePower(row.may_handle, row.department_kind) for row in rows}


def test_loading_fills_seven_fields_and_social_information() -> None:
    loaded = load_catalogue()
    levels = Counter(Category.objects.values_list("level", flat=True))
    assert loaded.categories == Category.objects.count()
    assert levels[Category.Level.FIELD] == 8
    assert levels[Category.Level.MINOR] > 110
    assert Category.objects.filter(level=Category.Level.CLASS, parent__code="07").count() == 13


def test_loading_again_adds_nothing() -> None:
    load_catalogue()
    assert load_catalogue().total == 0


def test_loading_again_keeps_what_the_city_edited_and_restores_what_is_missing() -> None:
    load_catalogue()
    Category.objects.filter(code="070301").update(name="工程渣土未清运")
    Standard.objects.filter(category__code="070301").update(limit_amount=Decimal(9))
    Standard.objects.filter(category__code="070401").delete()
    assert load_catalogue().total == 1
    assert Category.objects.get(code="070301").name == "工程渣土未清运"
    assert Standard.objects.get(category__code="070301").limit_amount == 9


def test_every_minor_class_has_a_sentence_in_both_languages_a_standard_and_a_class_above() -> None:
    load_catalogue()
    minors = Category.objects.filter(level=Category.Level.MINOR).prefetch_related("standards")
    for minor in minors:
        assert minor.sentence
        assert minor.sentence_en
        assert minor.name_en
        assert minor.parent is not None
        assert minor.code.startswith(minor.parent.code)
        [standard] = minor.standards.all()
        assert Limit(standard.limit_amount, Unit(standard.limit_unit)).micros > 0
        assert standard.concluding


def test_every_icon_exists() -> None:
    load_catalogue()
    for icon in set(Category.objects.values_list("icon", flat=True)):
        assert _load_icon(icon) is not None


def test_names_and_sentences_are_unique_among_minor_classes() -> None:
    load_catalogue()
    for column in ("name", "sentence"):
        values = Category.objects.filter(level=Category.Level.MINOR).values_list(column, flat=True)
        assert max(Counter(values).values()) == 1


def test_building_waste_goes_to_the_district_and_suggests_urban_management() -> None:
    load_catalogue()
    waste = Category.objects.get(code="070301")
    assert waste.caption == "有建筑垃圾未清运"
    decision = route(matter=Matter((waste.id,)), chain=CHAIN, powers=powers_of(waste), rules=[], vacant=())
    assert decision.holder.tier == Tier.DISTRICT
    assert decision.suggestion == "chengguan"


def test_every_minor_class_finds_a_holder_without_an_alarm() -> None:
    load_catalogue()
    tiers: Counter[int] = Counter()
    for minor in Category.objects.filter(level=Category.Level.MINOR):
        matter = Matter((minor.id,), is_grave=minor.is_grave)
        decision = route(matter=matter, chain=CHAIN, powers=powers_of(minor), rules=[], vacant=())
        assert not decision.has_alarm
        assert decision.suggestion or decision.holder.tier > Tier.DISTRICT
        tiers[decision.holder.tier] += 1
        assert (decision.holder.tier == Tier.CITY) == minor.is_grave
    assert set(tiers) == set(Tier)


def test_every_tier_has_a_limit_for_every_purpose_and_rules_name_a_department() -> None:
    load_catalogue()
    assert TierLimit.objects.count() == len(Tier) * len(TierLimit.Purpose)
    assert RoutingRule.objects.filter(department_kind="").count() == 0


def test_keywords_belong_to_known_classes() -> None:
    load_catalogue()
    codes = set(Category.objects.filter(level=Category.Level.MINOR).values_list("code", flat=True))
    assert set(keywords()) == codes
    assert OTHER_INFORMATION in codes
