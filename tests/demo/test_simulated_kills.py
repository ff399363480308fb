"""A shard that is killed again and again, between any two steps, lives the life of one that never was."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time
from random import Random
from typing import Any

import pytest

from apps.demo.models import SimulatedShard
from apps.demo.selectors.digest import histories_digest
from apps.demo.services.building import build_city
from apps.demo.services.simulation.shard import Shard
from apps.demo.services.simulation.stage import read_stage
from apps.demo.simulation import habits
from apps.demo.simulation.plan import Plan
from apps.issues.models import IssueEvent
from tests.factories import SHANGHAI

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


def lived() -> str:
    """Build the city anew and live through the plan, in as many processes as it takes; what came of it."""
    start = datetime.combine(PLAN.starts_on, time(), SHANGHAI)
    build_city(seed=2013, scale=0.01, days=0, issues_per_day=0, reset=True, now=start)
    SimulatedShard.objects.all().delete()
    stage = read_stage(PLAN)
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
