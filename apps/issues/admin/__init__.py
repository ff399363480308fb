"""The heart in Django's admin: the catalogue and the clocks to be edited, issues to be looked at."""

from apps.issues.admin.catalogue import CategoryAdmin, PowerAdmin, TierLimitAdmin
from apps.issues.admin.clocks import CalendarDayAdmin, CalendarEditAdmin, WorkingPeriodAdmin
from apps.issues.admin.history import DayAnchorAdmin
from apps.issues.admin.issues import IssueAdmin
from apps.issues.admin.rules import RoutingRuleAdmin, RuleAlarmAdmin, RuleSetAdmin

__all__ = [
    "CalendarDayAdmin",
    "CalendarEditAdmin",
    "CategoryAdmin",
    "DayAnchorAdmin",
    "IssueAdmin",
    "PowerAdmin",
    "RoutingRuleAdmin",
    "RuleAlarmAdmin",
    "RuleSetAdmin",
    "TierLimitAdmin",
    "WorkingPeriodAdmin",
]
