"""A demo city whose past was not written down but lived: the simulator goes through it up to the present."""

from datetime import datetime, time, timedelta

from django.utils import timezone

from apps.demo.models import SimulatedShard
from apps.demo.plan import plan_city
from apps.demo.services.building import Built, OnStep, build_city, issues_a_day
from apps.demo.services.notices import tell_city
from apps.demo.services.past import tell_staged
from apps.demo.services.simulation.running import OnProgress, run
from apps.demo.simulation.plan import Plan
from apps.issues.models import Issue, IssueEvent
from apps.issues.services.accountability import record_late
from apps.issues.services.loading import load_issues


def build_lived_city(
    *,
    seed: int,
    scale: float,
    days: int,
    issues_per_day: int | None,
    reset: bool,
    now: datetime,
    processes: int,
    on_step: OnStep,
    on_progress: OnProgress,
) -> Built:
    """Build the city as it stood `days` ago, then live through them by the real services: minutes, not seconds.

    Stopped and called again it goes on, up to the moment for which it was begun. Raises the refusals of `build_city`,
    and running's ShardFailed.
    """
    plan = None if reset else begun()
    built = Built()
    if plan is None:
        today = timezone.localdate(now)
        first = today - timedelta(days=days)
        start = timezone.make_aware(datetime.combine(first, time()))
        built = build_city(seed=seed, scale=scale, days=0, issues_per_day=0, reset=reset, now=start, on_step=on_step)
        per_day = issues_a_day(scale, issues_per_day)
        plan = Plan(seed, first, days + 1, per_day * (days + 1), has_faults=False, shards=processes, until=now)
        SimulatedShard.objects.create(plan=plan.as_text(), number=0)  # from here on it can be gone on with
    with built.timed("past", on_step):
        run(plan, on_progress)
    with built.timed("history", on_step):
        assert plan.until is not None
        load_issues(issues=tell_staged(plan_city(seed, scale), now=plan.until))
        record_late()
        built.notices = tell_city(now=plan.until)
    SimulatedShard.objects.all().delete()
    built.issues, built.events = Issue.objects.count(), IssueEvent.objects.count()
    return built


def begun() -> Plan | None:
    """The plan of a past that was stopped before its end, if there is one."""
    text = SimulatedShard.objects.values_list("plan", flat=True).first()
    return Plan.from_text(text) if text else None
