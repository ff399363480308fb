"""The arithmetic of due times in words: `manage.py due` says it of any limit, a page of each clock of an issue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.grids.selectors import tree
from apps.issues.deadlines import CannotCount, Limit, Pauses, Reason, Step, Unit, explain_running
from apps.issues.models import CoHandling, Handover, Issue, LinkKind, TierLimit
from apps.issues.selectors.calendar import day_names, work_calendar
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.limits import limit_for
from apps.issues.selectors.wording import holder_words
from apps.issues.workflow import Holder
from apps.staff.models import Department

NOTHING = timedelta(0)
MARGIN = timedelta(days=60)  # a sum may come to a later day than the due time that counts
PURPOSES = {
    LinkKind.FEED_BACK: TierLimit.Purpose.CHECK,
    LinkKind.ASSIGN: TierLimit.Purpose.HANDLE,
    LinkKind.TRANSFER: TierLimit.Purpose.HANDLE,
    LinkKind.ADJUDICATE: TierLimit.Purpose.HANDLE,
    LinkKind.REWORK: TierLimit.Purpose.HANDLE,
    LinkKind.REOPEN: TierLimit.Purpose.HANDLE,
}
SOURCES = {
    TierLimit.Purpose.HANDLE: gettext_noop("the time for handling at this tier"),
    TierLimit.Purpose.CHECK: gettext_noop("the time for checking a result at this tier"),
    TierLimit.Purpose.DISPATCH: gettext_noop("the time for passing it on at this tier"),
}


@dataclass(frozen=True, slots=True)
class ClockSum:
    """One clock of an issue with its arithmetic. `agrees`: the sum is the stored due time, else `notes` say why not."""

    holder: str
    kind: str
    limit: str
    source: str
    started_at: datetime
    due_at: datetime
    ended_at: datetime | None
    lines: tuple[str, ...]
    counted: datetime | None
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return self.counted == self.due_at


def clock_sums(issue: Issue) -> list[ClockSum]:
    """Every clock the issue has had, the newest first; those who help last. At most seven queries."""
    handovers = list(issue.handovers.prefetch_related("pauses").order_by("-id"))
    parts = list(issue.co_handlings.select_related("department").order_by("-id"))
    departments = Department.objects.in_bulk({row.to_department_id for row in handovers} - {None})
    extensions = list(issue.events.filter(kind="grant_extension").order_by("seq").values_list("at", "payload"))
    names = _names(issue, [*handovers, *parts])
    sums = [_of_handover(issue, row, handovers, departments, extensions, names) for row in handovers]
    return [*sums, *(_of_part(issue, part, handovers, names) for part in parts)]


def _names(issue: Issue, holdings: Sequence[Handover | CoHandling]) -> Mapping[date, str]:
    """The names of special days, from the filing to a while after the last due time. One query."""
    last = max((row.due_at for row in holdings), default=issue.filed_at) + MARGIN
    return day_names(timezone.localdate(issue.filed_at), timezone.localdate(last))


def _of_handover(
    issue: Issue,
    held: Handover,
    handovers: Sequence[Handover],
    departments: dict[int, Department],
    extensions: Sequence[tuple[datetime, dict[str, str]]],
    names: Mapping[date, str],
) -> ClockSum:
    limit = Limit(held.limit_amount, Unit(held.limit_unit))
    pauses = [
        (pause.started_at, pause.ended_at or pause.until)
        for pause in sorted(held.pauses.all(), key=lambda pause: pause.started_at)
        if not (held.is_overdue and pause.started_at >= held.due_at)  # what was late before stays late
    ]
    lines, counted, notes = _sum(issue, held.started_at, limit, pauses, names, held.used_before or NOTHING)
    if held.used_before is not None:
        notes.append(_what_was_left(held, handovers, held.used_before))
    end = held.ended_at or datetime.max.replace(tzinfo=held.started_at.tzinfo)
    granted = [(at, payload) for at, payload in extensions if held.started_at <= at <= end]
    notes += [
        _("Extended on %(day)s by %(amount)s; the limit above holds it.")
        % {"day": f"{timezone.localtime(at):%Y-%m-%d %H:%M}", "amount": _amount(payload["amount"], held.limit_unit)}
        for at, payload in granted
    ]
    if counted != held.due_at:
        notes.append(_why_other(held, handovers))
    return ClockSum(
        holder=holder_words(Holder(held.to_grid_id, held.to_department_id), departments),
        kind=str(held.get_kind_display()),
        limit=_amount(str(held.limit_amount.normalize()), held.limit_unit),
        source="" if granted else _source(issue, held, limit),
        started_at=held.started_at,
        due_at=held.due_at,
        ended_at=held.ended_at,
        lines=lines,
        counted=counted,
        notes=tuple(notes),
    )


def _of_part(issue: Issue, part: CoHandling, handovers: Sequence[Handover], names: Mapping[date, str]) -> ClockSum:
    limit = Limit(part.limit_amount, Unit(part.limit_unit))
    pauses = _pauses_of_part(part, handovers)
    lines, counted, notes = _sum(issue, part.started_at, limit, pauses, names)
    if counted != part.due_at:
        notes.append(_("The due time that counts is another one: it was counted by the calendar as it was then."))
    return ClockSum(
        holder=str(part.department),
        kind=_("helps"),
        limit=_amount(str(part.limit_amount.normalize()), part.limit_unit),
        source="",
        started_at=part.started_at,
        due_at=part.due_at,
        ended_at=part.ended_at,
        lines=lines,
        counted=counted,
        notes=tuple(notes),
    )


def _pauses_of_part(part: CoHandling, handovers: Sequence[Handover]) -> Pauses:
    """When it stood still with the holding it helped, which began with it; what ended meanwhile was never shifted."""
    helped = [row for row in handovers if row.started_at == part.started_at]
    end = part.ended_at or datetime.max.replace(tzinfo=part.started_at.tzinfo)
    return [
        (pause.started_at, pause.ended_at if pause.ended_at and pause.ended_at <= end else pause.until)
        for pause in sorted((one for row in helped for one in row.pauses.all()), key=lambda one: one.started_at)
        if pause.started_at < end and not (part.is_overdue and pause.started_at >= part.due_at)
    ]


def _sum(
    issue: Issue,
    start: datetime,
    limit: Limit,
    pauses: Pauses,
    names: Mapping[date, str],
    used: timedelta = NOTHING,
) -> tuple[tuple[str, ...], datetime | None, list[str]]:
    """The lines, the due time they come to, and what a reader must know."""
    calendar = work_calendar(issue.district_id)
    try:
        stretches = explain_running(timezone.localtime(start), limit, pauses, calendar, used=used)
    except CannotCount as refusal:
        return (), None, [str(refusal)]
    steps = [step for stretch in stretches for step in stretch.steps]
    if not steps:
        return (), start, []
    lines: list[str] = []
    for stretch in stretches:
        lines += [line(step, names.get(step.day, "")) for step in stretch.steps]
        if stretch.pause is not None:
            begins, stops = (f"{timezone.localtime(at):%Y-%m-%d %H:%M}" for at in stretch.pause)
            sentence = _("%(begins)s  suspended until %(stops)s: the clock stands still")
            lines.append(sentence % {"begins": begins, "stops": stops})
    last = stretches[-1].steps
    counted = last[-1].spans[-1][1] if last or stretches[-2].pause is None else stretches[-2].pause[1]
    return tuple(lines), counted, warnings(steps, limit.unit, is_stored=True)


def _source(issue: Issue, held: Handover, limit: Limit) -> str:
    """Where the limit comes from, if that is still what is laid down; else that it was so when it began."""
    purpose = PURPOSES.get(LinkKind(held.kind), TierLimit.Purpose.DISPATCH)
    if held.kind == LinkKind.ASSIGN and held.to_department_id is None and held.actor_id is None:
        purpose = TierLimit.Purpose.HANDLE
    tier = tree().cell(held.to_grid_id).tier
    if limit_for(category_id=issue.category_id, tier=tier, purpose=purpose) != limit:
        return _("as it was laid down when it began")
    if catalogue().standards.get(issue.category_id) == limit and purpose is TierLimit.Purpose.HANDLE:
        return _("the standard of “%(category)s”") % {"category": issue.category}
    return _(SOURCES[purpose])


def _what_was_left(held: Handover, handovers: Sequence[Handover], used: timedelta) -> str:
    """What the holder had used when it last had the issue, and what was left; extensions come on top of that."""
    before = _held_before(held, handovers)
    limit = Limit(before.limit_amount, Unit(before.limit_unit)).span if before else used
    day = timezone.localtime(before.ended_at if before else held.started_at)
    sentence = _("It had this issue before: %(used)s of the limit were used by %(day)s, %(left)s were left.")
    return sentence % {"used": hours(used), "day": f"{day:%Y-%m-%d %H:%M}", "left": hours(max(limit - used, NOTHING))}


def _held_before(held: Handover, handovers: Sequence[Handover]) -> Handover | None:
    """The same holder's holding before. `handovers`: the newest first."""
    taker = (held.to_grid_id, held.to_department_id)
    return next(
        (row for row in handovers if row.id < held.id and (row.to_grid_id, row.to_department_id) == taker), None
    )


