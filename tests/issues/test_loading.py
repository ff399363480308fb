"""Histories in bulk: numbered after what is there, chained by the trigger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from apps.issues.models import Issue, State
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.filing import Report, file_report
from apps.issues.services.loading import EventRow, HandoverRow, IssueRow, load_issues
from tests.factories import NOW, Town

pytestmark = pytest.mark.django_db
AN_HOUR = timedelta(hours=1)


def open_issue(town: Town) -> IssueRow:
    """Assigned by routing to the leader of its own cell an hour ago."""
    filed_at, due_at = NOW - AN_HOUR, NOW + 3 * AN_HOUR
    cell, leader = town.cell.id, town.people.leader.id
    handover = HandoverRow(
        kind="assign",
        from_grid_id=None,
        from_department_id=None,
        to_grid_id=cell,
        to_department_id=None,
        actor_id=None,
        instruction="",
        started_at=filed_at,
        limit_amount=Decimal(4),
        limit_unit="urgenthour",
        due_at=due_at,
        rung_at=[NOW + 2 * AN_HOUR, due_at, due_at + 4 * AN_HOUR],
        rung_kinds=["remind", "overdue", "escalate"],
    )
    events = [
        EventRow(kind, actor, None, filed_at, state, cell, None, due_at, 0, {"text": 'a\\b\t"引号"\n'})
        for kind, actor, state in (("file", leader, State.COLLECTED), ("assign", None, State.ASSIGNED))
    ]
    return IssueRow(
        category_id=town.categories.noise.id,
        text="一行\n两行\t\\N",
        lon=None,
        lat=None,
        grid_id=cell,
        district_id=town.district.id,
        reporter_id=leader,
        reporter_post_id=None,
        is_urgent=False,
        is_self_handled=False,
        state=State.ASSIGNED,
        holder_grid_id=cell,
        holder_department_id=None,
        filed_at=filed_at,
        due_at=due_at,
        next_action_at=NOW + 2 * AN_HOUR,
        rung=0,
        closed_at=None,
        handovers=[handover],
        events=events,
    )


def test_a_loaded_history_is_whole_and_chained(town: Town) -> None:
    assert load_issues(issues=[open_issue(town), open_issue(town)]) == (2, 4)
    for issue in Issue.objects.all():
        assert issue.text == "一行\n两行\t\\N"
        assert issue.version == 2
        first, second = issue.events.order_by("seq")
        assert (first.seq, second.seq) == (1, 2)
        assert bytes(second.previous) == bytes(first.hash) != b""
        assert second.payload == {"text": 'a\\b\t"引号"\n'}
    assert not check_invariants(now=NOW).findings


def test_numbers_go_on_where_filing_stopped_and_filing_goes_on_after_them(town: Town) -> None:
    report = Report(category_id=town.categories.noise.id, grid_id=town.cell.id)
    before = file_report(reporter=town.people.leader, report=report, now=NOW).issue
    load_issues(issues=[open_issue(town)])
    after = file_report(reporter=town.people.leader, report=report, now=NOW).issue
    assert list(Issue.objects.order_by("id").values_list("id", flat=True)) == [
        before.id,
        before.id + 1,
        after.id,
    ]
    assert after.id == before.id + 2


def test_loading_nothing_is_fine(town: Town) -> None:
    assert load_issues(issues=[]) == (0, 0)


def test_one_bad_row_refuses_all(town: Town) -> None:
    bad = open_issue(town)
    bad.category_id = 0
    with pytest.raises(IntegrityError), transaction.atomic():
        load_issues(issues=[open_issue(town), bad])
        connection.check_constraints()
    assert not Issue.objects.exists()
