"""What people do about a report, and when: mostly well and in time; some sign late, decline, forget, do bad work. Pure.

Each wish is a list: the first that the table of moves accepts is done. Shares are of the wishes in that situation;
they were chosen so that the year ends near the figures of the first city (docs/simulation.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, Final

from apps.demo.simulation.cases import JOLTS, Case
from apps.issues.deadlines import WorkCalendar, first_working_moment
from apps.issues.workflow import CLOSED, Give, State

LATE: Final = 0.04
FORGETS: Final = 0.012
WAKES_WHEN_JOLTED: Final = 0.6
DECLINES: Final = 0.06
BAD_WORK: Final = 0.05
ASSIGNS_DOWN: Final = 0.4
REPORTS_UP: Final = 0.02
JOINTLY: Final = 0.05
REJECTS: Final = 0.01
CANCELS: Final = 0.003
SPLITS: Final = 0.003
MERGES: Final = 0.015
UNMERGES: Final = 0.05
HANDLES_ITSELF: Final = 0.03
NOTES: Final = 0.15
ASKS_FOR_TIME: Final = 0.04
REFUSES_TIME: Final = 0.2
SUSPENDS: Final = 0.004
EVALUATES: Final = 0.25
REOPENS: Final = 0.01
APPEALS: Final = 0.1
REFUSES_APPEAL: Final = 0.5
SUPERVISES: Final = 0.05
PLATFORM_TIER: Final = 1
MOST_REWORKS: Final = 3
SOON: Final = timedelta(minutes=3)
IN_VAIN: Final = timedelta(hours=4)  # until somebody tries again whom the table refused


class Who(StrEnum):
    """For whom the person acts, seen from the report."""

    HOLDER = "holder"
    HELPER = "helper"
    PLATFORM = "platform"  # of the report's district
    SUPERIOR = "superior"  # of the cell above the holder
    CITY = "city"
    REPORTER = "reporter"


class Goal(StrEnum):
    """What must be looked up before the move can be made."""

    NOTHING = "nothing"
    DEPARTMENT = "department"  # the one that the powers name, or another that has not declined it
    CELL_BELOW = "cell_below"
    TWIN = "twin"  # another open report of the same kind in the same cell


@dataclass(frozen=True, slots=True)
class Wish:
    """A move that somebody wants to make."""

    move: str
    who: Who = Who.HOLDER
    text: str = "已办理"
    goal: Goal = Goal.NOTHING
    given: dict[Give, Any] = field(default_factory=dict)
    is_joint: bool = False


def next_wake(case: Case, dice: Random, calendar: WorkCalendar) -> datetime | None:
    """When somebody will next act, drawn after each event; the wake that was planned stays where it changes nothing."""
    if case.state in CLOSED:
        return _afterwards(case, dice, calendar)
    if case.kind in JOLTS:
        planned = case.wake_at
        if planned is not None and case.kind != "resume":
            return planned
        soon = case.at + timedelta(minutes=20 + 220 * dice.random())
        return _working(soon, calendar) if dice.random() < WAKES_WHEN_JOLTED or case.kind == "resume" else None
    if case.actor_was_nobody:
        return case.wake_at
    if case.state == State.SUSPENDED:
        return None  # it goes on by itself
    if dice.random() < FORGETS:
        return None
    return _in_share(case, dice, calendar)


def _in_share(case: Case, dice: Random, calendar: WorkCalendar) -> datetime:
    """A share of the clock that is left; now and then past its end. Signing and passing on are quick."""
    low, high = (0.02, 0.35) if not case.is_signed or case.state == State.FED_BACK or case.asked else (0.15, 0.9)
    share = low + (high - low) * dice.random()
    if dice.random() < LATE:
        share = 1.0 + 1.1 * dice.random()
    left = max(case.due_at - case.at, timedelta(hours=2)) if case.due_at else timedelta(hours=8)
    return _working(case.at + max(left * share, SOON), calendar)


def _working(moment: datetime, calendar: WorkCalendar) -> datetime:
    return first_working_moment(moment, calendar).replace(microsecond=0) + timedelta(seconds=1)


def _afterwards(case: Case, dice: Random, calendar: WorkCalendar) -> datetime | None:
    """After the end: whoever reported rates it or wants it opened again; a department appeals, others review."""
    if case.state == State.MERGED:
        wanted = dice.random() < UNMERGES
    elif case.state not in (State.CONCLUDED, State.EVALUATED):
        wanted = False
    elif case.appealed in (1, 2):
        wanted = True
    elif not case.rated and case.kind in ("conclude", "self_handle") and case.last_actor != case.reporter:
        wanted = dice.random() < EVALUATES + REOPENS
    else:
        wanted = case.late_department is not None and case.appealed == 0 and dice.random() < APPEALS
    return _working(case.at + timedelta(hours=2 + 90 * dice.random()), calendar) if wanted else None


def wishes(case: Case, tier: int, dice: Random, now: datetime) -> list[Wish]:
    """What whoever wakes wants to do, best first. `tier`: of the holding cell."""
    if case.state in CLOSED:
        return list(_after_end(case, dice))
    if case.asked:
        return [*_about_time(case, dice), *_work(case, tier, dice, now)]
    if case.helpers:
        return [Wish("co_feed_back", Who.HELPER, "协办事项已办结。"), *_work(case, tier, dice, now)]
    return list(_work(case, tier, dice, now))


def _after_end(case: Case, dice: Random) -> Iterator[Wish]:
    if case.state == State.MERGED:
        yield Wish("unmerge", Who.PLATFORM, "经核实不是同一问题。")
    elif case.appealed in (1, 2):
        if dice.random() < REFUSES_APPEAL:
            yield Wish("refuse_appeal", Who.PLATFORM, "超时事实清楚。")
        yield Wish("uphold_appeal", Who.PLATFORM, "情况属实，予以采纳。")
        yield Wish("uphold_appeal", Who.CITY, "情况属实，予以采纳。")
    elif not case.rated and case.times_reopened < 2 and dice.random() < REOPENS / (EVALUATES + REOPENS):
        yield Wish("reopen", Who.REPORTER, "问题又出现了，请继续处理。")
    elif not case.rated:
        score = dice.choices((5, 4, 3, 2, 1), (60, 25, 8, 4, 3))[0]
        given = {Give.SCORE: str(score), Give.IS_SATISFIED: "yes" if score > 2 else "no"}
        yield Wish("evaluate", Who.REPORTER, "", given=given)
    else:
        yield Wish("appeal", Who.HELPER, "因停电无法施工，非本单位原因。")


def _about_time(case: Case, dice: Random) -> Iterator[Wish]:
    """Somebody asked for more time: first agreed to by who waits, then granted by somebody else."""
    if dice.random() < REFUSES_TIME:
        yield Wish("refuse_extension", Who.PLATFORM, "工作量不大，请按时办结。")
    move = "agree_extension" if case.asked == 1 else "grant_extension"
    yield Wish(move, Who.PLATFORM, "同意。")
    yield Wish(move, Who.SUPERIOR, "同意。")
    yield Wish(move, Who.CITY, "同意。")


def _work(case: Case, tier: int, dice: Random, now: datetime) -> Iterator[Wish]:
    """The work itself, as the holder sees it; at the end of each list stands what is always possible."""
    if len(case.declined) > 1 and case.holder_department is None and case.state == State.ESCALATED:
        yield Wish("adjudicate", Who.PLATFORM, "经会商裁定由该部门负责办理，理由见附件。", Goal.DEPARTMENT)
    if not case.is_signed and case.state in (State.ESCALATED, State.ASSIGNED):
        if case.holder_department is not None and dice.random() < DECLINES * (1 + 3 * len(case.declined)):
            yield Wish("return", text="不属于本单位职责，请转有权单位。")
        yield Wish("sign", text="")
    if case.state == State.FED_BACK:
        yield from _check(case, dice)
    elif case.holder_department is not None:
        yield from _in_department(case, dice, now)
    elif tier <= PLATFORM_TIER:
        yield from _at_platform(dice)
    else:
        yield from _in_cell(case, dice)
    result = [
        Wish("feed_back", text="已处理。", given={Give.WITHOUT_CO: "协办单位未回，先行反馈。"}),
        Wish("self_handle", text="已处理。"),
    ]
    yield from result if case.owed or case.holder_department is not None else reversed(result)
    yield Wish("handle", text="正在处理。")
    yield Wish("report_up", text="超出本级权限。")


def _check(case: Case, dice: Random) -> Iterator[Wish]:
    if dice.random() < BAD_WORK and case.reworks < MOST_REWORKS:
        yield Wish("rework", text="现场复查仍有遗留，请继续处理。")
    conclude = [Wish("conclude", text="")] * 2  # by somebody else, where the first one did the work
    pass_on = [Wish("feed_back", text="下级已办结，请核。")]
    yield from [*pass_on, *conclude] if case.owed else [*conclude, *pass_on]
    yield Wish("refer", text="请上级派人核查。")
    yield Wish("rework", text="请另派人员复核。")


def _in_department(case: Case, dice: Random, now: datetime) -> Iterator[Wish]:
    drawn = dice.random()
    if drawn < SUSPENDS and not case.was_suspended:
        until = (now + timedelta(days=10 + int(50 * dice.random()))).date().isoformat()
        yield Wish("suspend", Who.PLATFORM, "需列入年度改造计划。", given={Give.UNTIL: until})
    elif drawn < SUSPENDS + ASKS_FOR_TIME and case.extended < 2 and not case.is_late:
        yield Wish("ask_extension", text="需要购置材料。", given={Give.AMOUNT: "0.5"})
    elif drawn < SUSPENDS + ASKS_FOR_TIME + NOTES and case.kind != "handle":
        yield Wish("handle", text="已派人到现场。")
    elif drawn > 1 - SUPERVISES and case.is_late:
        yield Wish("supervise", Who.PLATFORM, "请抓紧办理。", given={Give.CARD: "supervised"})


def _at_platform(dice: Random) -> Iterator[Wish]:
    drawn = dice.random()
    if drawn < REJECTS:
        yield Wish("reject", text="反映的问题不在受理范围。")
    elif drawn < REJECTS + CANCELS:
        yield Wish("cancel", text="重复录入，作废。")
    elif drawn < REJECTS + CANCELS + SPLITS:
        yield Wish("split", text="分两处办理。", given={Give.PARTS: "北侧部分\n南侧部分"})
    elif drawn < REJECTS + CANCELS + SPLITS + MERGES:
        yield Wish("merge", text="同一问题。", goal=Goal.TWIN)
    elif drawn > 1 - HANDLES_ITSELF:
        yield Wish("handle", text="由本平台直接处理。")
    yield Wish("assign", text="请核实办理。", goal=Goal.DEPARTMENT, is_joint=dice.random() < JOINTLY)


def _in_cell(case: Case, dice: Random) -> Iterator[Wish]:
    drawn = dice.random()
    if drawn < ASSIGNS_DOWN:
        yield Wish("assign", text="请到现场核实处理。", goal=Goal.CELL_BELOW)
    elif drawn > 1 - REPORTS_UP:
        yield Wish("report_up", text="超出本级权限，请上级协调。")
    if case.state == State.ESCALATED:
        yield Wish("handle", text="已到现场。")
