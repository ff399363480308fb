"""The tamper-evident history: one changed byte is found, and whatever else can be done to it behind our back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from apps.issues.models import DayAnchor, IssueEvent
from apps.issues.selectors import history
from apps.issues.selectors.history import verify_anchors, verify_histories
from apps.issues.services.anchors import OthersAnchor, anchor_days
from tests.factories import NOW, Town
from tests.issues import reports
from tests.issues.test_moves import assigned, fed_back, filed, move

pytestmark = pytest.mark.django_db

TOMORROW = NOW + timedelta(days=1)
TRIGGERS = ("issue_event_no_change", "issue_event_chain")


@contextmanager
def behind_our_back() -> Iterator[Any]:
    """What somebody with every right in the database can do: switch the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE issues_issueevent DISABLE TRIGGER {trigger}")
        cursor.execute("ALTER TABLE issues_dayanchor DISABLE TRIGGER day_anchor_no_change")
        yield cursor
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE issues_issueevent ENABLE TRIGGER {trigger}")
        cursor.execute("ALTER TABLE issues_dayanchor ENABLE TRIGGER day_anchor_no_change")


def faults(**options: Any) -> list[tuple[str, int, str]]:
    found = verify_histories(**options)
    return [(fault.subject, fault.seq, str(fault.sentence)) for fault in found.faults]


def tampered(sql: str, *values: Any) -> list[tuple[str, int, str]]:
    with behind_our_back() as cursor:
        cursor.execute(sql, values)
    return faults()


def test_an_untouched_history_is_whole(town: Town) -> None:
    fed_back(town), assigned(town)
    so_far = verify_histories()
    assert (so_far.faults, so_far.issues, so_far.events) == ([], 2, IssueEvent.objects.count())


@pytest.mark.parametrize(
    "change",
    [
        "payload = jsonb_set(payload, '{text}', '\"请今天清遗\"')",  # one character of what was said
        "payload = payload || '{\"x\": 1}'",
        "kind = 'Assign'",
        "actor_id = actor_id + 1",
        "post_id = NULL",
        "at = at + interval '1 microsecond'",
        "due_at = due_at - interval '1 microsecond'",
        "state = 'handling'",
        "holder_grid_id = holder_grid_id + 1",
        "holder_department_id = NULL",
        "rung = rung + 1",
        "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)",
        "previous = set_byte(previous, 0, get_byte(previous, 0) # 1)",
    ],
)
def test_one_altered_byte_of_any_column_is_found_and_named(town: Town, change: str) -> None:
    issue, untouched = assigned(town), assigned(town)
    [seq] = issue.events.filter(kind="assign").values_list("seq", flat=True)
    found = tampered(f"UPDATE issues_issueevent SET {change} WHERE issue_id = %s AND seq = %s", issue.id, seq)
    assert found[0] == (issue.number, seq, str(history.ALTERED))
    assert {number for number, _seq, _sentence in found} == {issue.number} != {untouched.number}


def test_a_line_taken_out_is_missed(town: Town) -> None:
    issue = fed_back(town)
    found = tampered("DELETE FROM issues_issueevent WHERE issue_id = %s AND seq = 3", issue.id)
    assert found == [(issue.number, 4, str(history.MISSING))]


def test_a_history_cut_short_is_missed(town: Town) -> None:
    issue = fed_back(town)
    found = tampered("DELETE FROM issues_issueevent WHERE issue_id = %s AND seq = %s", issue.id, issue.version)
    assert found == [(issue.number, issue.version - 1, str(history.CUT_SHORT))]


def test_a_history_that_is_gone_is_missed(town: Town) -> None:
    issue = fed_back(town)
    assert tampered("DELETE FROM issues_issueevent WHERE issue_id = %s", issue.id) == [
        (issue.number, 0, str(history.GONE))
    ]


