"""The catalogue in memory: categories, standards, limits, powers, rules. A few hundred rows, read every report."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

from django.utils.translation import gettext as translate

from apps.common.languages import localized
from apps.issues import routing
from apps.issues.deadlines import PLAIN_RUNGS, CountsFrom, Limit, RungKind, RungRule, RungRules, Unit
from apps.issues.models import Category, DuplicateRule, EscalationRung, Power, RoutingRule, RuleSet, Standard, TierLimit
from apps.staff.models import Department

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 5.0


LadderKey = tuple[int | None, int | None, str]  # category, tier, purpose; None and "": any


@dataclass(frozen=True)
class Catalogue:
    """All of it at one moment. Category objects are shared between requests: read them, never change them."""

    categories: Mapping[int, Category]
    by_code: Mapping[str, Category]
    standards: Mapping[int, Limit]  # the default standard's limit, by category
    tier_limits: Mapping[tuple[int, str], Limit]
    powers: routing.Powers
    rules: tuple[routing.Rule, ...]  # of the active set, in the order of asking, switched-off ones too
    rule_set: int | None  # its version
    department_kinds: Mapping[int, frozenset[str]]  # by cell
    kind_examples: Mapping[str, tuple[str, str]]  # by kind: name and English name of one, the city's if it has one
    ladders: Mapping[LadderKey, RungRules]
    duplicate_rules: Mapping[int | None, DuplicateRule] = field(default_factory=dict)  # by category; None: any
    _nearest: dict[tuple[int, int, str], RungRules] = field(default_factory=dict, repr=False)

    def rungs(self, category_id: int, tier: int, purpose: str) -> RungRules:
        """The nearest ladder: by category upward, then by tier and purpose, by tier, by purpose; else the plain one."""
        key = (category_id, tier, purpose)
        if key not in self._nearest:
            keys = (
                (at, *where)
                for at in (*self.lineage(category_id), None)
                for where in ((tier, purpose), (tier, ""), (None, purpose), (None, ""))
            )
            self._nearest[key] = next((self.ladders[one] for one in keys if one in self.ladders), PLAIN_RUNGS)
        return self._nearest[key]

    def duplicate_rule(self, category_id: int) -> DuplicateRule | None:
        """The nearest rule by category upward; None where there is none or the nearest is switched off."""
        keys = (*self.lineage(category_id), None)
        nearest = next((self.duplicate_rules[key] for key in keys if key in self.duplicate_rules), None)
        return nearest if nearest is not None and nearest.is_active else None

    def with_own_ladder(self) -> list[int]:
        """Minor classes whose ladders may differ from those of no category."""
        owners = {category for category, _tier, _purpose in self.ladders if category is not None}
        minors = self.categories.values() if owners else ()
        return [
            row.id
            for row in minors
            if row.level == Category.Level.MINOR and not owners.isdisjoint(self.lineage(row.id))
        ]

    def minor_classes(self) -> list[Category]:
        """What a report may carry, in the order people see."""
        return [row for row in self.categories.values() if row.level == Category.Level.MINOR and row.is_active]

    def lineage(self, category_id: int) -> tuple[int, ...]:
        """The category, then its class and its field."""
        found: list[int] = []
        at: int | None = category_id
        while at is not None and at in self.categories and at not in found:
            found.append(at)
            at = self.categories[at].parent_id
        return tuple(found)

    def matter(self, category_id: int, *, is_urgent: bool, is_working_time: bool | None = None) -> routing.Matter:
        """What the routing rules ask of a report."""
        category = self.categories.get(category_id)
        is_grave = category is not None and category.is_grave
        return routing.Matter(self.lineage(category_id), is_grave, is_urgent, is_working_time)

    def kind_words(self, kind: str) -> str:
        """A kind of department as people say it: one like the city's own; the bare word for an unknown kind."""
        example = self.kind_examples.get(kind)
        return translate("a department like %(name)s") % {"name": localized(*example)} if example else kind

    def kinds_to_find(self, rules: Iterable[routing.Rule]) -> frozenset[str]:
        """Kinds of department that may get a report without a platform's look: where their people are must be known."""
        powers = (
            power.department_kind
            for (_, tier), power in self.powers.items()
            if tier > routing.DISTRICT or power.assigns_directly
        )
        by_rules = (rule.department_kind for rule in rules if rule.to_tier > routing.DISTRICT or rule.assigns_directly)
        return frozenset(kind for kind in (*powers, *by_rules) if kind)


@dataclass
class _Kept:
    catalogue: Catalogue | None = None
    read_at: float = float("-inf")


_kept = _Kept()
_lock = threading.Lock()


def catalogue() -> Catalogue:
    """This process's copy, at most 5 s behind the database. Nine small queries when it is read again."""
    kept = _kept.catalogue
    if kept is not None and time.monotonic() - _kept.read_at < FRESH_SECONDS:
        return kept
    with _lock:
        if _kept.catalogue is None or time.monotonic() - _kept.read_at >= FRESH_SECONDS:
            _kept.catalogue = _read()
            _kept.read_at = time.monotonic()
        return _kept.catalogue


def forget_catalogue() -> None:
    """Read again at the next call, e.g. after a change made in this process."""
    _kept.read_at = float("-inf")


