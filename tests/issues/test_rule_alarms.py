"""A rule that cannot be asked: passed over, told once to those who can mend it, and named in the report's history."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.grids.models import Grid
from apps.issues.models import Category, IssueEvent, RoutingRule, RuleAlarm, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services.calendar import seed_calendar
from apps.issues.services.routing import route_waiting
from apps.issues.services.rule_alarms import clear_rule_alarms
from apps.notices.models import Notice
from apps.staff.models import Role
from tests.factories import NOW, Town, new_boundary_version, staffed
from tests.issues.reports import active_set, filed, fresh, rule

LATER = NOW + timedelta(seconds=5)
MIDNIGHT = NOW.replace(hour=23)


@pytest.fixture(autouse=True)
def _fresh_catalogue(db: None) -> None:
    forget_catalogue()


def close_other_community(town: Town) -> None:
    cells = [town.other_community.id, town.other_cell.id]
    Grid.objects.filter(id__in=cells).update(valid_to=NOW.date())
    new_boundary_version()


def switch_off_lamps(town: Town) -> None:
    Category.objects.filter(id=town.categories.lamp.id).update(is_active=False)


BREAKS: dict[str, tuple[Callable[[Town], Any], Callable[[Town], dict[str, Any]]]] = {
    "area_gone": (close_other_community, lambda town: {"to_tier": 1, "area": town.other_community}),
    "category_gone": (switch_off_lamps, lambda town: {"to_tier": 1, "category": town.categories.lamp}),
    "no_tier": (lambda town: None, lambda town: {"to_tier": 7}),
    "no_department": (lambda town: None, lambda town: {"to_tier": 1, "department_kind": "shuiwu"}),
    "no_calendar": (lambda town: None, lambda town: {"to_tier": 1, "is_working_time": True}),
    "off": (lambda town: None, lambda town: {"to_tier": 1, "is_active": False}),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_broken_rule_is_passed_over_alarmed_once_and_named_in_the_history(town: Town, fault: str) -> None:
    spoil, values = BREAKS[fault]
    broken = rule(name="坏规则", order=1, **values(town))
    whole = rule(name="好规则", order=2, to_tier=2)
    spoil(town)
    forget_catalogue()
    administrator = staffed("管系统", town.city, Role.SYSTEM_ADMIN)
    first, second = filed(town, town.categories.noise), filed(town, town.categories.noise)
    route_waiting(now=LATER)
    third = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert {fresh(issue).holder_grid_id for issue in (first, second, third)} == {town.street.id}
    alarm = RuleAlarm.objects.get()
    assert (alarm.rule, alarm.fault, alarm.raised_at) == (broken, fault, LATER)
    notices = Notice.objects.filter(text__contains="routing rule")
    assert set(notices.filter(recipient=administrator).values_list("link", flat=True)) == {
        f"/admin/issues/ruleset/{broken.rule_set_id}/change/"
    }
    expected = {administrator.id, *platform(town, broken)}
    assert sorted(notices.values_list("recipient_id", flat=True)) == sorted(expected)
    assert all("坏规则" in notice.sentence for notice in notices)
    trace = IssueEvent.objects.get(issue=third, seq=2).payload["trace"]
    assert trace["rules"] == [[broken.id, fault], [whole.id, "holds"]]
    assert trace["set"] == active_set().version


def platform(town: Town, broken: RoutingRule) -> set[int]:
    """The district's desk for a rule of its area, else the city's."""
    if broken.area_id is None:
        return {town.people.city_dispatcher.id}
    return {town.people.dispatcher.id, town.people.second_dispatcher.id, town.people.duty_chief.id}


def test_without_any_system_administrator_the_superusers_are_told(town: Town) -> None:
    rule(name="坏规则", to_tier=7)
    filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert town.people.admin.id in Notice.objects.values_list("recipient_id", flat=True)


def test_after_somebody_has_looked_at_the_rules_what_is_still_wrong_is_told_anew(town: Town) -> None:
    broken = rule(name="坏规则", to_tier=7)
    for _ in range(2):
        filed(town, town.categories.noise)
        route_waiting(now=LATER)
        clear_rule_alarms(rule_set_id=broken.rule_set_id)
    assert Notice.objects.filter(recipient=town.people.admin).count() == 2


def test_an_unknown_year_is_told_again_in_the_next_unknown_year(town: Town) -> None:
    rule(name="夜间", to_tier=1, is_working_time=False)
    for at in (NOW, NOW.replace(year=NOW.year + 1)):
        filed(town, town.categories.noise, now=at)
        route_waiting(now=at)
    assert list(RuleAlarm.objects.order_by("id").values_list("detail", flat=True)) == ["2026", "2027"]


@pytest.mark.parametrize(("at", "holder"), [(NOW, "cell"), (MIDNIGHT, "district")])
def test_a_rule_for_the_night_asks_the_working_calendar_at_the_moment_of_routing(
    town: Town, at: Any, holder: str
) -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    rule(name="夜间噪音直达区", to_tier=1, category=town.categories.noise, is_working_time=False)
    issue = filed(town, town.categories.noise, now=NOW)
    route_waiting(now=at)
    assert fresh(issue).holder_grid_id == getattr(town, holder).id
    assert not RuleAlarm.objects.exists()


def test_a_rule_of_a_draft_or_of_an_old_set_is_never_asked(town: Town) -> None:
    for number, state in enumerate(("draft", "retired"), start=7):
        other = type(active_set()).objects.create(version=number, name="别的", state=state, created_at=NOW)
        rule(name="一切到市", to_tier=0, rule_set=other)
    issue = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert (fresh(issue).state, fresh(issue).holder_grid_id) == (State.ASSIGNED, town.cell.id)
