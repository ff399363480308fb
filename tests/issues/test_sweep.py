"""Nothing waits unseen: reminder, overdue, moved up, up to the city, which hears of it each working day."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.issues.models import CoHandling, Handover, Issue, IssueEvent, Rung, State, TierLimit, WorkingPeriod
from apps.issues.selectors.calendar import forget_calendars
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services import escalation
from apps.issues.services.escalation import sweep
from apps.issues.services.handovers import hand_over
from apps.issues.services.routing import route_waiting
from apps.issues.services.writing import Entry
from apps.issues.workflow import Holder, LinkKind
from apps.notices.models import Notice
from apps.staff.models import Role
from tests.factories import NOW, SHANGHAI, SINCE, Town, staffed
from tests.issues.reports import broken_chains, filed, fresh, held_by, refused_by_the_database, story


@pytest.fixture(autouse=True)
def _fresh_caches(db: None) -> None:
    forget_catalogue()
    forget_calendars()


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026; NOW is Wednesday the 18th, 10:00."""
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


@pytest.fixture
def noise(town: Town) -> Issue:
    """Assigned to the cell on Wednesday at 10:00 for four work hours: due 16:00, moves up on Thursday at 10:00."""
    issue = filed(town, town.categories.noise)
    route_waiting(now=NOW)
    Notice.objects.all().delete()
    return fresh(issue)


def told(issue: Issue) -> dict[str, list[str]]:
    """Who was told what since the last look."""
    found: dict[str, list[str]] = {}
    for notice in Notice.objects.order_by("id").select_related("recipient"):
        found.setdefault(notice.recipient.name, []).append(notice.text)
    Notice.objects.all().delete()
    return found


def test_before_the_reminder_nothing_happens(noise: Issue) -> None:
    result = sweep(now=at(18, 14, 59))
    assert (result.moved, result.batches, result.remaining) == (0, 0, 0)
    assert fresh(noise).version == noise.version


def test_at_three_quarters_the_holder_is_reminded(noise: Issue) -> None:
    result = sweep(now=at(18, 15))
    issue = fresh(noise)
    assert (result.remind, result.moved) == (1, 1)
    assert (issue.rung, issue.next_action_at, issue.due_at) == (Rung.REMINDED, at(18, 16), at(18, 16))
    assert (issue.state, issue.holder_grid_id, issue.version) == (State.ASSIGNED, noise.holder_grid_id, 3)
    assert told(issue) == {"王长顺": ["Report %(number)s of %(cell)s is due soon"]}
    assert sweep(now=at(18, 15)).moved == 0


def test_when_due_it_is_overdue_and_the_superior_is_told(noise: Issue) -> None:
    sweep(now=at(18, 15))
    told(noise)
    result = sweep(now=at(18, 16))
    issue, held = fresh(noise), held_by(noise)
    assert result.overdue == 1
    assert (issue.rung, issue.next_action_at, issue.state) == (Rung.OVERDUE, held.rung_at[2], State.ASSIGNED)
    assert held.is_overdue
    assert told(issue) == {
        "王长顺": ["Report %(number)s of %(cell)s is overdue with you"],
        "周园田": ["Report %(number)s of %(cell)s is overdue with %(holder)s"],
    }


def test_one_more_limit_and_it_moves_to_the_superior_with_a_clock_of_its_own(town: Town, noise: Issue) -> None:
    for moment in (at(18, 15), at(18, 16)):
        sweep(now=moment)
    told(noise)
    late = held_by(noise)
    breach = at(19, 10)
    assert late.rung_at[2] == breach
    result = sweep(now=breach)
    issue, held = fresh(noise), held_by(noise)
    assert result.escalate == 1
    assert (issue.state, issue.holder_grid_id, issue.rung) == (State.ESCALATED, town.community.id, Rung.ON_TIME)
    assert (held.kind, held.from_grid_id, held.started_at) == ("escalate", town.cell.id, breach)
    assert (held.limit_amount, held.limit_unit) == (Decimal(4), "workhour")
    assert (issue.due_at, issue.next_action_at) == (held.due_at, held.rung_at[0]) == (at(19, 16), at(19, 15))
    late.refresh_from_db()
    assert (late.outcome, late.is_overdue, late.ended_at) == ("escalate", True, breach)
    newest = IssueEvent.objects.filter(issue=issue).latest("seq")
    assert newest.payload["from_grid"] == town.cell.id
    assert told(issue) == {
        "王长顺": ["Report %(number)s of %(cell)s was late and has moved up to your superior"],
        "周园田": ["Report %(number)s of %(cell)s has moved up to you: it was late below"],
    }
    assert broken_chains() == []


def test_left_alone_it_climbs_to_the_city_and_rings_there_each_working_day(town: Town, noise: Issue) -> None:
    moment, end = at(18, 10), at(27, 20)
    while moment < end:
        sweep(now=moment)
        moment += timedelta(minutes=30)
    kinds = [kind for kind, _state, _grid in story(noise)][2:]
    climbing = ["remind", "overdue", "escalate"] * 4
    assert kinds[: len(climbing)] == climbing
    assert kinds[len(climbing) : len(climbing) + 2] == ["remind", "overdue"]
    alarms = kinds[len(climbing) + 2 :]
    assert set(alarms) == {"realarm"}
    assert [grid for kind, _state, grid in story(noise) if kind == "escalate"] == [
        town.community.id, town.street.id, town.district.id, town.city.id,
    ]  # fmt: skip
    rung_at = [
        event.at.astimezone(SHANGHAI)
        for event in IssueEvent.objects.filter(issue=noise, kind="realarm").order_by("seq")
    ]
    days = [moment.date() for moment in rung_at]
    assert len(days) == len(set(days))
    assert all(day.weekday() < 5 for day in days)
    assert {moment.time() for moment in rung_at[1:]} == {time(8)}
    assert fresh(noise).holder_grid_id == town.city.id
    assert broken_chains() == []


def test_a_sweeper_that_slept_goes_through_every_rung_in_order(noise: Issue) -> None:
    result = sweep(now=at(25, 9))
    assert [kind for kind, _state, _grid in story(noise)][2:] == ["remind", "overdue", "escalate"]
    assert (result.remind, result.overdue, result.escalate) == (1, 1, 1)
    assert fresh(noise).next_action_at > at(25, 9)  # type: ignore[operator]
    assert broken_chains() == []


def test_a_late_department_loses_it_to_its_own_platform(town: Town) -> None:
    issue = filed(town, town.categories.rubbish)
    route_waiting(now=NOW)
    to = Holder(town.district.id, town.departments.chengguan.id)
    hand_over(issue=fresh(issue), to=to, kind=LinkKind.ASSIGN, state=State.ASSIGNED, entry=Entry(kind="assign", at=NOW))
    sweep(now=at(18, 16))
    below = Notice.objects.filter(text__contains="%(holder)s", recipient=town.people.dispatcher).get()
    assert below.values["holder"] == "金水区城市管理局"
    assert set(told(issue)) == {"朱城管", "秦城管", "陈派遣", "卫派遣", "蒋值班"}
    sweep(now=at(19, 12))
    issue, held = fresh(issue), held_by(issue)
    assert (issue.state, issue.holder_grid_id, issue.holder_department_id) == (State.ESCALATED, town.district.id, None)
    assert held.from_department_id == town.departments.chengguan.id
    assert story(issue)[-1] == ("escalate", "escalated", town.district.id)


def test_of_a_department_only_those_sent_to_the_place_are_told(town: Town) -> None:
    department = town.departments.chengguan
    staffed("金经八", town.other_street, Role.HANDLER, department)
    staffed("魏花园", town.street, Role.HANDLER, department)
    issue = filed(town, town.categories.rubbish)
    route_waiting(now=NOW)
    to = Holder(town.district.id, department.id)
    hand_over(issue=fresh(issue), to=to, kind=LinkKind.ASSIGN, state=State.ASSIGNED, entry=Entry(kind="assign", at=NOW))
    sweep(now=at(18, 15))
    assert set(told(issue)) == {"朱城管", "秦城管", "魏花园"}


def test_a_grave_matter_keeps_its_own_short_limit_as_it_climbs(town: Town) -> None:
    issue = filed(town, town.categories.fire)
    Issue.objects.filter(id=issue.id).update(state=State.ASSIGNED)
    issue = fresh(issue)
    hand_over(
        issue=issue,
        to=Holder(town.street.id),
        kind=LinkKind.ASSIGN,
        state=State.ASSIGNED,
        entry=Entry(kind="assign", at=NOW),
    )
    sweep(now=NOW + timedelta(hours=1))
    issue, held = fresh(issue), held_by(issue)
    assert issue.holder_grid_id == town.city.id  # past all between
    assert (held.limit_unit, held.due_at) == ("urgenthour", NOW + timedelta(hours=1, minutes=30))


def test_a_district_with_hours_of_its_own_is_counted_by_them(town: Town, noise: Issue) -> None:
    WorkingPeriod.objects.create(district=town.district, start=time(9), end=time(17), valid_from=SINCE)
    forget_calendars()
    sweep(now=at(25, 9))
    assert held_by(noise).due_at == at(25, 13)


