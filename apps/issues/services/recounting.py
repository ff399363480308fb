"""After the calendar has changed, every running clock is counted again: in batches, under lock, once.

What has happened stays as it happened: rungs behind, a due time that has passed, lateness on the record. What lies
ahead keeps its time on the unit's clock, by the calendar as it was when the ladder was last counted (docs/adr/0021).
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.common.feed import publish_after_commit
from apps.common.queue import ring_once_after_commit
from apps.issues.deadlines import CannotCount, Ladder, Limit, Unit, WorkCalendar, advanced, elapsed, recount
from apps.issues.models import CalendarEdit, CoHandling, Handover, Issue, IssueEvent, Pause, State
from apps.issues.selectors.calendar import FRESH_SECONDS, Snapshot, snapshot
from apps.issues.services.calendar import CALENDAR
from apps.issues.services.telling import FEW, Lists, People, Telling, tell
from apps.issues.workflow import Holder
from apps.notices.services import Message, Words, notify_all
from apps.notices.services.delivery import DELIVER

BATCH: Final = 1_000
MOST_BATCHES: Final = 20  # a task stays short and rings itself again
SETTLES: Final = timedelta(seconds=2 * FRESH_SECONDS)  # until every process counts by the new calendar
WORKING: Final = [unit.value for unit in Unit if not unit.is_continuous]
ISSUE, HANDOVER, EVENT, PAUSE = (m._meta.db_table for m in (Issue, Handover, IssueEvent, Pause))

RECOUNTED: Final = Words(
    gettext_noop("The working calendar was changed: report %(number)s of %(cell)s has another due time"),
    gettext_noop("The working calendar was changed: %(count)s of your reports have other due times"),
)

READ: Final = f"""
    SELECT issue.id, issue.district_id, issue.grid_id, issue.state, issue.step, issue.next_action_at,
        issue.holder_grid_id, issue.holder_department_id, issue.version, issue.filed_at, held.id, held.started_at,
        coalesce(held.counted_at, held.started_at), held.limit_amount, held.limit_unit,
        coalesce(held.used_before, interval '0'), held.due_at, held.rung_at, held.rung_kinds,
        (SELECT json_agg(json_build_array(pause.started_at, coalesce(pause.ended_at, pause.until))
            ORDER BY pause.started_at) FROM {PAUSE} AS pause WHERE pause.handover_id = held.id)::text
    FROM {ISSUE} AS issue JOIN {HANDOVER} AS held ON held.issue_id = issue.id AND held.ended_at IS NULL
    WHERE issue.closed_at IS NULL AND issue.id > %(after)s AND held.limit_unit = ANY(%(units)s)
        AND coalesce(held.counted_at, held.started_at) < %(until)s
        AND held.rung_at[cardinality(held.rung_at)] >= %(first)s
    ORDER BY issue.id LIMIT %(batch)s FOR NO KEY UPDATE OF issue, held
"""
WRITE: Final = f"""
    WITH new AS (
        SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (issue_id bigint, handover_id bigint,
            due_at timestamptz, rung_at timestamptz[], next_action_at timestamptz, was timestamptz)
    ), held AS (
        UPDATE {HANDOVER} AS held SET due_at = new.due_at, rung_at = new.rung_at, counted_at = %(now)s
        FROM new WHERE held.id = new.handover_id
    ), moved AS (
        UPDATE {ISSUE} AS issue SET due_at = new.due_at, next_action_at = new.next_action_at, version = version + 1
        FROM new WHERE issue.id = new.issue_id
        RETURNING issue.*, new.was
    )
    INSERT INTO {EVENT} (issue_id, seq, kind, at, state, holder_grid_id, holder_department_id, due_at, rung, payload,
        previous, hash)
    SELECT id, 0, 'recount', %(now)s, state, holder_grid_id, holder_department_id, due_at, rung,
        jsonb_strip_nulls(jsonb_build_object('was', was)), '', '' FROM moved ORDER BY id
