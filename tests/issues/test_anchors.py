"""Sheets stay true beside people who write late, at once, with wrong clocks; no figure on them can be altered."""

from datetime import datetime, timedelta
from threading import Event, Thread, Timer
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone, translation

from apps.common import clock
from apps.issues import tasks
from apps.issues.models import DayAnchor, IssueEvent
from apps.issues.selectors import history
from apps.issues.selectors.history import verify_anchors, verify_histories
from apps.issues.services import anchors
from apps.issues.services.anchors import OthersAnchor, StillWriting, anchor_days
from tests.factories import NOW, Town, build_town
from tests.issues.reports import filed
from tests.issues.test_history import behind_our_back

DAY = timedelta(days=1)
TODAY = timezone.localdate(NOW)


def report(town: Town, now: datetime = NOW) -> int:
    return filed(town, town.categories.noise, now=now).id


def counted() -> list[int]:
    return list(DayAnchor.objects.order_by("day").values_list("events", flat=True))


def test_the_day_ends_at_the_citys_midnight(town: Town) -> None:
    midnight = timezone.make_aware(datetime.combine(TODAY + DAY, datetime.min.time()))
    report(town, midnight - timedelta(microseconds=1))
    report(town, midnight)
    assert [str(sheet) for sheet in anchor_days(now=midnight + 2 * DAY)] == [str(TODAY), str(TODAY + DAY)]
    assert counted() == [1, 1]


def test_what_is_dated_back_draws_nothing_of_today_onto_yesterdays_sheet(town: Town) -> None:
    for moment in (NOW, NOW + DAY, NOW):
        report(town, moment)
    anchor_days(now=NOW + DAY)
    assert counted() == [1]
    anchor_days(now=NOW + 2 * DAY)
    assert counted() == [1, 2]
    assert verify_anchors().faults == []


def test_a_clock_that_runs_ahead_ends_no_day_and_hides_nothing(town: Town) -> None:
    for moment in (NOW, NOW + 9_000 * DAY, NOW):
        report(town, moment)
    anchor_days(now=NOW + DAY)
    assert counted() == [3]


def test_an_empty_city_has_no_sheets(db: None) -> None:
    assert anchor_days(now=NOW) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("events = events + 1", history.COUNTS_DIFFER),
        ("issues = issues + 1", history.COUNTS_DIFFER),
        ("day = day + 100", history.DAYS_UNCHAINED),
        ("first_event = first_event - 1", history.DAYS_UNCHAINED),
        ("previous = set_byte(previous, 0, get_byte(previous, 0) # 1)", history.DAYS_UNCHAINED),
        ("last_event = last_event - 1", history.ROOT_DIFFERS),
        ("root = set_byte(root, 0, get_byte(root, 0) # 1)", history.ROOT_DIFFERS),
    ],
)
def test_one_altered_figure_of_a_sheet_is_found(town: Town, change: str, fault: Any) -> None:
    for days in range(2):
        report(town, NOW + days * DAY)
    sheet = anchor_days(now=NOW + 2 * DAY)[-1]
    with behind_our_back() as cursor:
        cursor.execute(f"UPDATE issues_dayanchor SET {change} WHERE id = {sheet.id}")
    assert verify_anchors().faults[0].sentence == fault


def test_an_issue_taken_out_with_all_that_belongs_to_it_is_missed_by_its_day(town: Town) -> None:
    report(town)
    gone = report(town)
    [sheet] = anchor_days(now=NOW + DAY)
    _take_out(gone, "issueevent", "handover", "issue")
    assert verify_histories().faults == []
    assert [str(fault.sentence) for fault in verify_anchors().faults] == [str(history.ROOT_DIFFERS)]
    assert verify_anchors().faults[0].subject == str(sheet)


def test_a_history_whose_issue_was_taken_away_is_still_looked_at(town: Town) -> None:
    gone = report(town)
    report(town)
    _take_out(gone, "handover", "issue")
    assert [tuple(fault) for fault in verify_histories().faults] == [(f"…-{gone:06d}", 0, history.NO_ISSUE)]


