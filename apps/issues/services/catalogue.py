"""The catalogue a city starts with: what may be reported, to which standard, who has the power; `issues/data/*.csv`.

Seven fields 七大领域 and social information 社情; the seventh field carries thirteen classes, whose official names were
not found and are placeholders. Limits, tiers and departments are proposals for a city to edit: once loaded, a row is
never overwritten, so loading again only adds what is missing.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db import transaction
from django.db.models.functions import Now

from apps.grids.models import Tier
from apps.issues.models import Category, DuplicateRule, EscalationRung, Power, RoutingRule, RuleSet, Standard, TierLimit
from apps.issues.selectors.catalogue import forget_catalogue

DATA = Path(__file__).resolve().parent.parent / "data"
TIERS = {
    "level3": Tier.LEVEL3,
    "level2": Tier.LEVEL2,
    "level1": Tier.LEVEL1,
    "district": Tier.DISTRICT,
    "city": Tier.CITY,
}
FIRST_SET = "初始规则"  # the name of the rules that a city starts with
OTHER_INFORMATION = "080499"
"""The minor class of whatever fits nowhere else 其他社情."""


@dataclass(frozen=True, slots=True)
class LoadedCatalogue:
    """How many rows were added; those that were there already are not counted."""

    categories: int
    standards: int
    powers: int
    limits: int
    rules: int
    rungs: int
    duplicate_rules: int

    @property
    def total(self) -> int:
        return (
            self.categories
            + self.standards
            + self.powers
            + self.limits
            + self.rules
            + self.rungs
            + self.duplicate_rules
        )


@transaction.atomic
def load_catalogue() -> LoadedCatalogue:
    """Add the shipped categories, standards, powers, limits of tiers, routing rules and ladders that are missing."""
    minors = list(_rows("minor_classes"))
    categories = _add_categories(minors)
    ids = dict(Category.objects.values_list("code", "id"))
    loaded = LoadedCatalogue(
        categories=categories,
        standards=_add_standards(minors, ids),
        powers=_add_powers(minors, ids),
        limits=_add_limits(),
        rules=_add_rules(ids),
        rungs=_add_rungs(ids),
        duplicate_rules=_add_duplicate_rules(ids),
    )
    forget_catalogue()
    transaction.on_commit(forget_catalogue)
    return loaded


def keywords() -> dict[str, tuple[str, ...]]:
    """Words that hint at a minor class when they stand in a text, by the code of the class."""
    return {row["code"]: tuple(row["keywords"].split()) for row in _rows("minor_classes")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _add_categories(minors: list[dict[str, str]]) -> int:
    known = set(Category.objects.values_list("code", flat=True))
    upper = list(_rows("categories"))
    added = 0
    for level in (Category.Level.FIELD, Category.Level.CLASS):
        added += _create([_upper(row) for row in upper if int(row["level"]) == level], known)
    icons = {row["code"]: row["icon"] for row in upper}
    return added + _create([_minor(row, icons[row["code"][:4]]) for row in minors], known)


def _create(categories: list[Category], known: set[str]) -> int:
    """Save the new ones of one level, below parents that exist by now."""
    parents = dict(Category.objects.values_list("code", "id"))
    new = [category for category in categories if category.code not in known]
    for category in new:
        category.parent_id = parents.get(category.code[:-2])
    return len(Category.objects.bulk_create(new))


def _upper(row: dict[str, str]) -> Category:
    return Category(
        code=row["code"],
        level=int(row["level"]),
        name=row["name"],
        name_en=row["name_en"],
        icon=row["icon"],
        order=_order(row["code"]),
    )


def _minor(row: dict[str, str], icon: str) -> Category:
    return Category(
        code=row["code"],
        level=Category.Level.MINOR,
        name=row["name"],
        name_en=row["name_en"],
        sentence=row["sentence"],
        sentence_en=row["sentence_en"],
        icon=icon,
        is_grave=row["is_grave"] == "1",
        order=_order(row["code"]),
    )


def _order(code: str) -> int:
    """Codes of every level in one order: 07 before 0701 before 070101."""
    return int(code.ljust(6, "0"))


def _add_standards(minors: list[dict[str, str]], ids: dict[str, int]) -> int:
    known = set(Standard.objects.filter(is_default=True).values_list("category_id", flat=True))
    new = [
        Standard(
            category_id=ids[row["code"]],
            registering=f"情况属实：{row['sentence']}",
            concluding=row["concluding"],
            limit_amount=Decimal(row["limit_amount"]),
            limit_unit=row["limit_unit"],
        )
        for row in minors
        if ids[row["code"]] not in known
    ]
    return len(Standard.objects.bulk_create(new))


def _add_powers(minors: list[dict[str, str]], ids: dict[str, int]) -> int:
    known = set(Power.objects.values_list("category_id", "tier"))
    wanted = [Power(category=None, tier=tier, may_handle=True) for tier in Tier]
    for row in minors:
        wanted += _powers_of(ids[row["code"]], TIERS[row["tier"]], row["department_kind"])
    return len(Power.objects.bulk_create(power for power in wanted if (power.category_id, power.tier) not in known))


def _powers_of(category_id: int, lowest: Tier, department_kind: str) -> Iterator[Power]:
    """Tiers below `lowest` may not handle it; district and city pass it to the department; else the default counts."""
    for tier in Tier:
        if tier > lowest:
            yield Power(category_id=category_id, tier=tier, may_handle=False)
        elif tier <= Tier.DISTRICT:
            yield Power(category_id=category_id, tier=tier, may_handle=True, department_kind=department_kind)


def _add_limits() -> int:
    known = set(TierLimit.objects.values_list("tier", "purpose"))
    new = [
        TierLimit(
            tier=TIERS[row["tier"]],
            purpose=row["purpose"],
            limit_amount=Decimal(row["limit_amount"]),
            limit_unit=row["limit_unit"],
        )
        for row in _rows("tier_limits")
        if (TIERS[row["tier"]], row["purpose"]) not in known
    ]
    return len(TierLimit.objects.bulk_create(new))


def _add_rules(ids: dict[str, int]) -> int:
    """The first set, active at once. Where there is any set, the rules are the city's own."""
    if RuleSet.objects.exists():
        return 0
    first = RuleSet.objects.create(
        version=1, name=FIRST_SET, state=RuleSet.State.ACTIVE, created_at=Now(), activated_at=Now()
    )
    rules = [
        RoutingRule(
            rule_set=first,
            order=int(row["order"]),
            name=row["name"],
            category_id=ids[row["category"]],
            is_urgent=row["is_urgent"] == "1",
            to_tier=TIERS[row["tier"]],
            department_kind=row["department_kind"],
        )
        for row in _rows("routing_rules")
    ]
    return len(RoutingRule.objects.bulk_create(rules))


def _add_rungs(ids: dict[str, int]) -> int:
    """Whole ladders only: a city that has edited one keeps it, also where it has taken a rung out."""
    known = set(EscalationRung.objects.values_list("category_id", "tier", "purpose"))
    new = [
        EscalationRung(
            category_id=ids[row["category"]] if row["category"] else None,
            tier=TIERS[row["tier"]] if row["tier"] else None,
            purpose=row["purpose"],
            kind=row["kind"],
            counts_from=row["counts_from"],
            amount=Decimal(row["amount"]),
            unit=row["unit"],
        )
        for row in _rows("rungs")
    ]
    return len(
        EscalationRung.objects.bulk_create(row for row in new if (row.category_id, row.tier, row.purpose) not in known)
    )


def _add_duplicate_rules(ids: dict[str, int]) -> int:
    known = set(DuplicateRule.objects.values_list("category_id", flat=True))
    new = [
        DuplicateRule(
            category_id=ids[row["category"]] if row["category"] else None,
            radius_m=int(row["radius_m"]),
            window_hours=int(row["window_hours"]),
        )
        for row in _rows("duplicate_rules")
    ]
    return len(DuplicateRule.objects.bulk_create(row for row in new if row.category_id not in known))