"""


class Clock(NamedTuple):
    """One running clock, as it was read under lock. `basis`: when its ladder was last counted."""

    issue_id: int
    district_id: int | None
    grid_id: int
    state: str
    step: int
    next_action_at: datetime
    holder_grid_id: int
    holder_department_id: int | None
    version: int
    filed_at: datetime
    handover_id: int
    started_at: datetime
    basis: datetime
    limit_amount: Decimal
    limit_unit: str
    used: timedelta  # of the limit, before this holding began
    due_at: datetime
    rung_at: list[datetime]
    rung_kinds: list[str]
    pauses: str | None

    @property
    def holder(self) -> Holder:
        return Holder(self.holder_grid_id, self.holder_department_id)

    @property
    def unit(self) -> Unit:
        return Unit(self.limit_unit)

    @property
    def stood_still(self) -> list[tuple[datetime, datetime]]:
        rows = json.loads(self.pauses or "[]")
        return [(datetime.fromisoformat(begins), datetime.fromisoformat(stops)) for begins, stops in rows]


@dataclass
class Recounted:
    """What a run did. `reached`: the last issue looked at; `has_more`: it was cut short."""

    looked_at: int = 0
    changed: int = 0
    reached: int = 0
    has_more: bool = False
    tellings: list[Telling] = field(default_factory=list)
    calendars: "_Calendars | None" = None


OnProgress = Callable[[Recounted], None]


def recount_clocks(
    *, now: datetime, most_batches: int | None = None, on_progress: OnProgress = lambda so_far: None
) -> Recounted:
    """Count every clock again that a change of the calendar concerns, all changes since together.

    Each batch is one transaction and is remembered: stopped, it goes on there. Done again, it changes nothing. At the
    end whoever holds such issues is told once. `most_batches`: then `has_more`; None: to the end.
    """
    result = Recounted()
    batches = 0
    while _pending().exists():
        if most_batches is not None and batches >= most_batches:
            result.has_more = True
            break
        batches += 1
        _count_batch(now, result)
        on_progress(result)
    _tell(result.tellings, now)
    return result


def _tell(tellings: Sequence[Telling], now: datetime) -> None:
    """Few of one holder are told one by one, many as their number: a changed holiday moves thousands."""
    of_holder: dict[Holder, list[Telling]] = defaultdict(list)
    for telling in tellings:
        of_holder[telling.to].append(telling)
    few = [own for own in of_holder.values() if len(own) <= FEW]
    people = People(now)
    people.look_up(of_holder)
    with transaction.atomic():
        tell(tellings=[one for own in few for one in own], people=people, now=now)
        told = notify_all(messages=_of_many(of_holder, people), now=now)
        if told:
            ring_once_after_commit(DELIVER)


def _of_many(of_holder: Mapping[Holder, Sequence[Telling]], people: People) -> Iterator[Message]:
    """For each holder of many; a department's people by the places of its issues."""
    lists = Lists()
    for holder, own in of_holder.items():
        if len(own) <= FEW:
            continue
        counts = Counter(tuple(people.of(holder, grid)) for grid in (one.grid_id for one in own))
        for recipients, count in counts.items():
            yield Message(recipients, RECOUNTED.many, {"count": count}, lists[holder])


def _pending() -> "QuerySet[CalendarEdit]":
    return CalendarEdit.objects.filter(counted_at=None).order_by("id")


def _count_batch(now: datetime, result: Recounted) -> None:
    """The next batch for all open edits; the last one closes them. What is open is asked under the lock."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CALENDAR])  # nobody changes it meanwhile
        edits = list(_pending())
        if not edits:
            return  # somebody else has just closed them
        calendars = result.calendars = _calendars(result.calendars)
        after = min(edit.reached for edit in edits)
        clocks = _read(edits, after)
        rows = [row for clock in clocks if (row := _new(clock, calendars)) is not None]
        _write(rows, clocks, now)
        is_last = len(clocks) < BATCH
        if is_last:
            _recount_helpers(calendars)
        CalendarEdit.objects.filter(id__in=[edit.id for edit in edits]).update(
            reached=clocks[-1].issue_id if clocks else after,
            recounted=F("recounted") + len(rows),
            counted_at=now if is_last else None,
        )
    result.looked_at, result.changed = result.looked_at + len(clocks), result.changed + len(rows)
    result.reached = clocks[-1].issue_id if clocks else after
    moved = {row["issue_id"] for row in rows if row["was"]}
    result.tellings += [
        Telling(RECOUNTED, one.holder, one.issue_id, one.filed_at, one.grid_id)
        for one in clocks
        if one.issue_id in moved
    ]


def _read(edits: Sequence[CalendarEdit], after: int) -> list[Clock]:
    first = timezone.make_aware(datetime.combine(min(edit.first_day for edit in edits), time()))
    values: dict[str, Any] = {
        "after": after,
        "units": WORKING,
        "until": max(edit.edited_at for edit in edits) + SETTLES,
        "first": first,
        "batch": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(READ, values)
        return [Clock(*row) for row in cursor.fetchall()]


def _calendars(known: "_Calendars | None") -> "_Calendars":
    """Those of the batch before, unless somebody has changed the calendar since: then its id is a new one."""
    newest = CalendarEdit.objects.aggregate(newest=Max("id"))["newest"]
    return known if known is not None and known.newest == newest else _Calendars(newest)


class _Calendars:
    """The calendar now, and as it was at any moment since the first change that is kept."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        edits = list(CalendarEdit.objects.order_by("edited_at", "id"))
        self._moments = [edit.edited_at for edit in edits]
        self._before = [Snapshot.from_json(edit.before) for edit in edits]
        self._now = snapshot()
        self._made: dict[tuple[int, int | None], WorkCalendar] = {}

    def now(self, district_id: int | None) -> WorkCalendar:
        return self._calendar(len(self._before), district_id)

    def at(self, moment: datetime, district_id: int | None) -> WorkCalendar:
        """As it was before the first change after the moment."""
        return self._calendar(bisect_right(self._moments, moment), district_id)

    def settling(self, moment: datetime) -> bool:
        """Whether some process may still have counted by the calendar before a change just made."""
        place = bisect_right(self._moments, moment)
        return place > 0 and moment < self._moments[place - 1] + SETTLES

    def before_settling(self, moment: datetime, district_id: int | None) -> WorkCalendar:
        return self._calendar(bisect_right(self._moments, moment) - 1, district_id)

    def _calendar(self, place: int, district_id: int | None) -> WorkCalendar:
        kept = self._now if place == len(self._before) else self._before[place]
        key = (place, district_id if kept.has_own_hours(district_id) else None)
        if key not in self._made:
            self._made[key] = kept.calendar(key[1])
        return self._made[key]


