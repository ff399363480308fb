"""The stored calendar: seeding, correcting, and what the clocks are given of it."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.grids.models import Grid, Tier
from apps.issues.deadlines import Limit, Unit, add_limit
from apps.issues.models import CalendarDay, WorkingPeriod
from apps.issues.selectors import calendar as selector
from apps.issues.selectors.calendar import calendar_version, day_names, forget_calendars, work_calendar
from apps.issues.services.calendar import (
    Seeded,
    YearsNotPublished,
    edit_calendar_day,
    published_days,
    seed_calendar,
)
from tests.factories import NOW

pytestmark = pytest.mark.django_db

TUESDAY = date(2026, 3, 3)


def test_seeding_writes_every_day_of_every_published_year() -> None:
    assert seed_calendar(now=NOW) == Seeded(added=8401, changed=0, kept=0)
    assert CalendarDay.objects.filter(date__year=2012, is_working=True).count() == 249
    assert CalendarDay.objects.filter(date__year=2013, is_working=True).count() == 250
    stored = dict(CalendarDay.objects.values_list("date", "is_working"))
    assert all(chinese_calendar.is_workday(day) is is_working for day, is_working in stored.items())


def test_a_second_seeding_touches_no_row() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    before = list(CalendarDay.objects.order_by("date").values())
    assert seed_calendar(now=NOW, first_year=2026, last_year=2026) == Seeded(added=0, changed=0, kept=365)
    assert list(CalendarDay.objects.order_by("date").values()) == before
    assert WorkingPeriod.objects.count() == 2


def test_seeding_repairs_its_own_rows_and_leaves_edited_ones_alone() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    CalendarDay.objects.filter(date=date(2026, 3, 4)).update(is_working=False)
    edit_calendar_day(now=NOW, day=TUESDAY, is_working=False, name="停电")
    assert seed_calendar(now=NOW, first_year=2026, last_year=2026) == Seeded(added=0, changed=1, kept=364)
    assert CalendarDay.objects.get(date=date(2026, 3, 4)).is_working is True
    kept = CalendarDay.objects.get(date=TUESDAY)
    assert (kept.is_working, kept.name, kept.source) == (False, "停电", CalendarDay.Source.EDITED)


@pytest.mark.parametrize(("first", "last"), [(2003, 2010), (2026, 2027), (2013, 2012)])
def test_years_without_published_holidays_are_refused(first: int, last: int) -> None:
    with pytest.raises(YearsNotPublished, match="2004"):
        seed_calendar(now=NOW, first_year=first, last_year=last)
    assert not CalendarDay.objects.exists()


def test_holidays_and_make_up_days_have_their_names() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    assert day_names(date(2026, 2, 13), date(2026, 2, 15)) == {
        date(2026, 2, 14): "春节调休",
        date(2026, 2, 15): "春节",
    }


def test_published_days_can_be_had_without_writing() -> None:
    assert len(list(published_days(first_year=2012, last_year=2012))) == 366
    assert not CalendarDay.objects.exists()


def test_hours_an_administrator_has_set_are_not_doubled_by_seeding() -> None:
    WorkingPeriod.objects.create(start=time(9), end=time(17), valid_from=date(2000, 1, 1))
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    assert WorkingPeriod.objects.count() == 1


# --- the selector ------------------------------------------------------------------------------------


def test_the_seeded_calendar_gives_the_reference_due_time() -> None:
    seed_calendar(now=NOW, first_year=2012, last_year=2013)
    start = datetime(2013, 2, 8, 17, tzinfo=ZoneInfo("Asia/Shanghai"))
    due = add_limit(start, Limit(Decimal(4), Unit.WORK_HOUR), work_calendar(None))
    assert due.isoformat() == "2013-02-16T11:00:00+08:00"


def test_only_seeded_years_are_known() -> None:
    seed_calendar(now=NOW, first_year=2012, last_year=2013)
    calendar = work_calendar(None)
    assert [calendar.knows(date(year, 6, 1)) for year in (2011, 2012, 2013, 2014)] == [False, True, True, False]


def test_an_empty_table_gives_monday_to_friday_and_the_customary_hours() -> None:
    calendar = work_calendar(None)
    assert calendar.is_working(date(2026, 2, 17))  # Spring Festival, but nobody has said so
    assert not calendar.is_working(date(2026, 2, 14))
    assert [(span.start, span.end) for span in calendar.spans_on(TUESDAY)] == [
        (time(8), time(12)),
        (time(14), time(18)),
    ]


def test_the_calendar_costs_one_query_and_then_none() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        first = work_calendar(None)
        assert len(queries) == 1
        assert all(work_calendar(district) is first for district in (None, 1, 2))
        assert len(queries) == 1


def test_looking_again_without_a_change_costs_one_query_and_keeps_the_tables() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    first = work_calendar(None)
    forget_calendars()
    with CaptureQueriesContext(connection) as queries:
        assert work_calendar(None) is first
    assert len(queries) == 1


def change_nothing_but_content() -> None:
    CalendarDay.objects.filter(date=TUESDAY).update(is_working=False)


def remove_a_day() -> None:
    CalendarDay.objects.filter(date=TUESDAY).delete()


def add_a_period() -> None:
    WorkingPeriod.objects.create(start=time(19), end=time(20), valid_from=date(2026, 1, 1))


@pytest.mark.parametrize("change", [change_nothing_but_content, remove_a_day, add_a_period])
def test_a_change_made_behind_our_back_is_seen_at_the_next_look(
    change: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`update()` leaves `updated_at` alone and a deletion has none: the version must come from the content."""
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    before, version = work_calendar(None), calendar_version()
    change()
    assert work_calendar(None) is before  # fresh for 5 s
    monkeypatch.setattr(selector, "FRESH_SECONDS", 0.0)
    assert work_calendar(None) is not before
    assert calendar_version() != version


