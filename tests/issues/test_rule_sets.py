"""Rule sets: drafted, tried on the past, put in force; and what the check finds wrong."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.grids.models import Grid
from apps.issues.models import Category, DryRun, Handover, Issue, IssueEvent, Power, RuleAlarm, RuleSet
from apps.issues.selectors.catalogue import catalogue, forget_catalogue
from apps.issues.selectors.rules import Kind, check_routing
from apps.issues.services.dry_runs import OneIsRunning, Wish, begin_dry_run, carry_on, stop_dry_run
from apps.issues.services.routing import route_waiting
from apps.issues.services.rule_sets import (
    AlreadyActive,
    NotTried,
    RulesAreFixed,
    activate_rule_set,
    draft_rule_set,
    switch_rule,
)
from apps.issues.tasks import dry_run
from tests.factories import NOW, Town, new_boundary_version
from tests.issues.reports import active_set, filed, rule

LATER = NOW + timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _fresh_catalogue(db: None) -> None:
    forget_catalogue()


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def draft(town: Town, **values: Any) -> RuleSet:
    """A draft with one rule: rubble of the community stays with the street."""
    active_set()
    made = draft_rule_set(name="新规则", copy_of=None, now=NOW)
    given: dict[str, Any] = {"category": town.categories.rubbish, "area": town.community, "to_tier": 2} | values
    rule(name="园田渣土归街道", rule_set=made, **given)
    return made


def tried(rule_set: RuleSet, **wish: Any) -> DryRun:
    run = begin_dry_run(rule_set_id=rule_set.id, wish=Wish(**wish), asked_by_id=None, now=NOW)
    while carry_on(run_id=run.id, clock=lambda: LATER, seconds=0):
        pass
    run.refresh_from_db()
    return run


def past(town: Town) -> None:
    for cell in (town.cell, town.next_cell, town.other_cell):
        filed(town, town.categories.rubbish, cell)
        filed(town, town.categories.noise, cell)
    route_waiting(now=LATER)


def test_a_draft_copies_the_rules_and_the_next_version(town: Town) -> None:
    rule(name="一", to_tier=1, category=town.categories.noise, is_working_time=False, is_active=False)
    made = draft_rule_set(name="二", copy_of=active_set(), now=NOW)
    assert (made.version, made.state) == (active_set().version + 1, "draft")
    copy, original = made.rules.get(), active_set().rules.get()
    assert copy.id != original.id
    for name in ("name", "order", "category_id", "to_tier", "is_working_time", "is_active"):
        assert getattr(copy, name) == getattr(original, name)


def test_a_draft_goes_into_force_only_as_it_was_tried(town: Town) -> None:
    made, before = draft(town), active_set()
    with pytest.raises(NotTried):
        activate_rule_set(rule_set_id=made.id, now=LATER)
    assert tried(made).state == DryRun.State.FINISHED
    edited = made.rules.get()
    edited.to_tier = 1
    edited.save()
    with pytest.raises(NotTried):
        activate_rule_set(rule_set_id=made.id, now=LATER)
    tried(made)
    activate_rule_set(rule_set_id=made.id, now=LATER)
    forget_catalogue()
    assert catalogue().rule_set == made.version
    before.refresh_from_db()
    assert (before.state, before.retired_at) == ("retired", LATER)
    with pytest.raises(AlreadyActive):
        activate_rule_set(rule_set_id=made.id, now=LATER)


def test_an_old_set_comes_back_at_once_and_its_alarms_are_forgotten(town: Town) -> None:
    broken = rule(name="坏", to_tier=7)
    filed(town, town.categories.noise)
    route_waiting(now=LATER)
    old, made = active_set(), draft(town)
    tried(made)
    activate_rule_set(rule_set_id=made.id, now=LATER)
    activate_rule_set(rule_set_id=old.id, now=LATER)
    assert active_set() == old
    assert not RuleAlarm.objects.filter(rule=broken).exists()


def test_a_rule_in_force_is_switched_off_but_one_of_an_old_set_is_not(town: Town) -> None:
    held = rule(name="一切到街道", to_tier=2)
    switch_rule(rule_id=held.id, is_active=False)
    forget_catalogue()
    assert not catalogue().rules[0].is_active
    RuleSet.objects.update(state="retired")
    with pytest.raises(RulesAreFixed):
        switch_rule(rule_id=held.id, is_active=True)


# --- dry runs ----------------------------------------------------------------------------------------------


def rows() -> tuple[list[Any], ...]:
    models: tuple[Any, ...] = (Issue, Handover, IssueEvent)
    return tuple(list(model.objects.order_by("id").values_list()) for model in models)


def test_a_dry_run_counts_what_would_change_and_writes_no_issue(town: Town) -> None:
    past(town)
    before = rows()
    run = tried(draft(town))
    assert rows() == before
    assert (run.seen, run.changed, run.total, run.state) == (6, 2, 6, "finished")
    [[came_from, goes_to, count]] = run.summary["changes"]
    assert (came_from, goes_to, count) == ([1, "chengguan", False], [2, "", False], 2)
    assert run.summary["hits"] == [[run.rule_set.rules.get().id, 2]]
    assert [row["to"] for row in run.summary["examples"]] == [[2, "", False]] * 2


def test_it_compares_with_where_the_issues_really_went(town: Town) -> None:
    past(town)
    Power.objects.filter(category=town.categories.noise).update(may_handle=False)
    Power.objects.filter(category=town.categories.noise, tier__lte=2).update(may_handle=True)
    forget_catalogue()
    run = tried(draft_rule_set(name="空", copy_of=None, now=NOW))
    assert run.changed == 0
    assert run.summary["real"] == [[[4, "", False], [2, "", False], 3]]


def test_rules_for_the_night_are_asked_at_the_hour_of_the_filing(town: Town) -> None:
    from apps.issues.services.calendar import seed_calendar

    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    filed(town, town.categories.rubbish)
    filed(town, town.categories.rubbish, now=NOW.replace(hour=23))
    run = tried(draft(town, is_working_time=False))
    assert run.changed == 1


def test_it_is_done_in_pieces_and_an_issue_is_looked_at_once(town: Town, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.issues.services.dry_runs.CHUNK", 2)
    past(town)
    run = tried(draft(town), most=5)
    assert (run.seen, run.total, run.state) == (5, 5, "finished")


def test_it_can_be_stopped_and_a_second_one_waits(town: Town) -> None:
    past(town)
    made = draft(town)
    run = begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW)
    with pytest.raises(OneIsRunning):
        begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW)
    stop_dry_run(run_id=run.id, now=NOW)
    assert not carry_on(run_id=run.id, clock=lambda: LATER)
    run.refresh_from_db()
    assert (run.state, run.seen) == ("stopped", 0)
    with pytest.raises(NotTried):
        activate_rule_set(rule_set_id=made.id, now=LATER)


def test_rules_edited_meanwhile_make_it_fail(town: Town) -> None:
    past(town)
    made = draft(town)
    run = begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW)
    made.rules.update(to_tier=1)
    carry_on(run_id=run.id, clock=lambda: LATER)
    run.refresh_from_db()
    assert run.state == "failed"


def test_one_that_nobody_works_on_makes_way_for_the_next(town: Town) -> None:
    made = draft(town)
    dead = begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW)
    begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW + timedelta(minutes=2))
    dead.refresh_from_db()
    assert dead.state == "failed"


def test_the_task_does_it_and_rings_twice_without_counting_twice(town: Town) -> None:
    past(town)
    run = begin_dry_run(rule_set_id=draft(town).id, wish=Wish(), asked_by_id=None, now=NOW)
    for _ in range(2):
        dry_run(run.id)
    run.refresh_from_db()
    assert (run.state, run.seen) == ("finished", 6)


def test_a_piece_costs_the_same_number_of_statements_however_many_issues(town: Town) -> None:
    made = draft(town)
    filed(town, town.categories.rubbish)
    tried(made)  # fills the caches

    def statements() -> int:
        run = begin_dry_run(rule_set_id=made.id, wish=Wish(), asked_by_id=None, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            carry_on(run_id=run.id, clock=lambda: LATER)
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    few = statements()
    for _ in range(30):
        filed(town, town.categories.rubbish)
    assert statements() == few <= 8


def test_the_command_prints_what_would_change_and_counts_as_the_trial(town: Town) -> None:
    past(town)
    made = draft(town)
    out = StringIO()
    call_command("dry_run_routing", "--since", "2026-11-01", stdout=out, stderr=StringIO())
    text = out.getvalue()
    assert "of 6 past issues 2 would go elsewhere" in text
    assert "“园田渣土归街道” decided 2." in text
    assert "The rule “园田渣土归街道” holds: it decided." in text
    assert activate_rule_set(rule_set_id=made.id, now=LATER).state == "active"


@pytest.mark.parametrize("options", [["--rules", "99"], ["--since", "yesterday"], ["--limit", "0"]])
def test_the_command_refuses_what_it_cannot_do(town: Town, options: list[str]) -> None:
    draft(town)
    with pytest.raises(CommandError):
        call_command("dry_run_routing", *options, stdout=StringIO(), stderr=StringIO())


# --- the check ---------------------------------------------------------------------------------------------


def findings() -> list[tuple[Kind, str]]:
    forget_catalogue()
    return [(finding.kind, finding.subject) for finding in check_routing(now=NOW)]


def test_a_sound_town_passes(town: Town) -> None:
    rule(name="渣土", to_tier=1, category=town.categories.rubbish, department_kind="chengguan")
    out = StringIO()
    forget_catalogue()
    call_command("check_routing", stdout=out)
    assert out.getvalue() == "Powers and rules are sound.\n"


def spoil_area(town: Town) -> None:
    rule(name="坏", to_tier=1, area=town.quiet_cell)
    Grid.objects.filter(id=town.quiet_cell.id).update(valid_to=NOW.date())
    new_boundary_version()


FAULTY: dict[str, tuple[Callable[[Town], Any], tuple[Kind, str]]] = {
    "closed area": (spoil_area, (Kind.BROKEN, "坏")),
    "unused category": (
        lambda town: (
            rule(name="坏", to_tier=1, category=town.categories.lamp),
            Category.objects.filter(id=town.categories.lamp.id).update(is_active=False),
        ),
        (Kind.BROKEN, "坏"),
    ),
    "unknown kind": (lambda town: rule(name="坏", to_tier=1, department_kind="shuiwu"), (Kind.BROKEN, "坏")),
    "no such department there": (
        lambda town: rule(name="坏", to_tier=1, department_kind="gongshang", area=town.far_cell),
        (Kind.BROKEN, "坏"),
    ),
    "unknown year": (lambda town: rule(name="坏", to_tier=1, is_working_time=False), (Kind.BROKEN, "坏")),
    "switched off": (lambda town: rule(name="停", to_tier=1, is_active=False), (Kind.OFF, "停")),
    "never reached": (
        lambda town: (rule(name="甲", order=1, to_tier=1), rule(name="乙", order=2, to_tier=1, is_urgent=True)),
        (Kind.SHADOWED, "乙"),
    ),
    "no power": (
        lambda town: Power.objects.filter(category=town.categories.noise, tier=4).delete(),
        (Kind.NO_POWER, "070103 Noise"),
    ),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_each_fault_is_found_and_the_command_ends_with_one(town: Town, fault: str) -> None:
    spoil, expected = FAULTY[fault]
    spoil(town)
    assert findings() == [expected]
    with pytest.raises(CommandError, match="Faults of powers and rules: 1"):
        call_command("check_routing", stdout=StringIO())


def test_a_rule_is_not_shadowed_by_one_that_some_place_has_no_department_for(town: Town) -> None:
    rule(name="甲", order=1, to_tier=1, department_kind="gongshang")  # 中原区 has none
    rule(name="乙", order=2, to_tier=1)
    assert findings() == []