def _why_other(held: Handover, handovers: Sequence[Handover]) -> str:
    before = _held_before(held, handovers)
    if held.used_before is None and held.to_department_id and before is not None and before.outcome == "return":
        return _("It had this issue before and returned it: it goes on with the time that it had left then.")
    if held.is_overdue:
        return _("The due time had passed when the calendar was changed, so it stays.")
    return _("The due time that counts is another one: it was counted by the calendar as it was then.")


def _amount(amount: str, unit: str) -> str:
    return f"{amount} × {Unit(unit).label}"


def line(step: Step, name: str) -> str:
    """One day in words: `2013-02-16 Saturday  worked instead (春节调休)  08:00–11:00  3:00 used, 0:00 left`."""
    reasons = {
        Reason.WEEKDAY: _("working day"),
        Reason.WEEKEND: _("weekend"),
        Reason.HOLIDAY: _("day off"),
        Reason.MAKE_UP: _("make-up working day"),
        Reason.CONTINUOUS: _("every hour counts"),
    }
    reason, note = reasons[step.reason], name or ("" if step.is_known else _("assumed"))
    if note:
        reason = _("%(reason)s (%(note)s)") % {"reason": reason, "note": note}
    spans = ", ".join(f"{opens:%H:%M}–{closing(opens, closes)}" for opens, closes in step.spans) or "—"
    spent = _("%(used)s used, %(left)s left") % {"used": hours(step.used), "left": hours(step.left)}
    return f"{step.day}  {WEEKDAYS[step.day.weekday()]}  {reason}  {spans}  {spent}"


def closing(opens: datetime, closes: datetime) -> str:
    """The closing time of day; midnight at the end of the day is 24:00."""
    return "24:00" if closes.date() > opens.date() else f"{closes:%H:%M}"


def hours(span: timedelta) -> str:
    """Hours and minutes, with seconds only where there are any."""
    minutes, seconds = divmod(span.total_seconds(), 60)
    text = f"{int(minutes) // 60}:{int(minutes) % 60:02}"
    return f"{text}:{seconds:09.6f}".rstrip("0").rstrip(".") if seconds else text


def warnings(steps: list[Step], unit: Unit, *, is_stored: bool) -> list[str]:
    """What a reader must know before trusting the sum."""
    if unit.is_continuous:
        return []
    found = []
    if not is_stored:
        found.append(_("No calendar is stored yet: counted with the published holidays."))
    unknown = sorted({step.day.year for step in steps if not step.is_known})
    if unknown:
        sentence = _("Warning: the holidays of %(years)s are not known; Monday to Friday is assumed.")
        found.append(sentence % {"years": ", ".join(map(str, unknown))})
    return found
