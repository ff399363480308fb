"""An administrator's way from a draft to rules in force, by the admin's own pages; and what its forms refuse."""

from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from apps.issues.models import DryRun, Power, RoutingRule, RuleSet
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services.routing import route_waiting
from apps.issues.tasks import dry_run
from apps.staff.models import User
from tests.factories import NOW, Town, user
from tests.issues.reports import active_set, filed, rule

SETS = "/admin/issues/ruleset/"


@pytest.fixture(autouse=True)
def _that_wednesday() -> Any:
    forget_catalogue()
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def desk(town: Town, client: Client) -> Client:
    """The administrator's browser, in English."""
    client.force_login(town.people.admin)
    client.cookies["django_language"] = "en"
    return client


def inline(rule_set: RuleSet, **values: Any) -> dict[str, Any]:
    """The form of a set with one new rule, as the browser sends it."""
    given = {"order": 10, "name": "渣土归街道", "to_tier": 2, "is_urgent": "unknown", "is_working_time": "unknown"}
    given |= {"is_active": "on"} | values
    management = {"rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 0}
    return {"name": rule_set.name, **management, **{f"rules-0-{name}": value for name, value in given.items()}}


def test_from_a_draft_to_rules_in_force(town: Town, desk: Client) -> None:
    active_set()
    for cell in (town.cell, town.other_cell):
        filed(town, town.categories.rubbish, cell)
    route_waiting(now=NOW)
    made = desk.post(f"{SETS}add/", {"name": "秋季规则", "copy_of": active_set().pk})
    draft = RuleSet.objects.get(state="draft")
    assert made.headers["Location"] == f"{SETS}{draft.pk}/change/"
    added = desk.post(f"{SETS}{draft.pk}/change/", inline(draft, category=town.categories.rubbish.pk))
    assert added.status_code == 302
    page = f"{SETS}{draft.pk}/dry-run/"
    assert page in desk.get(f"{SETS}{draft.pk}/change/").text
    assert "has not been tried" in desk.post(page, {"do": "activate"}, follow=True).text
    assert desk.post(page, {"do": "start", "most": 100}).status_code == 302
    assert "See how far it is" in desk.get(page).text
    assert "is under way" in desk.post(page, {"do": "start", "most": 100}, follow=True).text
    dry_run(DryRun.objects.get().pk)
    html = desk.get(page).text
    assert "of 2 past issues 2 would go elsewhere" in html
    assert "“渣土归街道” decided 2." in html
    assert "See how far it is" not in html
    assert "is in force" in desk.post(page, {"do": "activate"}, follow=True).text
    assert RuleSet.objects.get(state="active") == draft
    assert DryRun.objects.get().asked_by == town.people.admin


def test_a_dry_run_is_stopped_by_its_button(town: Town, desk: Client) -> None:
    page = f"{SETS}{active_set().pk}/dry-run/"
    desk.post(page, {"do": "start", "most": 100})
    desk.post(page, {"do": "stop"})
    dry_run(DryRun.objects.get().pk)
    assert DryRun.objects.get().state == "stopped"
    assert "Last dry run: stopped" in desk.get(page).text


def test_the_page_says_what_is_wrong_before_anything_is_tried(town: Town, desk: Client) -> None:
    rule(name="停用的", to_tier=1, is_active=False)
    assert "停用的: reports that it would have caught pass it by." in desk.get(f"{SETS}{active_set().pk}/dry-run/").text


@pytest.mark.parametrize("most", ["", "0", "-1", "two", "99999999"])
def test_a_dry_run_without_a_sound_number_does_not_begin(town: Town, desk: Client, most: str) -> None:
    response = desk.post(f"{SETS}{active_set().pk}/dry-run/", {"do": "start", "most": most})
    assert response.status_code == 200
    assert not DryRun.objects.exists()


def test_only_who_may_change_rule_sets_sees_the_dry_run(town: Town, client: Client) -> None:
    page = f"{SETS}{active_set().pk}/dry-run/"
    assert client.get(page).status_code == 302
    client.force_login(town.people.dispatcher)
    assert client.get(page).status_code == 302
    reader: User = user("只读", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename="view_ruleset"))
    client.force_login(reader)
    assert client.get(page).status_code == 403
    assert client.post(page, {"do": "start", "most": 1}).status_code == 403


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"department_kind": "shuiwu"}, "No department is of the kind “shuiwu”. There are: chengguan, gongshang."),
        ({"assigns_directly": "on", "department_kind": "chengguan"}, "Only a district or the city gives it"),
        ({"to_tier": 1, "assigns_directly": "on"}, "Name the kind of department that gets it at once."),
        ({"is_working_time": "false"}, "The working calendar does not know the year 2026"),
        ({"area": "far_cell", "to_tier": 1, "department_kind": "gongshang"}, "西福民社区第一网格 has no department"),
        ({"name": ""}, "This field is required."),
        ({"to_tier": 9}, "Select a valid choice"),
    ],
)
def test_a_bad_rule_is_refused_with_a_sentence(town: Town, desk: Client, values: dict[str, Any], sentence: str) -> None:
    draft = RuleSet.objects.create(version=9, name="草稿", created_at=NOW)
    if "area" in values:
        values = values | {"area": getattr(town, values["area"]).pk}
    response = desk.post(f"{SETS}{draft.pk}/change/", inline(draft, **values))
    assert sentence in response.text
    assert not RoutingRule.objects.exists()


