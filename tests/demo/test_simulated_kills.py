"""A shard that is killed again and again, between any two steps, lives the life of one that never was."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from apps.demo.models import SimulatedShard
from apps.demo.selectors.digest import DIGEST, histories_digest
from apps.demo.services.building import build_city
from apps.demo.services.simulation.shard import Shard
from apps.demo.services.simulation.stage import Stage, read_stage
from apps.demo.simulation import habits
from apps.demo.simulation.plan import Plan
from apps.issues.models import Issue, IssueEvent
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import Give
from tests.factories import NOW, SHANGHAI, Town
from tests.issues.test_moves import filed, move

PLAN = Plan(seed=20_131, starts_on=date(2026, 11, 2), days=7, issues=300, has_faults=False, shards=1)
TROUBLES = {
    "LATE": 0.3,
    "FORGETS": 0.1,
    "SUPERVISES": 0.5,
    "SPLITS": 0.1,
    "MERGES": 0.3,
    "UNMERGES": 0.5,
    "REOPENS": 0.2,
}
STEPS = ("_file", "_wake", "_run_tasks", "_look")
DEADLY = 0.03


class Killed(BaseException):
    """As if by signal 9: nothing catches it but the test."""


def new_stage(plan: Plan) -> Stage:
    """The city as it stood when the plan begins."""
    start = datetime.combine(plan.starts_on, time(), SHANGHAI)
    build_city(seed=2013, scale=0.01, days=0, issues_per_day=0, reset=True, now=start)
    SimulatedShard.objects.all().delete()
    return read_stage(plan)


def lived() -> str:
    """Live through the plan in as many processes as it takes; what came of it."""
    stage = new_stage(PLAN)
    while True:
        try:
            Shard(stage, 0, sorted(stage.places.cells)).run(lambda day, shard: None)
        except Killed:
            continue
        return histories_digest()


class Killer:
    """Strikes after any step, but only once between two beats: else a busy beat would never end."""

    def __init__(self) -> None:
        self.dice, self.kills, self.is_spared = Random(1), Counter[str](), False

    def deadly(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step, and perhaps the end after it."""

        def step_or_die(*arguments: Any) -> Any:
            result = step(*arguments)
            if not self.is_spared and self.dice.random() < DEADLY:
                self.kills[name] += 1
                self.is_spared = True
                raise Killed
            self.is_spared = self.is_spared and name != "_run_tasks"
            return result

        return step_or_die


@pytest.mark.django_db(transaction=True)
def test_whenever_it_is_killed_it_lives_the_same_life(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, share in TROUBLES.items():  # there is much to be remembered wrongly
        monkeypatch.setattr(habits, name, share)
    undisturbed = lived()
    kinds = Counter(IssueEvent.objects.values_list("kind", flat=True))
    assert {"merge", "split", "supervise", "escalate", "reopen", "evaluate"} <= kinds.keys()
    killer = Killer()
    for name in STEPS:
        monkeypatch.setattr(Shard, name, killer.deadly(name, getattr(Shard, name)))
    assert lived() == undisturbed
    assert killer.kills.keys() == set(STEPS)


def intents(shard: Shard) -> set[tuple[str, datetime]]:
    """Who means to do something, and when."""
    return {(case.name, case.wake_at) for case in shard.cases.values() if case.wake_at is not None}


@pytest.mark.django_db(transaction=True)
def test_what_it_recalls_is_what_it_knew_however_long_ago_an_issue_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, share in (TROUBLES | {"EVALUATES": 0.8, "APPEALS": 1.0, "REFUSES_APPEAL": 0.0}).items():
        monkeypatch.setattr(habits, name, share)
    plan = replace(PLAN, seed=20_132, starts_on=date(2026, 2, 2), days=40, issues=200)  # Spring Festival in between
    stage = new_stage(plan)
    districts, longest = sorted(stage.places.cells), timedelta(0)

    def compare(day: date, shard: Shard) -> None:
        nonlocal longest
        again = Shard(stage, 0, districts)
        again._recall()
        assert intents(again) == intents(shard)
        waiting = Issue.objects.filter(id__in=[case.id for case in shard.cases.values() if case.appealed])
        ended = [at for at in waiting.values_list("closed_at", flat=True) if at is not None]
        longest = max([longest, *(datetime.combine(day, time(), SHANGHAI) - at for at in ended)])

    Shard(stage, 0, districts).run(compare)
    assert longest > settings.REOPEN_WITHIN  # or nothing was asked that a shorter memory would not know


@pytest.mark.django_db(transaction=True)
def test_parts_of_parts_have_names_of_their_own_in_the_digest(town: Town) -> None:
    issue, people = filed(town), town.people
    Issue.objects.filter(pk=issue.pk).update(client_key="sim-1-whole")
    for _ in range(2):
        issue = move(Issue.objects.get(pk=issue.pk), "split", people.dispatcher, "分开办", given={Give.PARTS: "甲\n乙"})
        issue = issue.children.order_by("id")[0]
        route_waiting(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute(DIGEST.split("SELECT encode(")[0] + "SELECT name FROM history ORDER BY name")
        names = [name for (name,) in cursor.fetchall()]
    whole = "sim-1-whole"
    assert names == [whole, f"{whole}/0", f"{whole}/0/0", f"{whole}/0/1", f"{whole}/1"]
