"""`manage.py due` as a person meets it."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from apps.issues.models import CalendarDay
from apps.issues.services.calendar import edit_calendar_day, seed_calendar
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def due(*words: str, lang: str = "en") -> list[str]:
    out = StringIO()
    call_command("due", *words, "--lang", lang, stdout=out, no_color=True)
    return out.getvalue().splitlines()


def test_it_tells_the_arithmetic_line_by_line_and_the_due_time_last() -> None:
    seed_calendar(now=NOW, first_year=2012, last_year=2013)
    assert due("2012-12-31T17:30", "2", "workhour") == [
        "From 2012-12-31 17:30, Monday: 2 × work hour",
        "2012-12-31  Monday  working day  17:30–18:00  0:30 used, 1:30 left",
        "2013-01-01  Tuesday  day off (元旦)  —  0:00 used, 1:30 left",
        "2013-01-02  Wednesday  day off (元旦)  —  0:00 used, 1:30 left",
        "2013-01-03  Thursday  day off (元旦)  —  0:00 used, 1:30 left",
        "2013-01-04  Friday  working day  08:00–09:30  1:30 used, 0:00 left",
        "Due:",
        "2013-01-04T09:30:00+08:00",
    ]


@pytest.mark.parametrize("is_seeded", [True, False])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("2013-02-08T17:00 4 workhour", "2013-02-16T11:00:00+08:00"),
        ("2013-09-18T09:00 5 workday", "2013-09-26T09:00:00+08:00"),
        ("2012-12-31T17:30 2 workhour", "2013-01-04T09:30:00+08:00"),
        ("2012-09-28T18:00 4 workhour", "2012-09-29T12:00:00+08:00"),
        ("2013-02-08T17:00 4 urgenthour", "2013-02-08T21:00:00+08:00"),
        ("2013-02-08T17:00 3 calendarday", "2013-02-11T17:00:00+08:00"),
        ("2013-02-08T09:00+00:00 1.5 workhour", "2013-02-16T08:30:00+08:00"),
    ],
)
def test_the_last_line_is_the_due_time_with_and_without_a_stored_calendar(
    words: str, expected: str, is_seeded: bool
) -> None:
    if is_seeded:
        seed_calendar(now=NOW)
    assert due(*words.split())[-1] == expected


def test_without_rows_it_says_that_published_holidays_are_used_and_writes_nothing() -> None:
    lines = due("2013-02-08T17:00", "4", "workhour")
    assert "No calendar is stored yet: counted with the published holidays." in lines
    assert not CalendarDay.objects.exists()


def test_before_the_tables_exist_the_published_holidays_are_used_too() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {CalendarDay._meta.db_table} RENAME TO elsewhere")
    assert due("2013-02-08T17:00", "4", "workhour")[-1] == "2013-02-16T11:00:00+08:00"


def test_an_edited_day_counts() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    edit_calendar_day(now=NOW, day=date(2026, 3, 3), is_working=False, name="停电")
    lines = due("2026-03-02T17:00", "2", "workhour")
    assert lines[2] == "2026-03-03  Tuesday  day off (停电)  —  0:00 used, 1:00 left"
    assert lines[-1] == "2026-03-04T09:00:00+08:00"


def test_an_unknown_year_is_a_visible_warning() -> None:
    seed_calendar(now=NOW)
    lines = due("2026-12-31T17:00", "2", "workhour")
    assert "2027-01-01  Friday  working day (assumed)  08:00–09:00  1:00 used, 0:00 left" in lines
    assert "Warning: the holidays of 2027 are not known; Monday to Friday is assumed." in lines
    assert lines[-1] == "2027-01-01T09:00:00+08:00"


def test_a_continuous_limit_runs_through_midnight_without_any_warning() -> None:
    assert due("2030-12-31T22:00", "3", "urgenthour") == [
        "From 2030-12-31 22:00, Tuesday: 3 × urgent hour",
        "2030-12-31  Tuesday  every hour counts  22:00–24:00  2:00 used, 1:00 left",
        "2031-01-01  Wednesday  every hour counts  00:00–01:00  1:00 used, 0:00 left",
        "Due:",
        "2031-01-01T01:00:00+08:00",
    ]


def test_it_speaks_chinese() -> None:
    seed_calendar(now=NOW)
    lines = due("2012-09-28T18:00", "4", "workhour", lang="zh")
    assert lines == [
        "自 2012-09-28 18:00 星期五起：4 工作时",
        "2012-09-28  星期五  工作日  —  用 0:00，余 4:00",
        "2012-09-29  星期六  调休上班（国庆节调休）  08:00–12:00  用 4:00，余 0:00",
        "到期：",
        "2012-09-29T12:00:00+08:00",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "“” is not a time. Write it like this: manage.py due 2013-02-08T17:00 4 workhour"),
        ("yesterday 4 workhour", "“yesterday” is not a time."),
        ("2013-02-30T17:00 4 workhour", "“2013-02-30T17:00” is not a time."),
        ("2013-02-08T17:00 four workhour", "“four” is not a number."),
        ("2013-02-08T17:00 4 hours", "use one of urgenthour, workhour, workday, calendarday."),
        ("2013-02-08T17:00 4", "“” is not a unit"),
        ("2013-02-08T17:00 -4 workhour", "A time limit must be more than zero and at most ten years."),
        ("2013-02-08T17:00 NaN workhour", "A time limit must be more than zero and at most ten years."),
        ("2013-02-08T17:00 1e99 workday", "A time limit must be more than zero and at most ten years."),
        ("0001-01-01T00:00+08:00 4 workday", "Only times from 1900 to 2199 can be counted."),
        ("9999-12-31T23:59-08:00 4 calendarday", "Only times from 1900 to 2199 can be counted."),
    ],
)
def test_bad_input_is_answered_with_a_sentence(words: str, sentence: str) -> None:
    with pytest.raises(CommandError) as refusal:
        due(*words.split())
    assert sentence in str(refusal.value)
    assert refusal.value.returncode == 1


def test_an_unknown_language_is_refused_in_the_active_one() -> None:
    with translation.override("en"), pytest.raises(CommandError, match="Language fr is not spoken here: zh or en"):
        due("2013-02-08T17:00", "4", "workhour", lang="fr")
