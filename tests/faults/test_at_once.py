"""Two routers and two sweepers at once share the work and do nothing twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import F

from apps.common.embedded.servers import wait_for
from apps.issues.models import CoHandling, Handover, Issue, IssueEvent
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.escalation import only_sweeper, sweep
from apps.issues.services.joint import end_all
from apps.issues.services.routing import route_waiting
from apps.issues.tasks import sweep as ring_sweep
from apps.notices.models import Notice
from tests.factories import NOW, Town, build_town
from tests.issues.reports import broken_chains, filed, refused_by_the_database
from tests.issues.test_branches import joint

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

Found = TypeVar("Found")

COUNT = 60
SLOW = "NEW.issue_id % 5 = 0"  # every fifth event takes a while, so that the two really meet


@pytest.fixture
def crowded(transactional_db: None) -> Town:
    """A town in which many reports wait, some for their cell, some for a platform."""
    town = build_town()
    forget_catalogue()
    for number in range(COUNT):
        filed(town, town.categories.rubbish if number % 2 else town.categories.noise)
    return town


def together(*jobs: Callable[[], Found]) -> list[Found]:
    """Run the jobs in threads that start at the same moment, each with a database connection of its own."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Found]) -> Found:
        try:
            start.wait(10)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return [future.result(60) for future in [threads.submit(run, job) for job in jobs]]


def test_two_routers_at_once_route_each_report_once(crowded: Town) -> None:
    with refused_by_the_database("issues_issueevent", SLOW, sleep=0.02):
        counts = together(*[lambda: route_waiting(now=NOW, batch=5)] * 2)
    assert sum(counts) == COUNT
    assert min(counts) > 0  # both were at work
    assert IssueEvent.objects.count() == COUNT // 2 * (2 + 4)
    assert Handover.objects.filter(ended_at=None).count() == COUNT
    assert Notice.objects.count() <= COUNT // 2
    assert broken_chains() == []
    assert check_invariants(now=NOW).findings == []


def test_two_sweepers_at_once_remind_each_holder_once(crowded: Town) -> None:
    route_waiting(now=NOW)
    late = Issue.objects.order_by("-next_action_at").values_list("next_action_at", flat=True)[0]
    assert late is not None
    with refused_by_the_database("issues_issueevent", SLOW, sleep=0.02):
        results = together(*[lambda: sweep(now=late, batch=5)] * 2)
    assert sum(result.remind for result in results) == COUNT
    assert min(result.remind for result in results) > 0
    assert IssueEvent.objects.filter(kind="remind").count() == COUNT
    assert broken_chains() == []


def test_two_sweepers_at_once_move_each_issue_up_once(crowded: Town) -> None:
    route_waiting(now=NOW)
    long_after = NOW + timedelta(days=30)
    with refused_by_the_database("issues_issueevent", SLOW, sleep=0.01):
        results = together(*[lambda: sweep(now=long_after, batch=7)] * 2)
    totals = results[0] + results[1]
    assert (totals.remind, totals.overdue, totals.escalate) == (COUNT, COUNT, COUNT)
    assert Handover.objects.filter(kind="escalate", ended_at=None).count() == COUNT
    assert broken_chains() == []
    assert check_invariants(now=long_after).findings == []


def test_routers_and_sweepers_all_at_once(crowded: Town) -> None:
    def route() -> int:
        return route_waiting(now=NOW, batch=7)

    def sweep_now() -> int:
        return sweep(now=NOW + timedelta(hours=30), batch=7).moved

    with refused_by_the_database("issues_issueevent", SLOW, sleep=0.01):
        together(route, sweep_now, route, sweep_now)
    sweep(now=NOW + timedelta(hours=30))
    assert not Issue.objects.filter(state="collected").exists()
    assert broken_chains() == []
    assert check_invariants(now=NOW + timedelta(hours=30)).findings == []


def test_a_move_by_a_person_and_the_sweep_do_not_undo_each_other(crowded: Town) -> None:
    route_waiting(now=NOW)
    issue = Issue.objects.filter(state="escalated").order_by("id")[0]
    moment = issue.next_action_at
    assert moment is not None
    with connection.cursor() as cursor:  # a person's move holds the row while the sweep comes by
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM issues_issue WHERE id = %s FOR NO KEY UPDATE", [issue.id])
        moved = together(lambda: sweep(now=moment))[0]
        cursor.execute("ROLLBACK")
    assert moved.remind == Issue.objects.filter(rung=1).count() > 0
    issue.refresh_from_db()
    assert issue.rung == 0
    assert sweep(now=moment).remind == 1


def test_a_second_ring_finds_a_sweep_at_work_and_leaves(crowded: Town) -> None:
    with only_sweeper() as is_first:
        assert is_first
        together(ring_sweep)
    assert Issue.objects.filter(state="collected").count() == COUNT
    together(ring_sweep)
    assert not Issue.objects.filter(state="collected").exists()


def test_parts_end_in_the_order_in_which_a_recount_locks_them(transactional_db: None) -> None:
    """Else each of the two waits for the other. Index and table have them the other way round."""
    town = build_town()
    forget_catalogue()
    issue = joint(town)
    first = CoHandling.objects.get(issue=issue)
    second = copy(first)
    second.pk, second.department = None, town.departments.chengguan
    second.save()
    CoHandling.objects.filter(pk=first.pk).update(due_at=F("due_at") + timedelta(hours=1))

    def end() -> int:
        try:
            return end_all(issue_id=issue.id, outcome="return", now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            CoHandling.objects.select_for_update(no_key=True).get(pk=first.pk)
            ending = other.submit(end)
            assert wait_for(_somebody_waits, 10)
            CoHandling.objects.select_for_update(no_key=True, nowait=True).get(pk=second.pk)
        assert ending.result(10) == 2


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
