"""The real working calendar, and short words for moments and limits."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar

from apps.issues.deadlines import (
    Limit,
    Unit,
    WorkCalendar,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


@cache
def real_calendar() -> WorkCalendar:
    first = date(2004, 1, 1)
    known = [first + n * DAY for n in range((date(2027, 1, 1) - first).days)]
    return WorkCalendar({day: chinese_calendar.is_workday(day) for day in known})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def limit(amount: int | str, unit: str) -> Limit:
    return Limit(Decimal(amount), Unit(unit))
