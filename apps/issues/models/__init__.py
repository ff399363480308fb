"""Tables of the heart: catalogue, clocks, issues."""

from apps.issues.models.catalogue import Category, EscalationRung, Power, RoutingRule, Standard, TierLimit, UnitChoices
from apps.issues.models.clocks import CalendarDay, WorkingPeriod
from apps.issues.models.issue import (
    Card,
    Handover,
    Issue,
    IssueEvent,
    Pause,
    Photo,
    PositionSource,
    Rung,
    number_of,
    soon_in,
)
from apps.issues.workflow import LinkKind, State

__all__ = [
    "CalendarDay",
    "Card",
    "Category",
    "EscalationRung",
    "Handover",
    "Issue",
    "IssueEvent",
    "LinkKind",
    "Pause",
    "Photo",
    "PositionSource",
    "Power",
    "RoutingRule",
    "Rung",
    "Standard",
    "State",
    "TierLimit",
    "UnitChoices",
    "WorkingPeriod",
    "number_of",
    "soon_in",
]