def test_two_rules_of_one_set_never_share_a_name(town: Town, desk: Client) -> None:
    draft = RuleSet.objects.create(version=9, name="草稿", created_at=NOW)
    rule(name="渣土归街道", to_tier=1, rule_set=draft)
    values = {"rule_set": draft.pk, "order": 1, "name": "渣土归街道", "to_tier": 1, "is_active": "on"}
    assert desk.post("/admin/issues/routingrule/add/", values).status_code == 200
    assert RoutingRule.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tier": 2, "department_kind": "shuiwu"}, "No department is of the kind “shuiwu”"),
        ({"tier": 3, "department_kind": "chengguan", "assigns_directly": "on"}, "Only a district or the city gives it"),
        ({"tier": 0}, "Nothing is above the city"),
    ],
)
def test_a_bad_power_is_refused_with_a_sentence(
    town: Town, desk: Client, values: dict[str, Any], sentence: str
) -> None:
    Power.objects.all().delete()
    response = desk.post("/admin/issues/power/add/", {"category": town.categories.noise.pk, **values})
    assert sentence in response.text
    assert not Power.objects.exists()


def test_rules_in_force_are_only_switched_off_and_on(town: Town, desk: Client) -> None:
    held = rule(name="一切到街道", to_tier=2)
    page = f"/admin/issues/routingrule/{held.pk}/change/"
    assert 'name="to_tier"' not in desk.get(page).text
    desk.post(page, {"to_tier": 0, "name": "换了"})
    held.refresh_from_db()
    assert (held.to_tier, held.name, held.is_active) == (2, "一切到街道", False)
    assert desk.post(f"/admin/issues/routingrule/{held.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"{SETS}{held.rule_set_id}/delete/", {"post": "yes"}).status_code == 403
    assert 'name="rules-0-name"' not in desk.get(f"{SETS}{held.rule_set_id}/change/").text
    RuleSet.objects.update(state="retired")
    assert 'name="is_active"' not in desk.get(page).text


def test_alarms_are_read_and_go_when_the_set_is_saved(town: Town, desk: Client) -> None:
    broken = rule(name="坏规则", to_tier=7)
    filed(town, town.categories.noise)
    route_waiting(now=NOW)
    assert "坏规则" in desk.get("/admin/issues/rulealarm/").text
    assert desk.get("/admin/issues/rulealarm/add/").status_code == 403
    sent = {"name": "看过了", "rules-TOTAL_FORMS": 1, "rules-INITIAL_FORMS": 1, "rules-0-id": broken.pk}
    assert desk.post(f"{SETS}{active_set().pk}/change/", sent).status_code == 302
    assert "坏规则" not in desk.get("/admin/issues/rulealarm/").text


def test_one_set_at_a_time_is_put_in_force_from_the_list(town: Town, desk: Client) -> None:
    old = RuleSet.objects.create(version=7, name="旧", state="retired", created_at=NOW)
    ids = [active_set().pk, old.pk]
    both = desk.post(SETS, {"action": "activate", "_selected_action": ids}, follow=True)
    assert "Choose exactly one rule set." in both.text
    desk.post(SETS, {"action": "activate", "_selected_action": [old.pk]})
    assert active_set() == old