def test_two_lines_exchanged_are_found(town: Town) -> None:
    issue = fed_back(town)
    found = tampered(
        "UPDATE issues_issueevent SET seq = 1007 - seq WHERE issue_id = %s AND seq IN (3, 4)",
        issue.id,
    )
    assert (issue.number, 1003, str(history.MISSING)) in found


def test_one_history_alone_and_from_some_issue_on(town: Town) -> None:
    first, second = assigned(town), assigned(town)
    with behind_our_back() as cursor:
        cursor.execute("UPDATE issues_issueevent SET rung = 2 WHERE issue_id = %s AND seq = 1", [first.id])
    assert faults(only=[second.id]) == faults(after=first.id) == []
    assert faults(only=[first.id]) == faults() != []


def test_it_goes_through_many_lines_in_batches(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = [fed_back(town) for _ in range(3)]
    monkeypatch.setattr(history, "_CHAINS", history._CHAINS.replace(f"LIMIT {history.BATCH}", "LIMIT 2"))
    seen: list[int] = []
    so_far = verify_histories(on_progress=lambda now: seen.append(now.events))
    assert so_far.faults == []
    assert seen == list(range(2, so_far.events + 1, 2)) + [so_far.events] * (so_far.events % 2)
    assert (so_far.issues, so_far.issue_id) == (3, issues[-1].id)


# --- the daily anchor ---------------------------------------------------------------------------------


def test_each_finished_day_gets_one_root_chained_to_the_day_before(town: Town) -> None:
    issue = fed_back(town)
    [first] = anchor_days(now=TOMORROW)
    assert (first.day, first.events, first.issues) == (NOW.date(), issue.version, 1)
    move(issue, "rework", town.people.dispatcher, "还有一堆", minutes=24 * 60)
    assert anchor_days(now=TOMORROW) == []  # that day has not ended
    days = anchor_days(now=NOW + timedelta(days=4))
    assert [day.events for day in days] == [1, 0, 0]
    assert [bytes(day.previous) for day in days] == [bytes(first.root), *(bytes(day.root) for day in days[:-1])]
    assert verify_anchors().faults == []
    assert verify_anchors().anchors == 4


def test_a_day_ends_half_an_hour_after_midnight(town: Town) -> None:
    filed(town)
    midnight = (NOW + timedelta(days=1)).replace(hour=0, minute=0)
    assert anchor_days(now=midnight + timedelta(minutes=29)) == []
    assert [str(anchor) for anchor in anchor_days(now=midnight + timedelta(minutes=30))] == [str(NOW.date())]


def test_what_was_written_late_belongs_to_a_later_day(town: Town) -> None:
    issue = filed(town)
    anchor_days(now=TOMORROW)
    move(issue, "sign", town.people.dispatcher, minutes=1)  # tells of yesterday, and was committed today
    [second] = anchor_days(now=TOMORROW + timedelta(days=1))
    assert (second.day, second.events) == (date.fromisoformat(str(TOMORROW.date())), 1)
    assert verify_anchors().faults == []


def test_a_history_written_anew_from_the_start_is_found_by_its_day(town: Town) -> None:
    issue = assigned(town)
    anchor_days(now=TOMORROW)
    with behind_our_back() as cursor:  # every hash computed again, as the trigger does
        cursor.execute('UPDATE issues_issueevent SET payload = \'{"text": "别的"}\' WHERE issue_id = %s', [issue.id])
        for seq in range(1, issue.version + 1):
            cursor.execute(
                "UPDATE issues_issueevent e SET previous = coalesce((SELECT hash FROM issues_issueevent b WHERE "
                "b.issue_id = e.issue_id AND b.seq = e.seq - 1), '') WHERE issue_id = %s AND seq = %s",
                [issue.id, seq],
            )
            cursor.execute(
                "UPDATE issues_issueevent e SET hash = issue_event_digest(e) WHERE issue_id = %s AND seq = %s",
                [issue.id, seq],
            )
    assert faults() == []
    assert [str(fault) for fault in verify_anchors().faults] == [f"{NOW.date()}: {history.ROOT_DIFFERS}"]


def test_a_day_taken_out_of_the_chain_or_altered_is_found(town: Town) -> None:
    filed(town)
    anchor_days(now=NOW + timedelta(days=4))
    with behind_our_back() as cursor:
        cursor.execute("DELETE FROM issues_dayanchor WHERE day = %s", [TOMORROW.date()])
    assert [fault.sentence for fault in verify_anchors().faults] == [history.DAYS_UNCHAINED]
    with behind_our_back() as cursor:
        other = "set_byte(root, 0, 255 - get_byte(root, 0))"
        cursor.execute(f"UPDATE issues_dayanchor SET root = {other} WHERE day = %s", [NOW.date()])
    assert history.ROOT_DIFFERS in [fault.sentence for fault in verify_anchors().faults]


@pytest.mark.parametrize("sql", ["UPDATE issues_dayanchor SET events = 0", "DELETE FROM issues_dayanchor"])
def test_an_anchor_cannot_be_changed_in_passing(town: Town, sql: str) -> None:
    filed(town)
    anchor_days(now=TOMORROW)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_two_who_anchor_at_once_anchor_each_day_once(town: Town) -> None:
    filed(town)

    def anchor() -> None:
        try:
            with suppress(OthersAnchor):
                anchor_days(now=NOW + timedelta(days=10))
        finally:
            connection.close()

    both = [Thread(target=anchor) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert DayAnchor.objects.count() == 10
    assert verify_anchors().faults == []


def test_a_bulk_of_days_is_anchored_without_a_query_for_each_event(
    town: Town, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        filed(town)
    with django_assert_max_num_queries(4 + 3 * 4):
        assert len(anchor_days(now=NOW + timedelta(days=4))) == 4


# --- the commands -------------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = StringIO()
    with translation.override("en"):
        call_command(*words, stdout=out, no_color=True)
    return out.getvalue()


def test_the_command_says_in_one_line_that_all_is_well(town: Town) -> None:
    issue = fed_back(town)
    assert str(NOW.date()) in said("anchor_history")
    assert said("anchor_history") == "Days anchored: 0.\n"
    line = said("verify_history")
    assert line.startswith(f"The history is as it was written: {issue.version} events of 1 issues")
    assert said("verify_history", "--issue", issue.number).count("\n") == 1


def test_the_command_names_the_line_and_fails(town: Town) -> None:
    issue = fed_back(town)
    with behind_our_back() as cursor:
        cursor.execute("UPDATE issues_issueevent SET rung = 2 WHERE issue_id = %s AND seq = 2", [issue.id])
    out = StringIO()
    with translation.override("en"), pytest.raises(CommandError, match="changed in 1 places"):
        call_command("verify_history", stdout=out)
    assert out.getvalue() == f"{issue.number}#2: this line was changed after it was written\n"


def test_an_unknown_number_is_refused(town: Town) -> None:
    with translation.override("en"), pytest.raises(CommandError, match="no issue with the number 20990101-000001"):
        call_command("verify_history", issue="20990101-000001")


def test_since_a_day_only_what_was_touched_then_is_looked_at(town: Town) -> None:
    old = fed_back(town)
    [sheet] = anchor_days(now=TOMORROW)
    new = reports.filed(town, town.categories.noise, now=TOMORROW)
    with behind_our_back() as cursor:
        cursor.execute("UPDATE issues_issueevent SET rung = 2 WHERE issue_id = %s AND seq = 2", [old.id])
        cursor.execute("UPDATE issues_dayanchor SET root = set_byte(root, 0, get_byte(root, 0) # 1)")
    line = said("verify_history", "--since", str(TOMORROW.date()))
    new.refresh_from_db()
    assert line.startswith(f"The history is as it was written: {new.version} events of 1 issues")
    assert ", 0 daily anchors" in line
    with pytest.raises(CommandError, match="changed in 2 places"):
        said("verify_history", "--since", str(sheet))
    with pytest.raises(CommandError, match="not a day"):
        said("verify_history", "--since", "yesterday")


def test_many_chosen_ones_are_asked_for_some_at_a_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    issues = [assigned(town) for _ in range(3)]
    monkeypatch.setattr(history, "BATCH", 2)
    with behind_our_back() as cursor:
        cursor.execute("DELETE FROM issues_issueevent WHERE issue_id = %s", [issues[2].id])
    found = verify_histories(only=[issue.id for issue in issues])
    assert (found.issues, [tuple(fault) for fault in found.faults]) == (2, [(issues[2].number, 0, history.GONE)])


def test_stopped_it_goes_on_where_it_was_with_what_it_had_found(
    town: Town, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    issues = [assigned(town) for _ in range(3)]
    with behind_our_back() as cursor:
        for issue in (issues[0], issues[2]):
            cursor.execute("UPDATE issues_issueevent SET rung = 2 WHERE issue_id = %s AND seq = 1", [issue.id])
    monkeypatch.setattr(history, "_CHAINS", history._CHAINS.replace(f"LIMIT {history.BATCH}", "LIMIT 2"))
    look, read = history._line_faults, set[int]()

    def interrupted(chain: Any, seq: int, *rest: Any) -> Any:
        read.add(chain.issue_id)
        if chain.issue_id == issues[2].id:
            raise KeyboardInterrupt
        return look(chain, seq, *rest)

    out = StringIO()
    with monkeypatch.context() as stopped, translation.override("en"), pytest.raises(CommandError) as error:
        stopped.setattr(history, "_line_faults", interrupted)
        call_command("verify_history", stdout=out)
    assert "Go on with: manage.py verify_history --resume" in str(error.value)
    assert error.value.returncode == 130
    first = f"{issues[0].number}#1: this line was changed after it was written"
    assert out.getvalue().splitlines() == [first]

    read.clear()

    def watched(chain: Any, *rest: Any) -> Any:
        read.add(chain.issue_id)
        return look(chain, *rest)

    monkeypatch.setattr(history, "_line_faults", watched)
    out = StringIO()
    with translation.override("en"), pytest.raises(CommandError, match="changed in 2 places") as error:
        call_command("verify_history", "--resume", stdout=out)
    assert error.value.returncode == 1
    assert out.getvalue().splitlines() == [first, first.replace(issues[0].number, issues[2].number)]
    assert issues[0].id not in read
    assert list(tmp_path.iterdir()) == []  # nothing is left to go on with


@pytest.mark.parametrize("is_same", [True, False])
def test_going_on_it_finds_what_is_gone_below_and_follows_no_mark_of_another_database(
    town: Town, settings: Any, tmp_path: Path, is_same: bool
) -> None:
    settings.VAR_DIR = tmp_path
    issues = [assigned(town) for _ in range(3)]
    with behind_our_back() as cursor:
        cursor.execute("DELETE FROM issues_issueevent WHERE issue_id = %s", [issues[0].id])
        cursor.execute("UPDATE issues_issueevent SET rung = 2 WHERE issue_id = %s AND seq = 1", [issues[1].id])
    database = history.database_identity() if is_same else "elsewhere:5432/copy#7"
    mark = {"after": issues[1].id, "faults": [], "database": database}
    (tmp_path / "verify_history.json").write_text(json.dumps(mark))
    out, said = StringIO(), StringIO()
    with translation.override("en"), pytest.raises(CommandError):
        call_command("verify_history", "--resume", stdout=out, stderr=said)
    gone = f"{issues[0].number}: its whole history is missing"
    altered = f"{issues[1].number}#1: this line was changed after it was written"
    assert set(out.getvalue().splitlines()) == ({gone} if is_same else {gone, altered})
    assert ("begins anew" in said.getvalue()) is not is_same