def test_one_bad_limit_does_not_stop_the_sweep(noise: Issue) -> None:
    TierLimit.objects.filter(tier=3).update(limit_amount=0)
    assert sweep(now=at(25, 9)).escalate == 1


def test_many_of_one_kind_are_told_in_one_sentence(town: Town) -> None:
    for _ in range(5):
        filed(town, town.categories.noise)
    route_waiting(now=NOW)
    Notice.objects.all().delete()
    sweep(now=at(18, 15))
    notice = Notice.objects.get()
    assert (notice.text, notice.values, notice.link) == ("%(count)s reports are due soon", {"count": 5}, "/t/")


def test_what_waits_for_its_route_too_long_is_routed(town: Town) -> None:
    issue = filed(town, town.categories.noise)
    assert sweep(now=NOW + timedelta(seconds=10)).routed == 0
    assert sweep(now=NOW + timedelta(seconds=30)).routed == 1
    assert fresh(issue).state == State.ASSIGNED


def test_a_short_turn_says_how_much_it_left(town: Town) -> None:
    for _ in range(5):
        filed(town, town.categories.noise)
    route_waiting(now=NOW)
    first = sweep(now=at(18, 15), batch=2, most_batches=1)
    assert (first.remind, first.remaining) == (2, 3)
    second = sweep(now=at(18, 15), batch=2, most_batches=3)
    assert (second.remind, second.remaining) == (3, 0)


def test_oldest_first(town: Town) -> None:
    new, old = filed(town, town.categories.noise), filed(town, town.categories.noise)
    route_waiting(now=NOW)
    Issue.objects.filter(id=old.id).update(next_action_at=NOW)
    sweep(now=at(18, 15), batch=1, most_batches=1)
    assert (fresh(old).rung, fresh(new).rung) == (Rung.REMINDED, Rung.ON_TIME)


def test_a_concluded_issue_is_left_alone(town: Town) -> None:
    filed(town, town.categories.noise, is_self_handled=True, result="已劝导")
    assert sweep(now=at(30, 10)).moved == 0


def test_a_batch_costs_the_same_number_of_statements_however_large(town: Town) -> None:
    def statements(count: int, moment: datetime) -> int:
        for _ in range(count):
            filed(town, town.categories.noise)
        route_waiting(now=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert sweep(now=moment, most_batches=1).remind == count
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    statements(1, at(18, 15))
    assert statements(3, at(18, 15, 1)) == statements(30, at(18, 15, 2)) <= 6


@pytest.mark.django_db(transaction=True)
def test_an_issue_that_cannot_be_moved_stops_nobody() -> None:
    from tests.factories import build_town

    town = build_town()
    issues = [filed(town, town.categories.noise) for _ in range(4)]
    route_waiting(now=NOW)
    with refused_by_the_database("issues_issueevent", f"NEW.issue_id = {issues[1].id}"):
        result = sweep(now=at(18, 15), batch=2)
    assert result.remind == 3
    assert fresh(issues[1]).rung == Rung.ON_TIME
    assert not Handover.objects.filter(issue=issues[1], is_overdue=True).exists()
    assert sweep(now=at(18, 15)).remind == 1


@pytest.mark.django_db(transaction=True)
def test_who_helps_and_cannot_be_marked_late_stops_nobody() -> None:
    from tests.factories import build_town
    from tests.issues.test_branches import joint

    town = build_town()
    bad, good = joint(town), joint(town)
    noise = filed(town, town.categories.noise)
    route_waiting(now=NOW)
    with refused_by_the_database("issues_issueevent", f"NEW.issue_id = {bad.id} AND NEW.kind = 'co_overdue'"):
        sweep(now=at(18, 16, 30))
    assert fresh(noise).rung == Rung.OVERDUE
    late = CoHandling.objects.filter(is_overdue=True).values_list("issue_id", flat=True)
    assert list(late) == [good.id]
    sweep(now=at(18, 16, 31))
    assert set(late.all()) == {bad.id, good.id}


@pytest.mark.django_db(transaction=True)
def test_a_mass_is_moved_by_two_hands_each_issue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.factories import build_town

    town = build_town()
    issues = [filed(town, town.categories.noise) for _ in range(24)]
    route_waiting(now=NOW)
    backends: set[int] = set()
    move = escalation._move

    def noted(*arguments: Any, **options: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backends.add(cursor.fetchone()[0])
        return move(*arguments, **options)

    monkeypatch.setattr(escalation, "_move", noted)
    result = sweep(now=at(18, 16), batch=2)
    assert (result.remind, result.overdue, result.remaining) == (24, 24, 0)
    assert len(backends) == 2
    assert all([kind for kind, *_rest in story(issue)][-2:] == ["remind", "overdue"] for issue in issues)
    assert broken_chains() == []
