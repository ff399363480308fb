"""When is it due? The four clocks of a time limit, as pure arithmetic.

Takes aware datetimes and a `WorkCalendar`, gives aware datetimes in the calendar's time zone. Reads no
clock and no database. How it is told to people: docs/clocks.md. The default hours (08–12, 14–18) are those
customary in digital city management; everything else about working time is data.
"""

from apps.issues.deadlines.calendar import DEFAULT_SPANS, Reason, WorkCalendar, WorkingSpan, overlay
from apps.issues.deadlines.clocks import (
    add_limit,
    add_time,
    first_working_moment,
    next_working_moment,
    remaining,
    time_between,
)
from apps.issues.deadlines.ladder import (
    PLAIN_RUNGS,
    CountsFrom,
    Ladder,
    LadderStep,
    RungKind,
    RungRule,
    RungRules,
    extend,
    go_on,
    resume,
    shift,
    start_ladder,
)
from apps.issues.deadlines.recount import Pauses, advanced, elapsed, recount
from apps.issues.deadlines.steps import Step, Stretch, explain, explain_running
from apps.issues.deadlines.units import BadLimit, BadSpan, CannotCount, Limit, NoWorkingTime, OutOfRange, Unit

__all__ = [
    "DEFAULT_SPANS",
    "PLAIN_RUNGS",
    "BadLimit",
    "BadSpan",
    "CannotCount",
    "CountsFrom",
    "Ladder",
    "LadderStep",
    "Limit",
    "NoWorkingTime",
    "OutOfRange",
    "Pauses",
    "Reason",
    "RungKind",
    "RungRule",
    "RungRules",
    "Step",
    "Stretch",
    "Unit",
    "WorkCalendar",
    "WorkingSpan",
    "add_limit",
    "add_time",
    "advanced",
    "elapsed",
    "explain",
    "explain_running",
    "extend",
    "first_working_moment",
    "go_on",
    "next_working_moment",
    "overlay",
    "recount",
    "remaining",
    "resume",
    "shift",
    "start_ladder",
    "time_between",
]
