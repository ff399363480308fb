"""The heart in Django's admin: the catalogue and the clocks to be edited, issues to be looked at."""

from apps.issues.admin.catalogue import CategoryAdmin, PowerAdmin, RoutingRuleAdmin, TierLimitAdmin
from apps.issues.admin.clocks import CalendarDayAdmin, WorkingPeriodAdmin
from apps.issues.admin.issues import IssueAdmin

__all__ = [
    "CalendarDayAdmin",
    "CategoryAdmin",
    "IssueAdmin",
    "PowerAdmin",
    "RoutingRuleAdmin",
    "TierLimitAdmin",
    "WorkingPeriodAdmin",
]
