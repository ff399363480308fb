"""Ladders as data: which rungs count where, what the sweep does on each, and clocks that stand still."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from apps.issues.deadlines import PLAIN_RUNGS
from apps.issues.models import Card, Category, EscalationRung, Issue, IssueEvent, Pause, Rung, State
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.selectors.catalogue import catalogue, forget_catalogue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.catalogue import load_catalogue
from apps.issues.services.escalation import sweep
from apps.issues.services.filing import Report, file_report
from apps.issues.services.handovers import record
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.pauses import BadPauseEnd, NotPaused, PausedBefore, pause_clock, resume_clock
from apps.issues.services.routing import route_waiting
from apps.issues.services.writing import Entry
from apps.notices.models import Notice
from apps.staff.models import Role
from tests.factories import NOW, SHANGHAI, Town, end_posts, post, staffed
from tests.issues.reports import broken_chains, filed, fresh, held_by, story


@pytest.fixture(autouse=True)
def _fresh_caches(db: None) -> None:
    forget_catalogue()
    forget_calendars()


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026; NOW is Wednesday the 18th, 10:00."""
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


def rung(kind: str, amount: str, unit: str = "", counts_from: str = "share", **where: object) -> EscalationRung:
    row = EscalationRung(kind=kind, amount=Decimal(amount), unit=unit, counts_from=counts_from, **where)
    row.full_clean()
    row.save()
    return row


@pytest.fixture
def noise(town: Town) -> Issue:
    """Assigned to the cell on Wednesday at 10:00 for four work hours, on a ladder with every rung."""
    rung("unsigned", "1", "workhour", "start")
    rung("remind", "75")
    rung("overdue", "100")
    rung("yellow_card", "1", "workday", "due")
    rung("red_card", "2", "workday", "due")
    rung("escalate", "600")
    forget_catalogue()
    issue = filed(town, town.categories.noise)
    route_waiting(now=NOW)
    Notice.objects.all().delete()
    return fresh(issue)


def kinds(issue: Issue) -> list[str]:
    return [kind for kind, _state, _grid in story(issue)][2:]


def sound(now: datetime) -> bool:
    record_late()
    return not check_invariants(now=now).findings and broken_chains() == []


def test_every_rung_is_done_once_in_its_order(noise: Issue) -> None:
    for hours in range(24 * 12):
        sweep(now=NOW + timedelta(hours=hours))
        if fresh(noise).holder_grid_id != noise.holder_grid_id:
            break
    assert kinds(noise)[:6] == ["unsigned", "remind", "overdue", "yellow_card", "red_card", "escalate"]
    issue = fresh(noise)
    assert (issue.card, issue.step, issue.rung) == (Card.RED, 0, Rung.ON_TIME)
    assert sound(NOW + timedelta(hours=hours))


def test_who_does_not_sign_is_asked_and_the_superior_is_told(town: Town, noise: Issue) -> None:
    assert sweep(now=at(18, 11)).unsigned == 1
    issue = fresh(noise)
    assert (issue.rung, issue.step, issue.next_action_at) == (Rung.ON_TIME, 1, at(18, 15))
    told = dict(Notice.objects.values_list("recipient__name", "text"))
    assert told == {
        "王长顺": "Report %(number)s of %(cell)s has not been signed for yet: please sign",
        "周园田": "Report %(number)s of %(cell)s has not been signed for by %(holder)s",
    }


def test_who_has_signed_is_passed_over_without_a_word(town: Town, noise: Issue) -> None:
    noise.handovers.filter(ended_at=None).update(signed_at=at(18, 10, 30))
    result = sweep(now=at(18, 11))
    issue = fresh(noise)
    assert (result.moved, issue.version, issue.step, issue.next_action_at) == (0, noise.version, 1, at(18, 15))
    assert not Notice.objects.exists()
    assert sound(at(18, 11))


def test_a_card_only_rises(noise: Issue) -> None:
    Issue.objects.filter(id=noise.id).update(card=Card.RED)
    sweep(now=at(19, 16))
    assert (kinds(noise)[-1], fresh(noise).card) == ("yellow_card", Card.RED)


