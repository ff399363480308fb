"""A demo city in the database: whole, consistent, and alive for every demo account."""

from dataclasses import replace
from datetime import date, timedelta
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client

from apps.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD
from apps.demo.people import plan_people
from apps.demo.plan import plan_city
from apps.demo.selectors import working_accounts
from apps.demo.services.building import Built, CityExists
from apps.grids.models import Boundary, Grid, Tier
from apps.grids.selectors import tree
from apps.issues.models import Handover, Issue, IssueEvent, State
from apps.issues.selectors.acting import standing_from
from apps.issues.selectors.facts import Told
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.rules import check_routing
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.escalation import sweep
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.workflow import By, possible_moves
from apps.notices.models import Notice
from apps.staff.models import Department, Post, Role, User
from apps.staff.selectors import Scope, scope_of
from tests.demo.conftest import NOW, SCALE, build

pytestmark = pytest.mark.django_db


def account(username: str) -> User:
    return User.objects.get(username=username)


def test_a_built_city_has_what_was_planned(city: Built) -> None:
    plan = plan_city(scale=SCALE)
    roster = plan_people(plan)
    assert city.cells == Grid.objects.count() == Boundary.objects.count() == len(plan.cells)
    assert city.people == User.objects.count() == len(roster.people)
    assert city.posts == Post.objects.count() == len(roster.posts)
    assert Department.objects.count() == len(roster.departments) == 17 * 22
    assert city.issues == Issue.objects.count() > 150
    assert city.events == IssueEvent.objects.count()


def test_tree_coverage_and_invariants_of_a_built_city_are_faultless(city: Built) -> None:
    for command in ("check_tree", "check_coverage"):
        call_command(command, stdout=StringIO())
    assert not check_invariants(now=NOW).findings


def test_building_twice_is_refused_and_changes_nothing(city: Built) -> None:
    before = Issue.objects.count(), User.objects.count()
    with pytest.raises(CityExists, match="reset"):
        build()
    assert (Issue.objects.count(), User.objects.count()) == before


def test_reset_builds_the_same_city_anew(city: Built) -> None:
    def facts() -> tuple[list[object], ...]:
        return (
            list(Grid.objects.order_by("code").values_list("code", "name", "lft", "rght")),
            list(User.objects.order_by("username").values_list("username", "name", "phone")),
            list(Issue.objects.order_by("id").values_list("text", "grid__code", "state", "filed_at", "due_at")),
        )

    before = facts()
    again = build(reset=True)
    assert facts() == before
    assert again.issues == city.issues


def test_reset_ends_the_sessions_of_the_old_city(city: Built, client: Client) -> None:
    client.force_login(account("dispatcher"))
    assert Session.objects.exists()
    build(reset=True)
    assert not Session.objects.exists()


def test_another_seed_makes_another_city(city: Built) -> None:
    names = set(Grid.objects.filter(tier=Tier.LEVEL2).values_list("name", flat=True))
    build(seed=7, reset=True)
    assert set(Grid.objects.filter(tier=Tier.LEVEL2).values_list("name", flat=True)) != names


def test_every_history_is_chained_and_its_newest_event_is_the_issues_row(city: Built) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM issues_issueevent e LEFT JOIN issues_issueevent p "
            "ON p.issue_id = e.issue_id AND p.seq = e.seq - 1 "
            "WHERE e.hash <> issue_event_digest(e) OR e.previous <> coalesce(p.hash, '')"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT count(*) FROM issues_issue i JOIN issues_issueevent e ON e.issue_id = i.id AND e.seq = i.version "
            "WHERE (i.state, i.holder_grid_id, i.holder_department_id, i.due_at, i.rung) "
            "IS NOT DISTINCT FROM (e.state, e.holder_grid_id, e.holder_department_id, e.due_at, e.rung)"
        )
        assert cursor.fetchone() == (city.issues,)


def test_every_open_issue_has_one_holder_and_one_clock_and_nothing_stalls(city: Built) -> None:
    for issue in Issue.objects.filter(closed_at=None).prefetch_related("handovers"):
        [held] = [row for row in issue.handovers.all() if row.ended_at is None]
        assert (held.to_grid_id, held.to_department_id) == (issue.holder_grid_id, issue.holder_department_id)
        assert held.due_at == issue.due_at
        assert issue.next_action_at is not None
        assert issue.next_action_at > NOW
    assert not Handover.objects.filter(ended_at=None, issue__closed_at__isnull=False).exists()


def test_the_sweep_finds_nothing_to_do_now_and_plenty_in_three_days(city: Built) -> None:
    assert sweep(now=NOW).moved == 0
    later = sweep(now=NOW + timedelta(days=3))
    assert later.remind
    assert later.overdue
    assert later.remaining == 0


def test_every_open_issue_can_be_moved_by_its_holder(city: Built) -> None:
    nobody = Scope(0)
    for issue in Issue.objects.filter(closed_at=None).prefetch_related("handovers"):
        handovers = sorted(issue.handovers.all(), key=lambda row: row.id)
        standing = standing_from(issue, Told(handovers, ()), nobody, NOW)
        situation = replace(standing.situation, by=frozenset({By.HOLDER}))
        assert {move.name for move in possible_moves(situation)} - {"note"}, issue.id