def _new(clock: Clock, calendars: _Calendars) -> dict[str, Any] | None:
    """The row of WRITE; None where nothing changes."""
    before, after = calendars.at(clock.basis, clock.district_id), calendars.now(clock.district_id)
    pauses, unit = clock.stood_still, clock.unit
    if calendars.settling(clock.basis):
        limit = Limit(clock.limit_amount, unit)
        if elapsed(clock.started_at, clock.due_at, pauses, unit, before) != limit.span - clock.used:
            before = calendars.before_settling(clock.basis, clock.district_id)
    running = Ladder.of(clock.started_at, clock.due_at, clock.rung_at, clock.rung_kinds)
    try:
        counted = recount(running, done=clock.step, pauses=pauses, unit=unit, before=before, after=after)
    except CannotCount:  # no working time for decades: the clock stays as it was
        return None
    if counted.rung_at == clock.rung_at and counted.due_at == clock.due_at:
        return None
    return {
        "issue_id": clock.issue_id,
        "handover_id": clock.handover_id,
        "due_at": counted.due_at.isoformat(),
        "rung_at": [at.isoformat() for at in counted.rung_at],
        "next_action_at": _next_action(clock, counted).isoformat(),
        "was": clock.due_at.isoformat() if counted.due_at != clock.due_at else None,
    }


def _next_action(clock: Clock, counted: Ladder) -> datetime:
    """The next rung, if that is what the sweep waited for; not where it waits for the end of a pause or an alarm."""
    if clock.state == State.SUSPENDED or clock.step >= len(counted.steps):
        return clock.next_action_at
    return counted.steps[clock.step].at if clock.next_action_at == clock.rung_at[clock.step] else clock.next_action_at


def _write(rows: Sequence[Mapping[str, Any]], clocks: Sequence[Clock], now: datetime) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {"rows": json.dumps(list(rows)), "now": now})
    changed = {row["issue_id"] for row in rows}
    publish_after_commit(_hint(one) for one in clocks if one.issue_id in changed)


def _hint(clock: Clock) -> dict[str, str | int]:
    return {
        "kind": "recount",
        "issue": clock.issue_id,
        "version": clock.version + 1,
        "district": clock.district_id or 0,
        "grid": clock.grid_id,
        "department": clock.holder_department_id or 0,
        "holder_grid": clock.holder_grid_id,
    }


def _recount_helpers(calendars: _Calendars) -> None:
    """Those who help have a plain limit, never extended, that stood still with the holder's; who is late stays late."""
    parts = CoHandling.objects.filter(ended_at=None, is_overdue=False, limit_unit__in=WORKING)
    locked = list(parts.select_related("issue").select_for_update(of=("self",)).order_by("id"))
    stood_still, changed = _pauses({part.issue_id for part in locked}), list[CoHandling]()
    for part in locked:
        limit, calendar = Limit(part.limit_amount, Unit(part.limit_unit)), calendars.now(part.issue.district_id)
        with suppress(CannotCount):  # then it stays as it was, as the holders' clocks do
            due_at = advanced(part.started_at, limit.span, stood_still[part.issue_id], limit.unit, calendar)
            if due_at != part.due_at:
                part.due_at = due_at
                changed.append(part)
    CoHandling.objects.bulk_update(changed, ["due_at"], batch_size=BATCH)


def _pauses(issue_ids: set[int]) -> Mapping[int, list[tuple[datetime, datetime]]]:
    """When the open clocks of these issues stood still, in order."""
    found = defaultdict[int, list[tuple[datetime, datetime]]](list)
    pauses = Pause.objects.filter(handover__issue_id__in=issue_ids, handover__ended_at=None).order_by("started_at")
    for pause in pauses.select_related("handover"):
        found[pause.handover.issue_id].append((pause.started_at, pause.ended_at or pause.until))
    return found