def test_the_inspectors_of_the_district_are_told_of_cards_and_of_nothing_else(town: Town, noise: Issue) -> None:
    inspector = staffed("区督查", town.district, Role.INSPECTOR)
    theirs = Notice.objects.filter(recipient=inspector)
    for now in (at(18, 11), at(18, 15), at(18, 17)):
        sweep(now=now)
    assert not theirs.exists()
    sweep(now=at(30, 10))
    assert [kind for kind in kinds(noise) if kind.endswith("card")] == ["yellow_card", "red_card"]
    assert sorted(theirs.values_list("text", flat=True)) == [
        "Report %(number)s of %(cell)s is far too long overdue with %(holder)s: red card",
        "Report %(number)s of %(cell)s is long overdue with %(holder)s: yellow card",
    ]


def test_the_citys_inspectors_hear_of_red_cards_alone(town: Town, noise: Issue) -> None:
    sweep(now=at(30, 10))
    told = Notice.objects.filter(recipient=town.people.inspector).values_list("text", flat=True)
    assert list(told) == ["Report %(number)s of %(cell)s is far too long overdue with %(holder)s: red card"]


def test_who_is_inspector_and_superior_hears_of_a_card_once(town: Town, noise: Issue) -> None:
    post(town.people.community_leader, town.district, Role.INSPECTOR)
    sweep(now=at(30, 10))
    told = Notice.objects.filter(recipient=town.people.community_leader, text__contains="card")
    assert told.count() == 2 == len({(notice.text, notice.link) for notice in told})


def test_an_inspector_whose_post_has_ended_is_not_told_of_cards(town: Town, noise: Issue) -> None:
    inspector = staffed("区督查", town.district, Role.INSPECTOR)
    end_posts(town.district, Role.INSPECTOR)
    sweep(now=at(30, 10))
    assert "red_card" in kinds(noise)
    assert not Notice.objects.filter(recipient=inspector).exists()


def test_past_the_last_rung_of_the_city_it_rings_each_working_day(town: Town) -> None:
    rung("overdue", "100", tier=0)
    forget_catalogue()
    issue = filed(town, town.categories.noise)
    route_waiting(now=NOW)
    for hours in range(24 * 14):
        sweep(now=NOW + timedelta(hours=hours))
    assert kinds(issue)[-3:] == ["realarm"] * 3
    assert held_by(issue).rung_kinds == ["overdue"]
    assert sound(NOW + timedelta(hours=24 * 14))


def test_the_nearest_ladder_counts_as_a_whole(town: Town) -> None:
    noise, fire = town.categories.noise, town.categories.fire
    assert catalogue().rungs(noise.id, 3, "handle") is PLAIN_RUNGS
    rung("overdue", "100")
    rung("remind", "50", tier=3)
    rung("remind", "60", purpose="handle")
    rung("remind", "70", tier=2, purpose="handle")
    rung("unsigned", "1", "workhour", "start", category=noise)
    forget_catalogue()

    def own(category: int, tier: int, purpose: str) -> list[tuple[str, int]]:
        return [(rule.kind.value, rule.size) for rule in catalogue().rungs(category, tier, purpose).rules]

    assert own(fire.id, 1, "dispatch") == [("overdue", 10_000)]
    assert own(fire.id, 3, "handle") == [("remind", 5_000)]
    assert own(fire.id, 1, "handle") == [("remind", 6_000)]
    assert own(fire.id, 2, "handle") == [("remind", 7_000)]
    assert own(noise.id, 2, "handle") == [("unsigned", 3_600_000_000)]
    assert catalogue().with_own_ladder() == [noise.id]
    rung("unsigned", "2", "workhour", "start", category=fire.parent)
    forget_catalogue()
    assert own(fire.id, 2, "handle") == [("unsigned", 7_200_000_000)]
    assert own(noise.id, 2, "handle") == [("unsigned", 3_600_000_000)]
    assert fire.id in catalogue().with_own_ladder()


