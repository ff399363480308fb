"""Tables of the heart: catalogue, clocks, issues."""

from apps.issues.models.accountability import LateHolding
from apps.issues.models.catalogue import Category, EscalationRung, Power, Standard, TierLimit, UnitChoices
from apps.issues.models.clocks import CalendarDay, CalendarEdit, WorkingPeriod
from apps.issues.models.duplicates import DuplicateRule, Support
from apps.issues.models.history import DayAnchor
from apps.issues.models.issue import (
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
from apps.issues.models.joint import CoHandling
from apps.issues.models.rules import DryRun, RoutingRule, RuleAlarm, RuleSet
from apps.issues.workflow import Card, LinkKind, State

__all__ = [
    "CalendarDay",
    "CalendarEdit",
    "Card",
    "Category",
    "CoHandling",
    "DayAnchor",
    "DryRun",
    "DuplicateRule",
    "EscalationRung",
    "Handover",
    "Issue",
    "IssueEvent",
    "LateHolding",
    "LinkKind",
    "Pause",
    "Photo",
    "PositionSource",
    "Power",
    "RoutingRule",
    "RuleAlarm",
    "RuleSet",
    "Rung",
    "Standard",
    "State",
    "Support",
    "TierLimit",
    "UnitChoices",
    "WorkingPeriod",
    "number_of",
    "soon_in",
]
