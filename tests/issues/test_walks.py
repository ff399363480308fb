"""Many issues wander at random through the table while the sweep runs: every promise holds, and nothing gets stuck."""

import random
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.issues.models import CoHandling, Issue, IssueEvent
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, StaleVersion, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import Card, Give, LinkKind, Move, State
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, build_town, inside
from tests.issues.test_moves import filed

STEPS = 60
GOES_NOWHERE = {
    "note",
    "urge",
    "supervise",
    "lift_card",
}  # always possible, and nothing comes nearer to its end by them


def cast(town: Town) -> list[User]:
    return [getattr(town.people, role) for role in town.people.__dataclass_fields__]


def choices(town: Town, issue: Issue, now: datetime) -> list[tuple[User, Move, MoveFields]]:
    """Everything that anybody could do with the issue now."""
    found = []
    for person in cast(town):
        seen = detail(issue.number, scope_of(person.id, now), now)
        for move in seen.moves if seen else ():
            assert seen is not None
            given = given_for(move, issue, person, now)
            if given is None:
                continue
            if not move.needs_target:
                found.append((person, move, MoveFields(text="随手", given=given)))
                continue
            targets = seen.targets[move.name]
            found += [
                (person, move, MoveFields(text="请办", to_department_id=row.id, given=given))
                for row in targets.departments
            ]
            found += [(person, move, MoveFields(text="请办", to_grid_id=c.id, given=given)) for c in targets.cells]
    return found


def given_for(move: Move, issue: Issue, person: User, now: datetime) -> dict[Give, Any] | None:
    """Values for what the move asks; None where there is nothing to give: no issue to merge into, no sharper card."""
    others = visible_issues(scope_of(person.id, now)).filter(closed_at=None).exclude(pk=issue.pk).order_by("id")
    other = others.first() if Give.INTO in move.gives else None
    if (Give.INTO in move.gives and other is None) or (Give.CARD in move.gives and issue.card >= Card.YELLOW):
        return None
    values = {
        Give.WITHOUT_CO: "协办未回",
        Give.UNTIL: (now + timedelta(days=3)).date().isoformat(),
        Give.AMOUNT: "0.5",
        Give.SCORE: "4",
        Give.IS_SATISFIED: "yes",
        Give.INTO: other.number if other else "",
        Give.PARTS: "前半段\n后半段",
        Give.CARD: "yellow",
    }
    return {give: values[give] for give in move.gives if give in values}


def step(town: Town, issue: Issue, dice: random.Random, now: datetime) -> None:
    """One random possible move; an open issue must have one, and each one offered must be accepted."""
    possible = choices(town, issue, now)
    assert_not_stuck(issue, possible)
    person, move, fields = dice.choice(possible)
    make_move(move=move.name, issue_id=issue.id, version=issue.version, actor=person, fields=fields, now=now)


def assert_not_stuck(issue: Issue, possible: list[tuple[User, Move, MoveFields]]) -> None:
    """Somebody can bring it on, and whoever helps with it can say that the help is done."""
    names = {move.name for _, move, _ in possible}
    where = f"{issue.number} is {issue.state} at {issue.holder_department or issue.holder_grid}"
    assert names - GOES_NOWHERE, f"{where} and nobody can bring it on"
    if issue.state != State.SUSPENDED and CoHandling.objects.filter(issue=issue, ended_at=None).exists():
        assert "co_feed_back" in names, f"{where} and its co-handlers cannot feed back"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_people_do_every_promise_holds_and_nothing_gets_stuck(town: Town, seed: int) -> None:
    dice = random.Random(seed)
    now = NOW
    for category in ("rubbish", "noise", "lamp", "fire"):
        lon, lat = inside(dice.choice([town.cell, town.next_cell, town.quiet_cell, town.far_cell]))
        report = Report(category_id=getattr(town.categories, category).id, lon=lon, lat=lat)
        file_report(reporter=dice.choice(cast(town)), report=report, now=now)
    route_waiting(now=now)
    for _ in range(STEPS):
        now += timedelta(minutes=dice.choice([1, 30, 600]))
        sweep(now=now)
        waiting = list(Issue.objects.filter(closed_at=None).order_by("id"))
        if not waiting:
            break
        step(town, dice.choice(waiting), dice, now)
    sweep(now=now)
    route_waiting(now=now)  # the last step may have split one: its parts were filed at this very moment
    record_late()
    assert [str(finding) for finding in check_invariants(now=now).findings] == []
    for issue in Issue.objects.filter(closed_at=None):
        assert_not_stuck(issue, choices(town, issue, now))
    for issue in Issue.objects.all():
        _assert_returned_once_between_any_two(issue)


@pytest.mark.parametrize("category", ["rubbish", "noise", "fire"])
def test_who_only_ever_sends_it_back_or_up_comes_to_an_end(town: Town, category: str) -> None:
    """A handover brings a clock of its own: if this went on for ever, nobody would ever be late."""
    issue = filed(town, category)
    for _ in range(STEPS):
        possible = choices(town, issue, NOW)
        away = [one for name in ("return", "report_up") for one in possible if one[1].name == name]
        if not away:
            break
        person, row, fields = away[0]
        make_move(move=row.name, issue_id=issue.id, version=issue.version, actor=person, fields=fields, now=NOW)
        issue.refresh_from_db()
    else:
        pytest.fail(f"still going after {STEPS} handovers")
    assert {row.name for _, row, _ in possible} & {"handle", "sign", "feed_back"}
    _assert_returned_once_between_any_two(issue)


def _assert_returned_once_between_any_two(issue: Issue) -> None:
    rows = issue.handovers.filter(kind=LinkKind.RETURN)
    pairs = [
        frozenset({(row.from_grid_id, row.from_department_id), (row.to_grid_id, row.to_department_id)}) for row in rows
    ]
    assert len(pairs) == len(set(pairs))


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_at_once_one_wins_and_the_other_hears_of_it() -> None:
    town = build_town()
    issue = filed(town)
    outcomes: list[Any] = []
    start = threading.Barrier(2)

    def sign(person: User) -> None:
        start.wait()
        try:
            made = make_move(
                move="sign", issue_id=issue.id, version=issue.version, actor=person, fields=MoveFields(), now=NOW
            )
            outcomes.append(made.version)
        except StaleVersion as stale:
            outcomes.append([event.kind for event in stale.events])
        finally:
            connection.close()

    people = (town.people.dispatcher, town.people.second_dispatcher)
    threads = [threading.Thread(target=sign, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [issue.version + 1, ["sign"]]
    assert IssueEvent.objects.filter(issue=issue, kind="sign").count() == 1
