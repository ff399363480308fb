"""Reading the accountability records: who was late with what, and who answered for it then."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as translate
from django.utils.translation import pgettext

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import CoHandling, Handover, Issue, IssueEvent, LateHolding
from apps.issues.selectors.export import BYTE_ORDER_MARK, CHUNK, Echo, harmless
from apps.staff.models import Role
from apps.staff.rooms import ACCOUNTABILITY
from apps.staff.selectors import Scope

PAGE: Final = 30
OVERSEERS: Final = ACCOUNTABILITY.roles - {Role.HANDLER}  # whom the door lets in; a handler reads by department
SHARPER: Final = ("yellow_card", "red_card", "escalate")
READ_WITH: Final = ("issue", "issue__grid", "department", "handover__signed_by", "co_handling")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records. Days are the city's, both included; `grid_id`: in that cell or below it."""

    since: date | None = None
    until: date | None = None
    grid_id: int | None = None
    is_excused: bool | None = None

    def as_q(self) -> Q:
        """The condition on records."""
        found = Q()
        if self.since:
            found &= Q(late_since__gte=_midnight(self.since))
        if self.until:
            found &= Q(late_since__lt=_midnight(self.until + timedelta(days=1)))
        if self.is_excused is not None:
            found &= Q(is_excused=self.is_excused)
        return found & (_in_cell(self.grid_id) if self.grid_id is not None else Q())


@dataclass(frozen=True, slots=True)
class Record:
    """One record in words. `late_for`: until it ended, or until now."""

    row: LateHolding
    number: str
    holder: str
    people: str
    late_for: timedelta
    ended_at: datetime | None
    rungs: tuple[str, ...]

    @property
    def late_text(self) -> str:
        """Days, hours and minutes by the calendar, not by the clock of the limit."""
        minutes = int(self.late_for.total_seconds() // 60)
        days, hours = minutes // 1440, minutes // 60 % 24
        if days:
            return translate("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
        if not hours:
            return translate("%(minutes)d min") % {"minutes": minutes}
        return translate("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}


@dataclass(frozen=True, slots=True)
class RecordPage:
    """`older`: the cursor of the next page, "" at the end."""

    records: Sequence[Record]
    older: str = ""


def visible_records(scope: Scope) -> QuerySet[LateHolding]:
    """The records of the cells that the person oversees or leads, and of the departments they handle for there."""
    cells = {post.grid_id for post in scope.posts if post.role in OVERSEERS}
    if any(tree().cell(cell).tier == Tier.CITY for cell in cells):
        return LateHolding.objects.all()
    seen = Q(pk__in=[])
    for cell in cells:
        seen |= _in_cell(cell)
    for department, grid in scope.departments:
        seen |= Q(department_id=department) & (Q(issue__grid_id__in=tree().subtree_ids(grid)))
    return LateHolding.objects.filter(seen)


def record_page(scope: Scope, wanted: Wanted, *, at: datetime, before: str = "") -> RecordPage:
    """The newest first, thirty a page. Two queries. A cursor that is none begins at the top."""
    rows = visible_records(scope).filter(wanted.as_q() & _beyond(before))
    found = list(rows.select_related(*READ_WITH).order_by("-late_since", "-id")[: PAGE + 1])
    page = found[:PAGE]
    older = f"{page[-1].late_since.isoformat()}~{page[-1].id}" if len(found) > PAGE else ""
    return RecordPage(_in_words(page, at), older)


def records_of(issue: Issue, at: datetime) -> Sequence[Record]:
    """All records of one issue, oldest first, for whoever may see the issue. Two queries, one where there is none."""
    rows = list(issue.late_holdings.select_related(*READ_WITH).order_by("late_since", "id"))
    return _in_words(rows, at) if rows else ()


def csv_of_records(scope: Scope, wanted: Wanted, *, at: datetime) -> Iterator[str]:
    """The page's records as CSV, all of them; two queries for every thousand."""
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + writer.writerow(
        [
            translate("Late since"),
            translate("Number"),
            translate("Holder"),
            translate("Code of the cell"),
            translate("Cells"),
            translate("Answerable"),
            translate("Late for (minutes)"),
            translate("Ended"),
            translate("What followed"),
            translate("Excused"),
        ]
    )
    chosen = visible_records(scope).filter(wanted.as_q()).select_related(*READ_WITH).order_by("-late_since", "-id")
    rows = list(chosen[:CHUNK])
    while rows:
        for record in _in_words(rows, at):
            yield writer.writerow([harmless(value) for value in _as_line(record)])
        last = rows[-1]
        rows = list(chosen.filter(_beyond(f"{last.late_since.isoformat()}~{last.id}"))[:CHUNK])


def _as_line(record: Record) -> list[str]:
    row = record.row
    return [
        f"{timezone.localtime(row.late_since):%Y-%m-%d %H:%M}",
        record.number,
        record.holder,
        row.cell_code,
        row.place,
        record.people,
        str(int(record.late_for.total_seconds() // 60)),
        f"{timezone.localtime(record.ended_at):%Y-%m-%d %H:%M}" if record.ended_at else "",
        ", ".join(record.rungs),
        pgettext("answer", "yes") if row.is_excused else pgettext("answer", "no"),
    ]


def _in_words(rows: Sequence[LateHolding], at: datetime) -> list[Record]:
    """One query more: what followed while it was late."""
    events = IssueEvent.objects.filter(issue_id__in={row.issue_id for row in rows}, kind__in=SHARPER)
    followed: dict[int, list[tuple[str, datetime]]] = defaultdict(list)
    for issue_id, kind, moment in events.order_by("issue_id", "seq").values_list("issue_id", "kind", "at"):
        followed[issue_id].append((kind, moment))
    return [_record(row, followed[row.issue_id], at) for row in rows]


def _record(row: LateHolding, followed: Sequence[tuple[str, datetime]], at: datetime) -> Record:
    held: Handover | CoHandling | None = row.handover or row.co_handling
    assert held is not None  # lateholding_of_one_holding
    end = held.ended_at or row.issue.closed_at
    labels = {
        "yellow_card": translate("yellow card"),
        "red_card": translate("red card"),
        "escalate": translate("moved up"),
    }
    is_main = row.handover_id is not None
    own = [kind for kind, moment in followed if is_main and row.late_since <= moment and (not end or moment <= end)]
    return Record(
        row=row,
        number=row.issue.number,
        holder=row.department_name or row.cell_name,
        people=_people(row),
        late_for=max((end or at) - row.late_since, timedelta()),
        ended_at=end,
        rungs=tuple(labels[kind] for kind in dict.fromkeys(own)),
    )


def _people(row: LateHolding) -> str:
    """Names with roles; whose cell it was where the holder's own post was vacant."""
    said = []
    for person in row.people:
        role = str(Role(person["role"]).label)
        if row.is_vacant:
            role = translate("%(role)s of %(cell)s") % {"role": role, "cell": person["cell"]}
        if person["stand_in"]:
            role = translate("%(role)s, stand-in") % {"role": role}
        said.append(translate("%(name)s (%(what)s)") % {"name": person["name"], "what": role})
    if row.is_vacant:
        said.insert(0, pgettext("post", "vacant"))
    return translate(", ").join(said) or pgettext("post", "vacant")


def _in_cell(grid_id: int) -> Q:
    index = tree()
    if not index.has(grid_id):
        return Q(pk__in=[])
    cell = index.cell(grid_id)
    return Q() if cell.tier == Tier.CITY else Q(grid_id__in=index.subtree_ids(grid_id))


def _beyond(cursor: str) -> Q:
    moment, _tilde, id = cursor.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), int(id)
    except ValueError:
        return Q()
    if timezone.is_naive(at) or not 0 < last < 2**63:
        return Q()
    return Q(late_since__lt=at) | Q(late_since=at, id__lt=last)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
