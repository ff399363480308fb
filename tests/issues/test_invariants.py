"""Each promise, broken on purpose behind the services' back, is found and named."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from apps.common import clock
from apps.grids.models import Grid
from apps.issues.models import Handover, Issue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep
from apps.issues.services.routing import route_waiting
from apps.staff.models import Post, Role
from tests.factories import NOW, Town, end_posts
from tests.issues.reports import filed, fresh, held_by


@pytest.fixture
def issue(town: Town) -> Issue:
    """One with a history of four events, held by the district's platform."""
    made = filed(town, town.categories.rubbish)
    route_waiting(now=NOW)
    return fresh(made)


def breaches(sample: int | None = None) -> list[str]:
    """What is found, in English."""
    with translation.override("en"):
        return [str(finding) for finding in check_invariants(now=NOW, sample=sample).findings]


@contextmanager
def behind_the_triggers() -> Iterator[None]:
    """As a person with a database console would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE issues_issueevent DISABLE TRIGGER USER")
        yield
        cursor.execute("ALTER TABLE issues_issueevent ENABLE TRIGGER USER")


def run(sql: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_a_town_at_work_keeps_every_promise(town: Town, issue: Issue) -> None:
    filed(town, town.categories.noise)
    filed(town, town.categories.noise, is_self_handled=True, result="已劝导")
    route_waiting(now=NOW)
    for hours in (5, 30, 200, 700):
        sweep(now=NOW + timedelta(hours=hours))
        record_late()
        report = check_invariants(now=NOW + timedelta(hours=hours))
        assert report.findings == []
    assert (report.cells, report.open_issues, report.histories, report.is_sample) == (15, 2, 3, False)


def test_vacant_cells_are_listed_but_covered(town: Town) -> None:
    report = check_invariants(now=NOW)
    assert report.vacant == [
        "410102001000000",
        "410102001001000",
        "410105002000000",
        "410105002001000",
        "410105002001001",
    ]
    assert report.findings == []


def test_a_city_where_nobody_stands_in_breaks_the_second_promise(town: Town) -> None:
    for grid in (town.far_cell, town.other_district, town.city):
        for role in (Role.LEADER, Role.DISPATCHER):
            end_posts(grid, role)
    found = breaches()
    assert "I2 410102001001001: nobody is responsible, up to the city" in found
    assert not [line for line in found if "410105" in line]


def test_two_leaders_at_once_are_found_even_in_the_past(town: Town) -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("ALTER TABLE staff_post DROP CONSTRAINT post_one_leader_of_a_cell_at_a_time")
    for person in (town.people.stranger, town.people.admin):
        Post.objects.create(user=person, grid=town.quiet_cell, role=Role.LEADER, valid=("2013-01-01", "2014-01-01"))
    assert breaches() == [
        f"I2 {town.quiet_cell.code}: has two leaders, or two first-responsible persons, at the same time"
    ]


def test_a_tree_that_is_none_breaks_the_first_promise(town: Town) -> None:
    Grid.objects.filter(id=town.cell.id).update(lft=town.cell.lft + 500)
    assert any(line.startswith("I1 410105001001009") for line in breaches())


def test_an_open_issue_without_holder_is_found(issue: Issue) -> None:
    Handover.objects.filter(issue=issue, ended_at=None).update(ended_at=NOW)
    assert breaches() == [f"I3 {issue.number}: open, but nobody holds it"]


def test_a_closed_issue_that_somebody_holds_is_found(issue: Issue) -> None:
    Issue.objects.filter(id=issue.id).update(closed_at=NOW)
    assert f"I3 {issue.number}: closed, but somebody still holds it" in breaches()


@pytest.mark.parametrize("change", ["holder_grid_id = grid_id", "due_at = due_at + interval '1 second'"])
def test_a_row_that_contradicts_its_handover_and_its_history_is_found(issue: Issue, change: str) -> None:
    run(f"UPDATE issues_issue SET {change} WHERE id = %s", issue.id)
    assert breaches() == [
        f"I3 {issue.number}: its holder or due time differs from the open handover's",
        f"I4 {issue.number}: differs from its newest event",
    ]


def test_a_clock_that_skips_a_rung_is_found(issue: Issue) -> None:
    Issue.objects.filter(id=issue.id).update(next_action_at=NOW + timedelta(days=900))
    assert breaches() == [f"I3 {issue.number}: its next action does not fit its rung and clock"]


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE issues_issueevent SET payload = '{}' WHERE issue_id = %s AND seq = 3",
        "UPDATE issues_issueevent SET actor_id = NULL, at = at - interval '1 day' WHERE issue_id = %s AND seq = 1",
        "UPDATE issues_issueevent SET hash = sha256('x') WHERE issue_id = %s AND seq = 2",
        "DELETE FROM issues_issueevent WHERE issue_id = %s AND seq = 2",
    ],
)
@pytest.mark.parametrize("sample", [None, 10])
def test_a_forged_history_is_found(issue: Issue, forgery: str, sample: int | None) -> None:
    with behind_the_triggers():
        run(forgery, issue.id)
    assert breaches(sample) == [f"I4 {issue.number}: its history was changed: the chain of hashes is broken"]


def test_a_history_cut_short_is_found(issue: Issue) -> None:
    with behind_the_triggers():
        run("DELETE FROM issues_issueevent WHERE issue_id = %s AND seq = 4", issue.id)
    assert breaches() == [f"I4 {issue.number}: differs from its newest event"]


def test_a_history_that_goes_on_without_its_issue_is_found(issue: Issue) -> None:
    run("UPDATE issues_issue SET version = 3 WHERE id = %s", issue.id)
    assert breaches() == [f"I4 {issue.number}: differs from its newest event"]


def test_an_issue_the_sweep_forgot_is_found(issue: Issue) -> None:
    late = held_by(issue).rung_at[0] + timedelta(minutes=11)
    with translation.override("en"):
        found = [str(finding) for finding in check_invariants(now=late).findings]
    assert found == [f"I5 {issue.number}: the sweep should have acted on it by now"]
    assert check_invariants(now=late - timedelta(minutes=2)).findings == []


def test_a_report_that_nobody_routed_is_found(town: Town) -> None:
    waiting = filed(town, town.categories.noise)
    report = check_invariants(now=NOW + timedelta(minutes=11))
    assert [(finding.invariant, finding.subject) for finding in report.findings] == [("I5", waiting.number)]


def test_a_sample_says_that_it_is_one(town: Town, issue: Issue) -> None:
    report = check_invariants(now=NOW, sample=2)
    assert (report.is_sample, report.histories) == (True, 1)


def test_an_empty_instance_keeps_every_promise(db: None) -> None:
    assert check_invariants(now=NOW).findings == []
    assert check_invariants(now=NOW, sample=10).findings == []


def command(*arguments: str) -> str:
    out = StringIO()
    with translation.override("en"):
        call_command("check_invariants", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def _long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doors read the clock; here it stands at NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.usefixtures("_long_ago")
def test_the_command_says_one_line_when_all_is_well(issue: Issue) -> None:
    said = command()
    assert said.startswith(
        "Invariants I1–I5 hold: 15 cells (5 vacant, superiors stand in), 1 open issues, all 1 histories recomputed"
    )
    assert said.count("\n") == 1
    assert "a sample of 1 histories" in command("--sample", "4")
    assert command("--vacant").count("\n") == 6


@pytest.mark.usefixtures("_long_ago")
def test_the_command_names_the_issues_and_fails_when_not(issue: Issue) -> None:
    Handover.objects.filter(issue=issue, ended_at=None).update(ended_at=NOW)
    out = StringIO()
    with pytest.raises(CommandError, match="1"):
        call_command("check_invariants", stdout=out)
    assert issue.number in out.getvalue()
    with pytest.raises(CommandError):
        call_command("check_invariants", "--sample", "-3")


@pytest.mark.usefixtures("_long_ago")
def test_the_sweep_by_hand_goes_to_the_end(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    filed(town, town.categories.noise, now=NOW - timedelta(days=7))
    out = StringIO()
    with translation.override("en"):
        call_command("sweep", stdout=out)
    assert out.getvalue() == "Routed 1, reminded 0, overdue 0, moved up 0, rung again at the city 0.\n"
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=2))
    out = StringIO()
    with translation.override("en"):
        call_command("sweep", stdout=out)
    assert out.getvalue() == "Routed 0, reminded 1, overdue 1, moved up 1, rung again at the city 0.\n"