def test_the_past_holds_every_state_some_overdue_some_moved_up(city: Built) -> None:
    states = set(Issue.objects.values_list("state", flat=True))
    assert states == {State.ESCALATED, State.ASSIGNED, State.HANDLING, State.FED_BACK, State.CONCLUDED}
    kinds = set(IssueEvent.objects.values_list("kind", flat=True))
    assert {"file", "report_up", "sign", "assign", "feed_back", "conclude", "self_handle", "remind", "overdue"} <= kinds


def test_every_demo_account_signs_in_and_holds_its_post_now(city: Built) -> None:
    assert working_accounts() == list(DEMO_ACCOUNTS)
    for one in DEMO_ACCOUNTS:
        user = authenticate(username=one.username, password=DEMO_PASSWORD)
        assert isinstance(user, User)
        assert user.is_superuser == one.is_superuser
        [role] = {post.role for post in scope_of(user.id, NOW).posts if post.role == one.role}
        assert role == Role(one.role)


def test_nobody_else_can_sign_in(city: Built) -> None:
    open_doors = [user.username for user in User.objects.all() if user.has_usable_password()]
    assert set(open_doors) == {one.username for one in DEMO_ACCOUNTS}


def test_the_dispatcher_finds_fresh_unsigned_reports_of_the_article(city: Built) -> None:
    district = Grid.objects.get(name="金水区")
    mine = visible_issues(scope_of(account("dispatcher").id, NOW)).filter(
        state=State.ESCALATED, holder_grid=district, filed_at__gt=NOW - timedelta(hours=1), handovers__signed_at=None
    )
    fresh = mine.filter(grid__name="园田社区第九网格", category__sentence="有建筑垃圾未清运", text="")
    assert fresh.filter(reporter=account("leader")).exists()
    assert mine.distinct().count() >= 5


def test_handler_and_leader_find_their_own_work(city: Built) -> None:
    handler = visible_issues(scope_of(account("handler").id, NOW))
    assert handler.filter(state=State.ASSIGNED, closed_at=None).count() >= 2
    assert handler.filter(state=State.HANDLING, closed_at=None).exists()
    assert Issue.objects.filter(reporter=account("leader")).count() >= 5
    for name, place in (("leader", "园田社区第九网格"), ("community", "园田社区"), ("street", "花园路街道")):
        held = visible_issues(scope_of(account(name).id, NOW)).filter(holder_grid__name=place, closed_at=None)
        assert held.filter(state=State.ASSIGNED).exists(), name
    assert Notice.objects.filter(recipient=account("handler"), read_at=None).exists()
    assert visible_issues(scope_of(account("viewer").id, NOW)).count() > 20


def test_a_staged_report_goes_its_whole_way_through_the_real_services(city: Built) -> None:
    dispatcher, handler = account("dispatcher"), account("handler")
    issue = Issue.objects.filter(state=State.ESCALATED, grid__name="园田社区第九网格").latest("filed_at")
    department = Department.objects.get(name="金水区城管局")
    steps = [
        ("sign", dispatcher, MoveFields()),
        ("assign", dispatcher, MoveFields(text="请核实清运", to_department_id=department.id)),
        ("sign", handler, MoveFields()),
        ("feed_back", handler, MoveFields(text="已清运")),
        ("conclude", dispatcher, MoveFields()),
    ]
    for number, (move, actor, fields) in enumerate(steps, start=1):
        moment = NOW + timedelta(minutes=number)
        issue = make_move(move=move, issue_id=issue.id, version=issue.version, actor=actor, fields=fields, now=moment)
    assert issue.state == State.CONCLUDED
    assert not issue.is_open


def test_in_some_streets_seconded_staff_got_reports_and_the_street_concluded_them(city: Built) -> None:
    given = Handover.objects.filter(kind="assign", actor=None, from_grid__tier__gte=2, to_department__isnull=False)
    assert given.count() > 0
    assert set(given.values_list("to_department__kind", flat=True)) <= {"gongshang", "shiyao"}
    concluded = IssueEvent.objects.filter(issue__handovers__in=given, kind="conclude")
    assert set(concluded.values_list("holder_grid__tier", flat=True)) & {2}
    reasons = IssueEvent.objects.filter(issue__handovers__in=given, kind="assign", actor=None)
    assert {event.payload["reason"] for event in reasons} == {"seconded"}


def test_powers_and_rules_of_the_demo_city_are_sound(city: Built) -> None:
    assert check_routing(now=NOW) == []


def test_reports_lie_inside_the_cells_they_name(city: Built) -> None:
    for issue in Issue.objects.exclude(lon=None).select_related("grid__boundary")[:100]:
        edge = issue.grid.boundary
        assert edge.min_lon <= (issue.lon or 0) <= edge.max_lon
        assert edge.min_lat <= (issue.lat or 0) <= edge.max_lat


def test_posts_began_after_the_founding_and_before_the_past(city: Built) -> None:
    first = Post.objects.order_by("valid").first()
    assert first is not None
    assert (first.valid.lower or date.min) > date(2012, 6, 1)
    assert not Post.objects.filter(valid__startswith__gt=NOW.date() - timedelta(days=40)).exists()
    assert tree().city is not None
