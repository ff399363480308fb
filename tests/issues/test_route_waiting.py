"""Every waiting report gets its holder, its clock and its reasons; nothing that is wrong with one stops the others."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.grids.models import Grid
from apps.issues import routing
from apps.issues.models import Handover, Issue, IssueEvent, Power, Rung, State, TierLimit
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services.routing import route_turn, route_waiting
from apps.notices.models import Notice
from apps.staff.models import Role
from tests.factories import NOW, Town, end_posts, new_boundary_version
from tests.issues.reports import broken_chains, filed, fresh, held_by, refused_by_the_database, rule, story

LATER = NOW + timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _fresh_catalogue(db: None) -> None:
    forget_catalogue()


def reasons(issue: Issue) -> list[str]:
    """The reason of each automatic step, in English."""
    events = IssueEvent.objects.filter(issue=issue).exclude(kind="file").order_by("seq")
    with translation.override("en"):
        return [routing.sentence(event.payload["reason"], event.payload["values"]) for event in events]


def test_a_report_within_the_powers_of_its_cell_is_assigned_to_the_cells_leader(town: Town) -> None:
    issue = filed(town, town.categories.noise)
    assert route_waiting(now=LATER) == 1
    issue = fresh(issue)
    assert (issue.state, issue.holder_grid_id, issue.version, issue.rung) == (
        State.ASSIGNED, town.cell.id, 2, Rung.ON_TIME,
    )  # fmt: skip
    assert story(issue) == [("file", "collected", town.cell.id), ("assign", "assigned", town.cell.id)]
    assert reasons(issue) == ["Within the powers of 园田社区第九网格"]
    notice = Notice.objects.get()
    assert (notice.recipient, notice.link) == (town.people.leader, f"/i/{issue.number}/")


def test_a_report_beyond_the_cells_powers_climbs_to_the_platform_hop_by_hop(town: Town) -> None:
    issue = filed(town, town.categories.rubbish)
    route_waiting(now=LATER)
    issue = fresh(issue)
    assert story(issue) == [
        ("file", "collected", town.cell.id),
        ("report_up", "escalated", town.community.id),
        ("report_up", "escalated", town.street.id),
        ("report_up", "escalated", town.district.id),
    ]
    assert reasons(issue) == [
        "Beyond the powers of 园田社区第九网格", "Beyond the powers of 园田社区", "Beyond the powers of 花园路街道",
    ]  # fmt: skip
    assert (issue.state, issue.version) == (State.ESCALATED, 4)
    hops = Handover.objects.filter(issue=issue).order_by("id")
    assert [(hop.kind, hop.from_grid_id, hop.to_grid_id, hop.outcome, hop.ended_at) for hop in hops] == [
        ("collect", None, town.cell.id, "report_up", LATER),
        ("report_up", town.cell.id, town.community.id, "report_up", LATER),
        ("report_up", town.community.id, town.street.id, "report_up", LATER),
        ("report_up", town.street.id, town.district.id, "", None),
    ]
    assert IssueEvent.objects.get(issue=issue, seq=4).payload["suggestion"] == "chengguan"
    assert broken_chains() == []


def test_platforms_watch_their_board_and_are_not_told_one_by_one(town: Town) -> None:
    filed(town, town.categories.rubbish)
    route_waiting(now=LATER)
    assert not Notice.objects.exists()


def test_the_row_repeats_the_clock_of_the_open_handover(town: Town) -> None:
    issue = filed(town, town.categories.lamp)
    route_waiting(now=LATER)
    issue, held = fresh(issue), held_by(issue)
    assert (held.to_grid_id, held.limit_amount, held.limit_unit) == (
        town.community.id,
        Decimal(4),
        "workhour",
    )  # the standard
    assert held.started_at == LATER
    assert held.due_at == NOW.replace(hour=16, second=5)
    assert (issue.due_at, issue.next_action_at) == (held.due_at, held.rung_at[0])
    assert broken_chains() == []


def test_a_report_at_a_platform_has_the_tiers_time_to_be_passed_on(town: Town) -> None:
    TierLimit.objects.filter(tier=1, purpose="dispatch").update(limit_amount=2)
    issue = filed(town, town.categories.rubbish)
    route_waiting(now=LATER)
    assert held_by(issue).due_at == NOW.replace(hour=14, second=5)


def test_a_grave_matter_is_with_the_city_at_once(town: Town) -> None:
    issue = filed(town, town.categories.fire)
    route_waiting(now=LATER)
    assert story(issue)[1:] == [("report_up", "escalated", town.city.id)]
    assert held_by(issue).due_at == LATER + timedelta(minutes=30)


def test_a_rule_comes_first_and_is_named_in_the_reason(town: Town) -> None:
    rule(name="园田社区的噪音", category=town.categories.noise.parent, area=town.community, to_tier=2)
    inside, outside = filed(town, town.categories.noise), filed(town, town.categories.noise, town.other_cell)
    route_waiting(now=LATER)
    assert story(inside)[1:] == [("report_up", "assigned", town.street.id)]
    assert reasons(inside) == ["By the rule “园田社区的噪音”"]
    assert fresh(outside).holder_grid_id == town.other_cell.id


def test_where_the_leader_is_missing_the_superior_stands_in_and_everybody_can_see_why(town: Town) -> None:
    end_posts(town.cell, Role.LEADER)
    issue = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert story(issue)[1:] == [("report_up", "assigned", town.community.id)]
    assert reasons(issue) == ["园田社区第九网格 has no leader now; the leader of its superior stands in"]
    assert IssueEvent.objects.get(issue=issue, seq=2).payload["alarm"] is True
    assert Notice.objects.get().recipient == town.people.community_leader


def test_without_any_rule_the_district_gets_it_with_an_alarm(town: Town) -> None:
    Power.objects.all().delete()
    issue = filed(town, town.categories.noise)
    route_waiting(now=LATER)
    assert story(issue)[1:] == [("report_up", "escalated", town.district.id)]
    assert reasons(issue) == ["No rule says who handles this; 金水区 decides"]
    told = set(Notice.objects.values_list("recipient_id", flat=True))
    assert told == {town.people.dispatcher.id, town.people.second_dispatcher.id, town.people.duty_chief.id}


def test_a_report_of_a_cell_closed_meanwhile_goes_to_the_default_holder(town: Town) -> None:
    issue = filed(town, town.categories.noise)
    Grid.objects.filter(id=town.cell.id).update(valid_to=NOW.date())
    new_boundary_version()
    route_waiting(now=LATER)
    assert fresh(issue).holder_grid_id == town.district.id
    assert reasons(issue) == ["This report could not be routed by the rules; 金水区 decides"]


def test_a_limit_that_cannot_be_counted_stops_nobody(town: Town) -> None:
    TierLimit.objects.filter(tier=1).update(limit_amount=Decimal("99999"))
    issue = filed(town, town.categories.rubbish)
    assert route_waiting(now=LATER) == 1
    assert fresh(issue).state == State.ESCALATED


@pytest.mark.django_db(transaction=True)
def test_a_row_the_database_refuses_goes_to_the_default_holder_and_stops_nobody() -> None:
    town = _town()
    issues = [filed(town, town.categories.rubbish) for _ in range(5)]
    bad = issues[2]
    condition = f"NEW.issue_id = {bad.id} AND NEW.to_grid_id = {town.community.id}"
    with refused_by_the_database("issues_handover", condition):
        assert route_waiting(now=LATER) == 5
    assert {fresh(issue).holder_grid_id for issue in issues} == {town.district.id}
    assert reasons(bad) == ["This report could not be routed by the rules; 金水区 decides"]
    assert broken_chains() == []


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_written_at_all_waits_and_stops_nobody() -> None:
    town = _town()
    issues = [filed(town, town.categories.noise) for _ in range(5)]
    bad = issues[0]
    with refused_by_the_database("issues_issueevent", f"NEW.issue_id = {bad.id}"):
        assert route_waiting(now=LATER, batch=2) == 4
    assert fresh(bad).state == State.COLLECTED
    assert held_by(bad).kind == "collect"
    assert route_waiting(now=LATER) == 1


def test_nothing_waiting_is_one_query(town: Town) -> None:
    route_waiting(now=LATER)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert route_waiting(now=LATER) == 0
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1


def test_a_batch_costs_the_same_number_of_statements_however_large(town: Town) -> None:
    def statements(count: int) -> int:
        for _ in range(count):
            filed(town, town.categories.noise)
        with CaptureQueriesContext(connection) as queries:
            assert route_waiting(now=LATER) == count
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    statements(1)  # fills the caches
    assert statements(3) == statements(30) <= 6


def test_batches_go_on_until_none_is_left(town: Town) -> None:
    issues = [filed(town, town.categories.rubbish) for _ in range(7)]
    assert route_waiting(now=LATER, batch=3) == 7
    assert {fresh(issue).version for issue in issues} == {4}
    assert broken_chains() == []


def test_a_turn_ends_after_some_batches_and_says_that_there_is_more(town: Town) -> None:
    for _ in range(7):
        filed(town, town.categories.rubbish)
    assert route_turn(now=LATER, batch=2, most_batches=2) == (4, True)
    assert route_turn(now=LATER, batch=2, most_batches=2) == (3, True)  # it has not looked whether that was all
    assert route_turn(now=LATER, batch=2, most_batches=2) == (0, False)


def test_only_those_filed_before_a_moment_if_so_asked(town: Town) -> None:
    old, new = filed(town, town.categories.noise), filed(town, town.categories.noise, now=LATER)
    assert route_waiting(now=LATER, filed_before=LATER) == 1
    assert [fresh(old).state, fresh(new).state] == [State.ASSIGNED, State.COLLECTED]


def test_a_report_filed_while_the_drain_runs_never_ends_before_it_began(town: Town) -> None:
    issue = filed(town, town.categories.rubbish, now=LATER + timedelta(seconds=3))
    route_waiting(now=LATER)
    assert not Handover.objects.filter(issue=issue, ended_at__lt=F("started_at")).exists()
    assert held_by(issue).started_at == issue.filed_at


def test_a_report_that_waited_past_its_time_for_a_route_stays_late_on_the_record(town: Town) -> None:
    late, prompt = filed(town, town.categories.noise), filed(town, town.categories.noise, now=NOW + timedelta(days=5))
    route_waiting(now=NOW + timedelta(days=5))
    first = Handover.objects.filter(kind="collect")
    assert (first.get(issue=late).is_overdue, first.get(issue=prompt).is_overdue) == (True, False)


def test_a_report_solved_on_the_spot_is_left_alone(town: Town) -> None:
    issue = filed(town, town.categories.noise, is_self_handled=True, result="已劝导")
    assert route_waiting(now=LATER) == 0
    assert fresh(issue).state == State.CONCLUDED


def _town() -> Town:
    from tests.factories import build_town

    forget_catalogue()
    return build_town()
