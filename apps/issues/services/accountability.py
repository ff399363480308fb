"""Putting late holdings on record 问责: who answered for them on the day they became late.

Late is whoever the sweep, a move or the routing found late; here their names are taken down, a batch in one
transaction, by the posts as they were dated on that day. So it does not matter how long afterwards it happens.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from apps.grids.selectors import tree
from apps.issues.models import CoHandling, Handover, Issue, LateHolding
from apps.issues.models.accountability import BETWEEN
from apps.issues.services.routing import districts_given
from apps.staff.models import Department
from apps.staff.selectors import PostHeld, acting_posts_on, handling_posts_on

BATCH: Final = 2_000
MOST_BATCHES: Final = 50  # a task stays short; the next one goes on
HANDOVER, COHANDLING, ISSUE, DESK = (m._meta.db_table for m in (Handover, CoHandling, Issue, Department))

_OWN = """
    AND (%(only)s::bigint IS NULL OR issue.id = %(only)s)
    AND (%(districts)s::bigint[] IS NULL OR issue.district_id = ANY(%(districts)s))
"""
CLAIM_HANDOVERS: Final = f"""
    WITH late AS (
        SELECT held.id FROM {HANDOVER} AS held JOIN {ISSUE} AS issue ON issue.id = held.issue_id
        WHERE held.is_overdue AND NOT held.is_on_record
            {_OWN}
        ORDER BY held.id LIMIT {BATCH} FOR NO KEY UPDATE OF held SKIP LOCKED
    )
    UPDATE {HANDOVER} AS held SET is_on_record = true FROM late, {ISSUE} AS issue
    WHERE held.id = late.id AND issue.id = held.issue_id
    RETURNING held.id, held.issue_id, held.to_grid_id, held.to_department_id, held.due_at, issue.grid_id
"""
CLAIM_PARTS: Final = f"""
    WITH late AS (
        SELECT part.id FROM {COHANDLING} AS part JOIN {ISSUE} AS issue ON issue.id = part.issue_id
        WHERE part.is_overdue AND NOT part.is_on_record
            {_OWN}
        ORDER BY part.id LIMIT {BATCH} FOR NO KEY UPDATE OF part SKIP LOCKED
    )
    UPDATE {COHANDLING} AS part SET is_on_record = true FROM late, {ISSUE} AS issue, {DESK} AS desk
    WHERE part.id = late.id AND issue.id = part.issue_id AND desk.id = part.department_id
    RETURNING part.id, part.issue_id, desk.grid_id, part.department_id, part.due_at, issue.grid_id
"""


class _Late(NamedTuple):
    """One late holding as it was claimed. `seen_in`: id of the cell in which the issue lies."""

    id: int
    issue_id: int
    grid_id: int
    department_id: int | None
    late_since: datetime
    seen_in: int

    @property
    def day(self) -> date:
        return timezone.localdate(self.late_since)


def record_late(*, districts: Collection[int] | None = None, only: int | None = None) -> int:
    """Put on record whatever is late and not on record yet, in those districts or of one issue; returns how many.

    Each batch is a transaction of its own. Two at once share the work and note nothing twice.
    """
    values = {"districts": districts_given(districts), "only": only}
    total = 0
    for claim, column in ((CLAIM_HANDOVERS, "handover_id"), (CLAIM_PARTS, "co_handling_id")):
        for _ in range(MOST_BATCHES):
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(claim, values)
                    late = [_Late(*row) for row in cursor.fetchall()]
                LateHolding.objects.bulk_create(_records(late, column))
            total += len(late)
            if len(late) < BATCH:
                break
    return total


def excuse(*, issue_id: int, department_id: int) -> None:
    """An appeal was upheld: what the department was late with in this issue is excused; the raw fact stays."""
    record_late(only=issue_id)
    LateHolding.objects.filter(issue_id=issue_id, department_id=department_id).update(is_excused=True)


def _records(late: Sequence[_Late], column: str) -> Iterator[LateHolding]:
    """A few queries for each day on which something became late."""
    names = dict(Department.objects.filter(id__in={one.department_id for one in late}).values_list("id", "name"))
    by_day: dict[date, list[_Late]] = defaultdict(list)
    for one in late:
        by_day[one.day].append(one)
    for day, own in by_day.items():
        answerable = _Answerable(own, day)
        for one in own:
            people, is_vacant = answerable.people(one)
            yield LateHolding(
                **{column: one.id},
                issue_id=one.issue_id,
                grid_id=one.grid_id,
                department_id=one.department_id,
                late_since=one.late_since,
                cell_code=tree().cell(one.grid_id).code,
                place=BETWEEN.join(cell.name for cell in reversed(tree().chain(one.grid_id))),
                department_name=names.get(one.department_id, "") if one.department_id else "",
                people=[_as_json(post) for post in people],
                is_vacant=is_vacant,
            )


class _Answerable:
    """Who acted for which holder on one day."""

    def __init__(self, late: Iterable[_Late], day: date) -> None:
        index = tree()
        cells = {one.grid_id for one in late if one.department_id is None}
        self._acting: Mapping[int, list[PostHeld]] = acting_posts_on(
            {above.id for cell in cells for above in index.chain(cell)}, day
        )
        desks = {one.department_id for one in late if one.department_id is not None}
        self._handling: Mapping[int, list[PostHeld]] = handling_posts_on(desks, day)

    def people(self, late: _Late) -> tuple[list[PostHeld], bool]:
        """The posts, and whether the holder's own were vacant."""
        index = tree()
        if late.department_id is not None:
            posts = self._handling.get(late.department_id, [])
            return [post for post in posts if index.is_within(late.seen_in, post.grid_id)], False
        for cell in index.chain(late.grid_id):
            if posts := self._acting.get(cell.id, []):
                return posts, cell.id != late.grid_id
        return [], True


def _as_json(post: PostHeld) -> dict[str, Any]:
    return {
        "post": post.id,
        "user": post.user_id,
        "name": post.name,
        "role": post.role,
        "cell": tree().cell(post.grid_id).name,
        "stand_in": post.is_stand_in,
    }