def _read() -> Catalogue:
    categories = {row.id: row for row in Category.objects.order_by("order", "code")}
    return Catalogue(
        categories=categories,
        by_code={row.code: row for row in categories.values()},
        standards={
            row.category_id: limit
            for row in Standard.objects.filter(is_default=True).order_by("id").only(*_LIMIT, "category_id")
            if (limit := _limit(row)) is not None
        },
        tier_limits={
            (row.tier, row.purpose): limit
            for row in TierLimit.objects.order_by("id")
            if (limit := _limit(row)) is not None
        },
        powers=_powers(),
        rules=rules_of(RuleSet.State.ACTIVE, categories),
        rule_set=RuleSet.objects.filter(state=RuleSet.State.ACTIVE).values_list("version", flat=True).first(),
        **_departments(),
        ladders=_ladders(),
        duplicate_rules={row.category_id: row for row in DuplicateRule.objects.all()},
    )


_LIMIT = ("limit_amount", "limit_unit")


def _limit(row: Standard | TierLimit) -> Limit | None:
    """The row's limit; None, and a line in the log, for one that no clock can run: it must not stop all reports."""
    try:
        return Limit(row.limit_amount, Unit(row.limit_unit))
    except ValueError:
        logger.exception("limit %s of %s cannot be counted and is left out", row.pk, type(row).__name__)
        return None


def _powers() -> routing.Powers:
    rows = Power.objects.order_by("id").values_list(
        "category_id", "tier", "may_handle", "department_kind", "assigns_directly"
    )
    return {(category_id, tier): routing.Power(may, kind, directly) for category_id, tier, may, kind, directly in rows}


def _ladders() -> dict[LadderKey, RungRules]:
    found: dict[LadderKey, list[RungRule]] = defaultdict(list)
    for row in EscalationRung.objects.order_by("id"):
        rule = _rung(row)
        if rule is not None:
            found[row.category_id, row.tier, row.purpose].append(rule)
    return {key: RungRules(tuple(rules)) for key, rules in found.items()}


def _rung(row: EscalationRung) -> RungRule | None:
    """The row as a rule; None, and a line in the log, for one that no clock can run."""
    kind, counts_from = RungKind(row.kind), CountsFrom(row.counts_from)
    try:
        if counts_from is CountsFrom.SHARE:
            return RungRule.at_share(kind, row.amount)
        return RungRule.after(kind, counts_from, Limit(row.amount, Unit(row.unit)))
    except ValueError:
        logger.exception("rung %s cannot be counted and is left out", row.pk)
        return None


class _Departments(TypedDict):
    department_kinds: Mapping[int, frozenset[str]]
    kind_examples: Mapping[str, tuple[str, str]]


def _departments() -> _Departments:
    kinds: dict[int, set[str]] = defaultdict(set)
    examples: dict[str, tuple[str, str]] = {}
    rows = Department.objects.order_by("grid__tier", "id").values_list("grid_id", "kind", "name", "name_en")
    for grid_id, kind, name, name_en in rows:
        kinds[grid_id].add(kind)
        examples.setdefault(kind, (name, name_en))
    return {
        "department_kinds": {grid_id: frozenset(found) for grid_id, found in kinds.items()},
        "kind_examples": examples,
    }


def rules_of(state_or_set: RuleSet.State | RuleSet, categories: Mapping[int, Category]) -> tuple[routing.Rule, ...]:
    """The rules of one set, or of the active one, in the order of asking, as the pure rule wants them. One query."""
    chosen = {"rule_set": state_or_set} if isinstance(state_or_set, RuleSet) else {"rule_set__state": state_or_set}
    rows = RoutingRule.objects.filter(**chosen).select_related("area").order_by("order", "id")
    return tuple(as_rule(row, categories) for row in rows)


def as_rule(row: RoutingRule, categories: Mapping[int, Category]) -> routing.Rule:
    """A row as the pure rule wants it, with the fault for which it can hold for no report at all."""
    category = categories.get(row.category_id) if row.category_id is not None else None
    fault = None
    if row.area is not None and row.area.valid_to is not None:
        fault = routing.Answer.AREA_GONE
    elif category is not None and not category.is_active:
        fault = routing.Answer.CATEGORY_GONE
    return routing.Rule(
        id=row.id,
        name=row.name,
        to_tier=row.to_tier,
        category_id=row.category_id,
        area_id=row.area_id,
        is_urgent=row.is_urgent,
        department_kind=row.department_kind,
        is_working_time=row.is_working_time,
        assigns_directly=row.assigns_directly,
        is_active=row.is_active,
        fault=fault,
    )


@dataclass(frozen=True, slots=True)
class Branch:
    """A field or class with what lies below it, for menus."""

    category: Category
    below: tuple["Branch", ...]


def category_tree() -> tuple[Branch, ...]:
    """Categories in use as field → class → minor class."""
    below: dict[int | None, list[Category]] = defaultdict(list)
    for row in catalogue().categories.values():
        if row.is_active:
            below[row.parent_id].append(row)

    def branches(parent: int | None) -> tuple[Branch, ...]:
        return tuple(Branch(row, branches(row.id)) for row in below[parent])

    return branches(None)
