"""Clocks for many issues at once: each distinct one is counted once, and none ever fails."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from apps.issues.deadlines import (
    PLAIN_RUNGS,
    CannotCount,
    Ladder,
    Limit,
    RungRules,
    Unit,
    next_working_moment,
    start_ladder,
)
from apps.issues.selectors.calendar import work_calendar

logger = logging.getLogger(__name__)

UNCOUNTABLE: Final = Limit(Decimal(4), Unit.URGENT_HOUR)  # hours that always count: this clock cannot fail


@dataclass
class Clocks:
    """Clocks of one batch or sweep. A limit that cannot be counted must not stop a report: four hours then."""

    _known: dict[tuple[Limit, RungRules, int | None, datetime], Mapping[str, Any]] = field(default_factory=dict)

    def start(self, limit: Limit, rungs: RungRules, district_id: int | None, at: datetime) -> Mapping[str, Any]:
        """A clock that starts at that moment by the district's hours (None: the city's), as columns of a handover.

        Ready for JSON: limit_amount, limit_unit, due_at, and the ladder as rung_at and rung_kinds.
        """
        key = (limit, rungs, district_id, at)
        if key not in self._known:
            self._known[key] = _columns(*_counted(limit, rungs, district_id, at))
        return self._known[key]


def next_alarm(district_id: int | None, now: datetime) -> datetime:
    """The start of the next working day; tomorrow at this hour where the calendar has none."""
    try:
        return next_working_moment(now, work_calendar(district_id))
    except CannotCount:
        logger.exception("the calendar has no working day ahead; the alarm rings in a day")
        return now + timedelta(days=1)


def _counted(limit: Limit, rungs: RungRules, district_id: int | None, at: datetime) -> tuple[Limit, Ladder]:
    calendar = work_calendar(district_id)
    try:
        return limit, start_ladder(at, limit, rungs, calendar)
    except CannotCount:
        logger.exception("a limit cannot be counted; four hours are used")
        return UNCOUNTABLE, start_ladder(at, UNCOUNTABLE, PLAIN_RUNGS, calendar)


def _columns(limit: Limit, ladder: Ladder) -> Mapping[str, Any]:
    return {
        "limit_amount": str(limit.amount),
        "limit_unit": limit.unit.value,
        "due_at": ladder.due_at.isoformat(),
        "rung_at": [moment.isoformat() for moment in ladder.rung_at],
        "rung_kinds": ladder.rung_kinds,
    }
