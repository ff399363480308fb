"""How long a holder has: the category's standard for handling, the tier's row for passing on and for checking."""

import logging
from datetime import datetime
from decimal import Decimal
from typing import Final

from apps.issues.deadlines import Ladder, Limit, RungRules, Unit, start_ladder
from apps.issues.models import TierLimit
from apps.issues.selectors.calendar import work_calendar
from apps.issues.selectors.catalogue import catalogue

logger = logging.getLogger(__name__)

Purpose = TierLimit.Purpose
LAST_RESORT: Final = Limit(Decimal(1), Unit.WORK_DAY)  # a missing row must never stop a report (reference: domain §6)


def limit_for(*, category_id: int, tier: int, purpose: Purpose) -> Limit:
    """The limit of one holder. A grave category's standard runs at every station; no query.

    Handling: the default standard of the category, else the tier's row. Passing on and checking: the tier's row.
    """
    known = catalogue()
    standard = known.standards.get(category_id)
    category = known.categories.get(category_id)
    is_by_standard = purpose is Purpose.HANDLE or (category is not None and category.is_grave)
    if is_by_standard and standard is not None:
        return standard
    row = known.tier_limits.get((tier, purpose))
    if row is None:
        logger.warning("no limit for tier %s, %s: one work day is used", tier, purpose)
        return LAST_RESORT
    return row


def rungs_for(*, category_id: int, tier: int, purpose: Purpose) -> RungRules:
    """The ladder of one holder, as data; no query."""
    return catalogue().rungs(category_id, tier, purpose)


def clock_for(
    *, category_id: int, tier: int, purpose: Purpose, district_id: int | None, now: datetime
) -> tuple[Limit, Ladder]:
    """The limit and its running ladder by the working hours of the district."""
    limit = limit_for(category_id=category_id, tier=tier, purpose=purpose)
    rungs = rungs_for(category_id=category_id, tier=tier, purpose=purpose)
    return limit, start_ladder(now, limit, rungs, work_calendar(district_id))