def test_a_doubled_line_is_found_also_where_a_batch_ends(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = filed(town, town.categories.noise)
    columns = ", ".join(str(field.column) for field in IssueEvent._meta.concrete_fields if field.column != "id")
    with behind_our_back() as cursor:
        cursor.execute("ALTER TABLE issues_issueevent DROP CONSTRAINT event_sequence_per_issue")
        cursor.execute(f"INSERT INTO issues_issueevent ({columns}) SELECT {columns} FROM issues_issueevent")
    monkeypatch.setattr(history, "_CHAINS", history._CHAINS.replace(f"LIMIT {history.BATCH}", "LIMIT 1"))
    assert [tuple(fault) for fault in verify_histories().faults] == [(issue.number, 1, history.MISSING)]


def _take_out(issue_id: int, *tables: str) -> None:
    """Rows of one issue, behind every trigger and foreign key."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("issueevent", "handover", "issue"):
            cursor.execute(f"ALTER TABLE issues_{table} DISABLE TRIGGER ALL")
        for table in tables:
            column = "id" if table == "issue" else "issue_id"
            cursor.execute(f"DELETE FROM issues_{table} WHERE {column} = %s", [issue_id])
        for table in ("issueevent", "handover", "issue"):
            cursor.execute(f"ALTER TABLE issues_{table} ENABLE TRIGGER ALL")


# --- beside others at work --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_still_writes_is_waited_for_and_nobody_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id drawn before others that were committed at once, and committed hours after midnight."""
    town = build_town()
    report(town)
    drawn, go_on = Event(), Event()

    def slow() -> None:
        with transaction.atomic():
            report(town)
            drawn.set()
            go_on.wait(20)

    writer = _started(slow)
    assert drawn.wait(20)
    report(town, NOW + DAY)
    monkeypatch.setattr(clock, "now", lambda: NOW + 2 * DAY)
    monkeypatch.setattr(anchors, "PATIENCE", 0.2)
    with pytest.raises(StillWriting):
        anchor_days(now=NOW + 2 * DAY)
    tasks.anchor()  # says so in the log, and comes again
    with translation.override("en"), pytest.raises(CommandError, match="still being written"):
        call_command("anchor_history")
    assert counted() == []
    later = Timer(0.3, go_on.set)
    later.start()
    monkeypatch.setattr(anchors, "PATIENCE", 20)
    anchor_days(now=NOW + 2 * DAY)
    for thread in (later, writer):
        thread.join()
    assert counted() == [2, 1]
    assert verify_anchors().faults == []


@pytest.mark.django_db(transaction=True)
def test_a_second_anchorer_does_not_queue_behind_one_that_hangs() -> None:
    report(build_town())
    taken, go_on = Event(), Event()

    def hang() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [anchors.ANCHORING])
        taken.set()
        go_on.wait(20)

    other = _started(hang)
    assert taken.wait(20)
    with pytest.raises(OthersAnchor):
        anchor_days(now=NOW + 2 * DAY)
    tasks.anchor()  # says so in the log, and comes again
    with translation.override("en"), pytest.raises(CommandError, match="Another run is anchoring"):
        call_command("anchor_history")
    go_on.set()
    other.join(20)
    assert len(anchor_days(now=NOW + 2 * DAY)) == 2


@pytest.mark.django_db(transaction=True)
def test_people_write_on_while_days_are_anchored() -> None:
    town = build_town()
    report(town)
    stop = Event()

    def write() -> None:
        moment = NOW
        while not stop.is_set():
            moment += timedelta(hours=1)
            report(town, moment)

    writers = [_started(write) for _ in range(2)]
    for day in range(1, 31):
        anchor_days(now=NOW + day * DAY)
    stop.set()
    for writer in writers:
        writer.join(20)
    anchor_days(now=NOW + 31 * DAY)
    assert len(counted()) == 31
    assert sum(counted()) > 1
    assert verify_anchors().faults == []


def _started(job: Any) -> Thread:
    def run() -> None:
        try:
            job()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread
