"""Is the history as it was written? Every hash computed again, every chain and every daily anchor followed.

The bytes that were hashed are put together by PostgreSQL from the rows and hashed here, not by the function that the
triggers use: whoever had changed that would be found too. What is found: a changed byte, a missing, doubled or
exchanged event, a history cut short or gone, and, by the anchors, one that was written anew from the start.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.issues.models import DayAnchor, Issue, IssueEvent, number_of

BATCH: Final = 5_000
MOST_FAULTS: Final = 200
ISSUE, EVENT = Issue._meta.db_table, IssueEvent._meta.db_table
MOMENT: Final = """'YYYY-MM-DD"T"HH24:MI:SS.US'"""

# as in migration 0002: what one line of the history says, in the order in which it is hashed
_LINE = f"""
    jsonb_build_array(e.issue_id, e.seq, e.kind, e.actor_id, e.post_id, to_char(e.at AT TIME ZONE 'UTC', {MOMENT}),
        e.state, e.holder_grid_id, e.holder_department_id, to_char(e.due_at AT TIME ZONE 'UTC', {MOMENT}), e.rung,
        e.payload)::text
"""
_CHAINS: Final = f"""
    SELECT e.issue_id, e.seq, e.previous, e.hash, {_LINE}, i.filed_at, i.version, e.id
    FROM {EVENT} e LEFT JOIN {ISSUE} i ON i.id = e.issue_id
    WHERE (e.issue_id, e.seq, e.id) > (%(issue)s, %(seq)s, %(id)s)
        AND (%(only)s::bigint[] IS NULL OR e.issue_id = ANY(%(only)s))
    ORDER BY e.issue_id, e.seq, e.id LIMIT {BATCH}
"""
_NO_HISTORY: Final = f"""
    SELECT i.id, i.filed_at FROM {ISSUE} i LEFT JOIN {EVENT} e ON e.issue_id = i.id
    WHERE e.id IS NULL AND (%(only)s::bigint[] IS NULL OR i.id = ANY(%(only)s))
    ORDER BY i.id LIMIT {MOST_FAULTS}
"""
_BY_ID: Final = f"SELECT id, hash, issue_id FROM {EVENT} WHERE id > %s AND id <= %s ORDER BY id LIMIT {BATCH}"

ALTERED: Final = _("this line was changed after it was written")
UNCHAINED: Final = _("it does not follow from the line before")
MISSING: Final = _("a line before it is missing or doubled")
CUT_SHORT: Final = _("its newest lines are missing")
NO_ISSUE: Final = _("there is a history, but no such issue")
GONE: Final = _("its whole history is missing")
ROOT_DIFFERS: Final = _("the root of this day is no longer what was anchored")
COUNTS_DIFFER: Final = _("what was counted on this day is no longer there, or the sheet was altered")
DAYS_UNCHAINED: Final = _("this day does not follow from the day before")


class Fault(NamedTuple):
    """One breach: the number of the issue (or the day of an anchor), the line's sequence (0: none), what is wrong."""

    subject: str
    seq: int
    sentence: Promise

    def __str__(self) -> str:
        line = f"#{self.seq}" if self.seq else ""
        return f"{self.subject}{line}: {self.sentence}"


@dataclass
class Verified:
    """How far a verification has come. `issue_id`: the last issue whose history was begun; there it can go on."""

    events: int = 0
    issues: int = 0
    anchors: int = 0
    issue_id: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_cut(self) -> bool:
        """Whether so much is wrong that looking on would say nothing new."""
        return len(self.faults) >= MOST_FAULTS


OnProgress = Callable[[Verified], None]


@dataclass(slots=True)
class _Chain:
    """The chain that is being followed: one issue's."""

    issue_id: int = 0
    filed_at: datetime | None = None
    seq: int = 0
    hash: bytes = b""
    version: int | None = None
    event_id: int = 0

    @property
    def place(self) -> dict[str, int]:
        """Where the next line is looked for."""
        return {"issue": self.issue_id, "seq": self.seq, "id": self.event_id}

    @property
    def number(self) -> str:
        """Of an issue that is gone the day is not known any more."""
        return number_of(self.issue_id, self.filed_at) if self.filed_at else f"…-{self.issue_id:06d}"


def verify_histories(
    *, only: Collection[int] | None = None, after: int = 0, on_progress: OnProgress = lambda so_far: None
) -> Verified:
    """Follow every chain, or those of the issues `only`; those of issues with ids above `after`.

    Whose history is gone is asked of all, whatever `after`: a chain that was there may be missing by now.
    Ends early once 200 faults are found.

    One query for every 5,000 events; beside writers at work: each batch is one look at the database.
    """
    so_far = Verified(issue_id=after)
    for chosen in [None] if only is None else _stretches(sorted(only)):
        _follow(so_far, chosen, after, on_progress)
        if so_far.is_cut:
            break
        gone = _rows(_NO_HISTORY, {"only": chosen})
        so_far.faults += [Fault(number_of(issue_id, filed_at), 0, GONE) for issue_id, filed_at in gone]
    return so_far