@pytest.mark.parametrize(
    ("kind", "amount", "unit", "counts_from"),
    [
        ("overdue", "90", "", "share"),
        ("overdue", "1", "workday", "due"),
        ("remind", "100", "", "share"),
        ("remind", "1", "workhour", "due"),
        ("yellow_card", "90", "", "share"),
        ("escalate", "1", "workday", "start"),
        ("unsigned", "4", "", "start"),
        ("remind", "75", "workhour", "share"),
    ],
)
def test_a_rung_that_cannot_stand_there_is_refused(kind: str, amount: str, unit: str, counts_from: str) -> None:
    with pytest.raises(ValidationError):
        rung(kind, amount, unit, counts_from)


def test_the_database_refuses_a_second_overdue_and_one_at_another_time() -> None:
    rung("overdue", "100")
    for values in ({"amount": 100}, {"amount": 90, "tier": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            EscalationRung.objects.create(kind="overdue", counts_from="share", **values)


def test_a_ladder_begins_with_its_overdue_rung(town: Town, client: Client) -> None:
    client.force_login(town.people.admin)
    row = {
        "kind": "remind",
        "counts_from": "share",
        "amount": "50",
        "unit": "",
        "tier": "2",
        "purpose": "",
        "category": "",
    }
    assert client.post("/admin/issues/escalationrung/add/", row).status_code == 200
    assert not EscalationRung.objects.exists()
    assert (
        client.post("/admin/issues/escalationrung/add/", row | {"kind": "overdue", "amount": "100"}).status_code == 302
    )
    assert client.post("/admin/issues/escalationrung/add/", row).status_code == 302
    overdue = EscalationRung.objects.get(kind="overdue")
    assert client.post(f"/admin/issues/escalationrung/{overdue.id}/delete/", {"post": "yes"}).status_code == 403


def test_the_shipped_ladder_is_loaded_once_and_an_edited_one_is_kept() -> None:
    assert load_catalogue().rungs == 6 + 5 * 4
    EscalationRung.objects.get(kind="red_card").delete()
    assert load_catalogue().rungs == 0


# --- pauses -----------------------------------------------------------------------------------------


def paused(issue: Issue, now: datetime, until: datetime) -> None:
    pause_clock(issue=issue, until=until, now=now, reason="等待审批")
    issue.state = "suspended"
    record(issue=issue, entry=Entry("suspend", now))


def test_a_paused_clock_runs_on_by_itself_with_what_was_left(noise: Issue) -> None:
    sweep(now=at(18, 11))
    paused(fresh(noise), at(18, 14), at(23, 9))
    issue = fresh(noise)
    assert (issue.due_at, issue.next_action_at) == (at(23, 11), at(23, 9))
    assert sweep(now=at(22, 12)).moved == 0
    assert sweep(now=at(23, 9)).resume == 1
    issue = fresh(noise)
    assert (issue.state, issue.due_at, issue.next_action_at) == (State.HANDLING, at(23, 11), at(23, 10))
    assert Pause.objects.get().ended_at == at(23, 9)
    assert sweep(now=at(23, 11)).overdue == 1
    assert sound(at(23, 11))


def test_a_pause_lifted_early_gives_back_the_rest(noise: Issue) -> None:
    sweep(now=at(18, 11))
    paused(fresh(noise), at(18, 14), at(23, 9))
    issue = fresh(noise)
    resume_clock(issue=issue, now=at(19, 9))
    issue.state = State.HANDLING
    record(issue=issue, entry=Entry("resume", at(19, 9)))
    assert (fresh(noise).due_at, fresh(noise).next_action_at) == (at(19, 11), at(19, 10))
    assert Pause.objects.get().ended_at == at(19, 9)
    assert sound(at(19, 9))


def test_a_clock_is_paused_once_and_not_for_ever(noise: Issue) -> None:
    for until in (NOW, NOW + timedelta(days=367)):
        with pytest.raises(BadPauseEnd):
            pause_clock(issue=noise, until=until, now=NOW)
    with pytest.raises(NotPaused):
        resume_clock(issue=noise, now=NOW)
    paused(noise, NOW, at(20, 9))
    with pytest.raises(PausedBefore):
        pause_clock(issue=noise, until=at(25, 9), now=at(19, 9))


# --- the way here from handovers with three fixed steps ------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_ladders_can_be_taken_back_and_brought_again() -> None:
    from tests.factories import build_town

    town = build_town()
    issue = filed(town, town.categories.noise)
    route_waiting(now=NOW)
    sweep(now=at(18, 16))
    before, held = fresh(issue), held_by(issue)
    MigrationExecutor(connection).migrate([("issues", "0003_open_reminded")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT remind_at, due_at, breach_at FROM issues_handover WHERE id = %s", [held.id])
        assert list(cursor.fetchone()) == held.rung_at
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    after = fresh(issue)
    assert (after.step, after.next_action_at, held_by(issue).rung_at) == (2, before.next_action_at, held.rung_at)
    assert held_by(issue).rung_kinds == ["remind", "overdue", "escalate"]
    assert IssueEvent.objects.filter(issue=issue, kind="overdue").exists()


@pytest.mark.parametrize(
    "start",
    [at(18, 10), at(18, 23, 50), at(21, 3), datetime(2026, 10, 1, 12, tzinfo=SHANGHAI)],  # night, Saturday, holiday
)
@pytest.mark.parametrize("where", ["cell", "street", "chengguan"])
def test_a_grave_matter_is_with_the_city_half_an_hour_after_it_went_down_whoever_is_silent(
    town: Town, start: datetime, where: str
) -> None:
    load_catalogue()
    fire = Category.objects.get(code="040501")
    report = Report(category_id=fire.id, grid_id=town.cell.id)
    issue = file_report(reporter=town.people.leader, report=report, now=start).issue
    sweep(now=start + timedelta(seconds=30))  # even if no ring was heard
    issue = fresh(issue)
    assert issue.holder_grid == town.city
    target = (
        {"to_department_id": town.departments.chengguan.id}
        if where == "chengguan"
        else {"to_grid_id": getattr(town, where).id}
    )
    went_down = start + timedelta(minutes=2)
    make_move(
        move="assign",
        issue_id=issue.id,
        version=issue.version,
        actor=town.people.city_dispatcher,
        fields=MoveFields(text="立即处置", **target),
        now=went_down,
    )
    sweep(now=went_down + timedelta(minutes=29))
    assert fresh(issue).state == State.ASSIGNED
    sweep(now=went_down + timedelta(minutes=30))
    issue = fresh(issue)
    assert (issue.holder_grid, issue.holder_department, issue.state) == (town.city, None, State.ESCALATED)
    assert [kind for kind, *_rest in story(issue)][-2:] == ["overdue", "escalate"]
    assert check_invariants(now=went_down + timedelta(minutes=30), sample=0).findings == []


def test_a_clock_that_is_paused_at_the_very_moment_it_is_due_is_due_when_the_pause_ends(noise: Issue) -> None:
    """Found by a simulated year: the rung lay in the past of a clock that stood still."""
    due = held_by(noise).due_at
    sweep(now=due - timedelta(seconds=1))
    until = due + timedelta(days=9)
    paused(fresh(noise), due, until)
    issue = fresh(noise)
    assert (issue.due_at, issue.next_action_at) == (until, until)
    assert check_invariants(now=due, sample=0).findings == []
    result = sweep(now=until)
    assert (result.resume, result.overdue) == (1, 1)
    assert check_invariants(now=until, sample=0).findings == []


def test_a_rung_that_the_sweep_has_not_climbed_before_a_pause_comes_when_it_ends(noise: Issue) -> None:
    remind = held_by(noise).rung_at[1]
    until = remind + timedelta(days=9)
    sweep(now=remind - timedelta(minutes=30))
    paused(fresh(noise), remind + timedelta(seconds=10), until)
    assert check_invariants(now=remind + timedelta(seconds=10), sample=0).findings == []
    assert sweep(now=until).remind == 1


def test_what_was_late_before_it_was_paused_at_that_very_moment_stays_late_since_then(noise: Issue) -> None:
    due = held_by(noise).due_at
    sweep(now=due)
    paused(fresh(noise), due, due + timedelta(days=9))
    issue, held = fresh(noise), held_by(noise)
    assert (issue.due_at, held.due_at, held.is_overdue) == (due, due, True)
    assert due in held.rung_at[: issue.step]
    assert check_invariants(now=due, sample=0).findings == []
