"""Are powers and routing rules sound? What is broken, switched off, never reached, or missing, in sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues import routing
from apps.issues.models import Category, Power, RoutingRule, RuleSet
from apps.issues.routing import Cell, Reason, Rule
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import Catalogue, as_rule, catalogue

WHOLE_CHAIN = tuple(Cell(-tier, tier) for tier in reversed(Tier.values))  # of a city of no names


class Kind(StrEnum):
    """What sort of thing is wrong."""

    BROKEN = "broken"
    OFF = "off"
    SHADOWED = "shadowed"
    NO_POWER = "no_power"

    @property
    def label(self) -> Promise:
        return _LABELS[self]


_LABELS = {
    Kind.BROKEN: pgettext_lazy("routing", "broken"),
    Kind.OFF: pgettext_lazy("routing", "switched off"),
    Kind.SHADOWED: pgettext_lazy("routing", "never reached"),
    Kind.NO_POWER: pgettext_lazy("routing", "without power"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a rule or power; `field_name` is that of the form which can mend it."""

    field_name: str
    sentence: Promise
    values: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.sentence) % self.values


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check: what sort, of which rule, power or category, and why."""

    kind: Kind
    subject: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind.label}: {self.subject}: {self.why}"


def check_routing(*, now: datetime, rule_set: RuleSet | None = None) -> list[Finding]:
    """Everything wrong with the powers and with the rules of that set (None: of the active one). A few queries."""
    known = catalogue()
    chosen = {"rule_set": rule_set} if rule_set is not None else {"rule_set__state": RuleSet.State.ACTIVE}
    rows = list(RoutingRule.objects.filter(**chosen).select_related("area", "category").order_by("order", "id"))
    return [*_of_rules(rows, known, now), *_never_reached(rows, known), *_of_powers(known), *_without_power(known)]


def rule_faults(rule: RoutingRule, now: datetime) -> list[Fault]:
    """Why a rule can never hold, or not be followed anywhere. No query beyond its area and category."""
    known, found = catalogue(), []
    if rule.area is not None and rule.area.valid_to is not None:
        found.append(Fault("area", _("The area %(area)s is closed."), {"area": rule.area}))
    if rule.category is not None and not rule.category.is_active:
        found.append(Fault("category", _("The category %(category)s is not in use."), {"category": rule.category}))
    if rule.to_tier not in Tier.values:
        found.append(Fault("to_tier", _("There is no such tier.")))
    if rule.is_working_time is not None and not _knows_this_year(rule, now):
        sentence = _("The working calendar does not know the year %(year)s: fill it first (manage.py seed_calendar).")
        found.append(Fault("is_working_time", sentence, {"year": now.year}))
    area = rule.area_id if not found else None
    return [*found, *department_faults(rule.department_kind, rule.to_tier, rule.assigns_directly, known, area)]


def power_faults(power: Power) -> list[Fault]:
    """Why a row of the powers cannot be followed. No query."""
    found = department_faults(power.department_kind, power.tier, power.assigns_directly, catalogue())
    if power.tier == Tier.CITY and not power.may_handle and not power.department_kind:
        found.append(Fault("may_handle", _("Nothing is above the city: it must handle it, or name a department.")))
    return found


def department_faults(
    kind: str, tier: int, is_direct: bool, known: Catalogue, area_id: int | None = None
) -> list[Fault]:
    """What is wrong with a named kind of department. `area_id`: it must exist somewhere above or below that cell."""
    if is_direct and tier > Tier.DISTRICT:
        sentence = _(
            "Only a district or the city gives it to a department at once; below, seconded staff always get it."
        )
        return [Fault("assigns_directly", sentence)]
    if is_direct and not kind:
        return [Fault("department_kind", _("Name the kind of department that gets it at once."))]
    if not kind:
        return []
    if kind not in known.kind_examples:
        sentence = _("No department is of the kind “%(kind)s”. There are: %(kinds)s.")
        return [Fault("department_kind", sentence, {"kind": kind, "kinds": ", ".join(sorted(known.kind_examples))})]
    if area_id is not None and not _has_kind_in(kind, tier, area_id, known):
        sentence = _("%(area)s has no department of the kind “%(kind)s” that this tier could pass it to.")
        return [Fault("department_kind", sentence, {"area": tree().cell(area_id).name, "kind": kind})]
    return []


def rules_digest(rules: Sequence[Rule]) -> str:
    """The fingerprint of what rules say: a set that was edited after a dry run has another one. Ids do not count."""
    said = [
        (r.name, r.to_tier, r.category_id, r.area_id, r.is_urgent, r.is_working_time, r.department_kind,
         r.assigns_directly, r.is_active)
        for r in rules
    ]  # fmt: skip
    return sha256(repr(said).encode()).hexdigest()


def _knows_this_year(rule: RoutingRule, now: datetime) -> bool:
    index = tree()
    has_area = rule.area_id is not None and index.has(rule.area_id)
    calendar = work_calendar(index.cell(rule.area_id).district_id if has_area and rule.area_id else None)
    return calendar.knows(now.astimezone(calendar.tz).date())


def _has_kind_in(kind: str, tier: int, area_id: int, known: Catalogue) -> bool:
    index = tree()
    lowest = min(tier, Tier.DISTRICT)
    above = (cell.id for cell in index.chain(area_id) if cell.tier >= lowest)
    return any(kind in known.department_kinds.get(cell, ()) for cell in (*above, *index.subtree_ids(area_id)))


def _of_rules(rows: Sequence[RoutingRule], known: Catalogue, now: datetime) -> Iterator[Finding]:
    for row in rows:
        if not row.is_active:
            yield Finding(Kind.OFF, row.name, str(_("reports that it would have caught pass it by.")))
            continue
        for fault in rule_faults(row, now):
            yield Finding(Kind.BROKEN, row.name, str(fault))


def _never_reached(rows: Sequence[RoutingRule], known: Catalogue) -> Iterator[Finding]:
    """Rules that an earlier one leaves nothing for. Coverage by several earlier ones together is not looked for."""
    rules = [as_rule(row, known.categories) for row in rows]
    index = tree()
    for place, later in enumerate(rules):
        if not later.is_active or later.fault is not None:
            continue
        lineage = known.lineage(later.category_id) if later.category_id is not None else ()
        is_known = later.area_id is not None and index.has(later.area_id)
        chain = [cell.id for cell in index.chain(later.area_id)] if is_known and later.area_id is not None else []
        for earlier in rules[:place]:
            if routing.catches_all_of(earlier, later, lineage, chain) and _is_followed_everywhere(earlier, known):
                sentence = _("the rule “%(earlier)s” before it catches all of its reports.")
                yield Finding(Kind.SHADOWED, later.name, str(sentence) % {"earlier": earlier.name})
                break


def _is_followed_everywhere(rule: Rule, known: Catalogue) -> bool:
    """Whether every place has the department it names: where one has not, the next rule is asked."""
    kinds, index = known.department_kinds, tree()
    if not rule.department_kind or (index.city and rule.to_tier == Tier.CITY):
        return not rule.department_kind or rule.department_kind in kinds.get(index.city.id if index.city else 0, ())
    return all(rule.department_kind in kinds.get(district.id, ()) for district in index.districts())


def _of_powers(known: Catalogue) -> Iterator[Finding]:
    for row in Power.objects.select_related("category").order_by("category__code", "tier"):
        for fault in power_faults(row):
            yield Finding(Kind.BROKEN, str(row), str(fault))


def _without_power(known: Catalogue) -> Iterator[Finding]:
    """Minor classes for which a report seen at some tier ends with the default holder."""
    for category in known.minor_classes():
        matter = known.matter(category.id, is_urgent=False)
        if matter.is_grave:
            continue
        for place, start in enumerate(WHOLE_CHAIN):
            way = routing.route(matter=matter, chain=WHOLE_CHAIN[place:], powers=known.powers, rules=(), vacant=())
            if way.hops[-1].reason is Reason.NO_POWER:
                yield Finding(Kind.NO_POWER, _code_and_name(category), _nobody(start))
                break


def _code_and_name(category: Category) -> str:
    return f"{category.code} {category}"


def _nobody(start: Cell) -> str:
    sentence = _("no row says who handles what is seen at the tier %(tier)s: the default holder gets it.")
    return str(sentence) % {"tier": Tier(start.tier).label}
