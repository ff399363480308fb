"""Asking the rules: the first that holds sends the issue; one that cannot be asked counts as absent, never silently."""

from collections.abc import Sequence

from apps.issues.routing.values import Answer, Cell, Matter, Rule, Staff


def ask(
    rules: Sequence[Rule], matter: Matter, chain: Sequence[Cell], staff: Staff
) -> tuple[Rule | None, tuple[tuple[int, Answer], ...]]:
    """The rule that decides, if any, and the answer of each one that was asked."""
    area = {cell.id for cell in chain}
    asked: list[tuple[int, Answer]] = []
    for rule in rules:
        answer = _answer(rule, matter, chain, area, staff)
        asked.append((rule.id, answer))
        if answer is Answer.HOLDS:
            return rule, tuple(asked)
    return None, tuple(asked)


def _answer(rule: Rule, matter: Matter, chain: Sequence[Cell], area: set[int], staff: Staff) -> Answer:
    if rule.fault is not None and rule.is_active:
        return rule.fault
    unmet = _unmet(rule, matter, area)
    if unmet is not None:
        return unmet
    return _fault(rule, matter, chain, staff) or Answer.HOLDS if rule.is_active else Answer.OFF


def _unmet(rule: Rule, matter: Matter, area: set[int]) -> Answer | None:
    """The first condition that does not hold. Whether it is working time may be unknown: that is a fault."""
    if rule.category_id is not None and rule.category_id not in matter.categories:
        return Answer.CATEGORY
    if rule.area_id is not None and rule.area_id not in area:
        return Answer.AREA
    if rule.is_urgent is not None and rule.is_urgent != matter.is_urgent:
        return Answer.URGENCY
    if rule.is_working_time is not None and matter.is_working_time == (not rule.is_working_time):
        return Answer.HOURS
    return None


def _fault(rule: Rule, matter: Matter, chain: Sequence[Cell], staff: Staff) -> Answer | None:
    """Why a rule whose conditions hold cannot be followed here."""
    if rule.is_working_time is not None and matter.is_working_time is None:
        return Answer.NO_CALENDAR
    if all(cell.tier != rule.to_tier for cell in chain):
        return Answer.NO_TIER
    if rule.department_kind and not staff.has_kind(rule.department_kind, chain, rule.to_tier):
        return Answer.NO_DEPARTMENT
    return None


def catches_all_of(earlier: Rule, later: Rule, lineage: Sequence[int], chain: Sequence[int]) -> bool:
    """Whether every report that `later` could decide is decided by `earlier`; departments are not looked at.

    lineage: the later rule's category with its class and field; chain: its area with the cells above it. Empty for any.
    A rule to a lower tier does not catch what was seen above that tier, so it never counts as catching all.
    """
    return (
        earlier.is_active
        and earlier.fault is None
        and (earlier.category_id is None or earlier.category_id in lineage)
        and (earlier.area_id is None or earlier.area_id in chain)
        and earlier.is_urgent in (None, later.is_urgent)
        and earlier.is_working_time in (None, later.is_working_time)
        and earlier.to_tier <= later.to_tier
    )