def test_a_correction_is_felt_at_once_by_the_process_that_made_it() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    assert work_calendar(None).is_working(TUESDAY)
    edit_calendar_day(now=NOW, day=TUESDAY, is_working=False)
    assert not work_calendar(None).is_working(TUESDAY)


def test_a_districts_own_hours_replace_the_citys_while_they_are_valid() -> None:
    seed_calendar(now=NOW, first_year=2026, last_year=2026)
    district = make_district()
    for start, end in ((time(8), time(12)), (time(15), time(18, 30))):
        WorkingPeriod.objects.create(
            district=district, start=start, end=end, valid_from=date(2026, 6, 1), valid_to=date(2026, 8, 31)
        )
    forget_calendars()
    own, city = work_calendar(district.pk), work_calendar(None)
    assert work_calendar(district.pk + 1) is city

    def afternoons(day: date) -> list[time]:
        return [calendar.spans_on(day)[1].end for calendar in (own, city)]

    assert afternoons(date(2026, 5, 31)) == [time(18), time(18)]
    assert afternoons(date(2026, 6, 1)) == [time(18, 30), time(18)]
    assert afternoons(date(2026, 8, 31)) == [time(18, 30), time(18)]
    assert afternoons(date(2026, 9, 1)) == [time(18), time(18)]


def test_a_period_whose_dates_run_backwards_is_valid_on_no_day() -> None:
    day = timedelta(days=1)
    WorkingPeriod.objects.create(start=time(9), end=time(10), valid_from=TUESDAY + day, valid_to=TUESDAY - day)
    assert [(span.start, span.end) for span in work_calendar(None).spans_on(TUESDAY)] == [
        (time(8), time(12)),
        (time(14), time(18)),
    ]


def make_district() -> Grid:
    return Grid.objects.create(tier=Tier.DISTRICT, code="410102000000000", name="中原区", valid_from=date(2012, 4, 27))


def test_the_command_reports_what_it_did() -> None:
    out = StringIO()
    with translation.override("en"):
        call_command("seed_calendar", "--first-year", "2026", stdout=out)
        call_command("seed_calendar", "--first-year", "2026", stdout=out)
        with pytest.raises(CommandError, match=r"Holidays are known from 2004 to \d{4} only"):
            call_command("seed_calendar", "--last-year", "2100")
    assert out.getvalue().splitlines() == [
        "Calendar days: 365 new, 0 changed, 0 kept.",
        "Calendar days: 0 new, 0 changed, 365 kept.",
    ]
