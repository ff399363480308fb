"""Tables of the heart: catalogue, clocks, issues."""

from apps.issues.models.catalogue import Category, Power, Standard, TierLimit, UnitChoices
from apps.issues.models.clocks import CalendarDay, WorkingPeriod
from apps.issues.models.issue import Handover, Issue, IssueEvent, Photo, PositionSource, Rung, number_of
from apps.issues.models.joint import CoHandling
from apps.issues.models.rules import DryRun, RoutingRule, RuleAlarm, RuleSet
from apps.issues.workflow import LinkKind, State

__all__ = [
    "CalendarDay",
    "Category",
    "CoHandling",
    "DryRun",
    "Handover",
    "Issue",
    "IssueEvent",
    "LinkKind",
    "Photo",
    "PositionSource",
    "Power",
    "RoutingRule",
    "RuleAlarm",
    "RuleSet",
    "Rung",
    "Standard",
    "State",
    "TierLimit",
    "UnitChoices",
    "WorkingPeriod",
    "number_of",
]