def _stretches(ids: list[int]) -> Iterator[list[int]]:
    """So that no query names more issues than it reads events."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _follow(so_far: Verified, chosen: list[int] | None, after: int, on_progress: OnProgress) -> None:
    chain = _Chain(after, seq=2**31 - 1)
    while rows := _rows(_CHAINS, chain.place | {"only": chosen}):
        for issue_id, seq, previous, written, line, filed_at, version, event_id in rows:
            if issue_id != chain.issue_id:
                so_far.faults += _end(chain)
                chain = _Chain(issue_id, filed_at)
                so_far.issues, so_far.issue_id = so_far.issues + 1, issue_id
            so_far.faults += _line_faults(chain, seq, bytes(previous), bytes(written), line)
            chain.seq, chain.hash, chain.version, chain.event_id = seq, bytes(written), version, event_id
        so_far.events += len(rows)
        on_progress(so_far)
        if so_far.is_cut:
            return
    so_far.faults += _end(chain)


def touched_since(moment: datetime) -> list[int]:
    """Issues with an event that was written since; where no sheet tells what was written when, that is dated since."""
    before = DayAnchor.objects.filter(day__lt=timezone.localdate(moment)).order_by("-day").first()
    touched = f"SELECT DISTINCT issue_id FROM {EVENT} WHERE id > %s"
    if before is None:
        return [row[0] for row in _rows(touched + " AND at >= %s", [0, moment])]
    return [row[0] for row in _rows(touched, [before.last_event])]


def _line_faults(chain: _Chain, seq: int, previous: bytes, written: bytes, line: str) -> Iterator[Fault]:
    if hashlib.sha256(previous + line.encode()).digest() != written:
        yield Fault(chain.number, seq, ALTERED)
    if seq != chain.seq + 1:
        yield Fault(chain.number, seq, MISSING)
    elif previous != chain.hash:
        yield Fault(chain.number, seq, UNCHAINED)


def _end(chain: _Chain) -> Iterator[Fault]:
    if chain.event_id and chain.version is None:
        yield Fault(chain.number, 0, NO_ISSUE)
    elif chain.event_id and chain.seq != chain.version:
        yield Fault(chain.number, chain.seq, CUT_SHORT)


def verify_anchors(*, since: date = date.min, on_progress: OnProgress = lambda so_far: None) -> Verified:
    """Compute the root of every anchored day again, oldest first. One query for every 5,000 events."""
    so_far, first = Verified(), DayAnchor.objects.filter(day__lt=since).order_by("-day").first()
    before, last, yesterday = (bytes(first.root), first.last_event, first.day) if first else (b"", 0, None)
    for anchor in DayAnchor.objects.filter(day__gte=since).order_by("day").iterator():
        is_next = yesterday is None or anchor.day == yesterday + timedelta(days=1)
        if (bytes(anchor.previous), anchor.first_event, is_next) != (before, last, True):
            so_far.faults.append(Fault(str(anchor), 0, DAYS_UNCHAINED))
        found = day_root(bytes(anchor.previous), anchor.first_event, anchor.last_event)
        if found.root != bytes(anchor.root):
            so_far.faults.append(Fault(str(anchor), 0, ROOT_DIFFERS))
        elif (found.events, found.issues) != (anchor.events, anchor.issues):
            so_far.faults.append(Fault(str(anchor), 0, COUNTS_DIFFER))
        before, last, yesterday = bytes(anchor.root), anchor.last_event, anchor.day
        so_far.anchors, so_far.events = so_far.anchors + 1, so_far.events + found.events
        on_progress(so_far)
    return so_far


class DayRoot(NamedTuple):
    """The root of some events, and how many they are."""

    root: bytes
    events: int
    issues: int


def day_root(previous: bytes, above: int, up_to: int) -> DayRoot:
    """The root over the events with ids in (above, up_to]; see DayAnchor. One query for every 5,000."""
    digest, events, issues = hashlib.sha256(previous), 0, set()
    while rows := _rows(_BY_ID, [above, up_to]):
        for id, written, issue_id in rows:
            digest.update(id.to_bytes(8) + bytes(written))
            issues.add(issue_id)
        above, events = rows[-1][0], events + len(rows)
    return DayRoot(digest.digest(), events, len(issues))


def database_identity() -> str:
    """Which database this is: its server, its name, and the number that a restored copy of that name has not."""
    [[number]] = _rows("SELECT oid::bigint FROM pg_database WHERE datname = current_database()", [])
    place = connection.settings_dict
    return f"{place['HOST']}:{place['PORT']}/{place['NAME']}#{number}"


def count_events() -> int:
    """About how many events there are, for a progress bar: as the planner knows it."""
    [found] = _rows("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [EVENT])
    return int(found[0])


def _rows(query: str, values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - names or a list, as psycopg takes them
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
