"""Lists of issues a page at a time: by time left, or newest first. Keyset only; nobody counts beyond a thousand."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, F, OrderBy, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import Card, CoHandling, Handover, Issue, Rung, State
from apps.issues.selectors.numbers import MOST_ID, id_in_number
from apps.issues.selectors.visibility import visible_branches, visible_issues
from apps.staff.selectors import Scope, covered_cells

PAGE: Final = 50
LONGEST_PAGE: Final = 200
MOST_COUNTED: Final = 1_000
LONGEST_SEARCH: Final = 60
NEWEST: Final = ("-id",)
SHOWN: Final = ("category", "grid", "holder_grid", "holder_department", "reporter", "reporter_post")


class BadCursor(Refused):
    """Not one that a page gave."""

    sentence = _("This page link is broken; start again from the first page.")
    field = "cursor"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. `grid_id` means the whole subtree; `words` are searched in text and cell names.

    mine: only what the person acts for, as holder cell or department; asks once more per tier with vacancies.
    desks: only what lies with these cells themselves, not with their departments. is_soon: reminded, not yet due.
    """

    state: State | None = None
    grid_id: int | None = None
    category_id: int | None = None
    department_id: int | None = None
    is_overdue: bool | None = None
    is_urgent: bool | None = None
    card: Card | None = None  # this one or a sharper one
    words: str = ""
    mine: bool = False
    desks: tuple[int, ...] | None = None
    is_signed: bool | None = None
    is_soon: bool = False

    def as_q(self, at: datetime) -> Q:
        """The filters that are plain conditions on the issue's row."""
        found = Q()
        if self.state is not None:
            found &= Q(state=self.state)
        if self.grid_id is not None:
            found &= in_cell(self.grid_id)
        if self.category_id is not None:
            found &= Q(category_id=self.category_id)
        if self.department_id is not None:
            found &= Q(holder_department_id=self.department_id)
        if self.is_overdue is not None:
            found &= Q(due_at__lt=at) if self.is_overdue else (Q(due_at__gte=at) | Q(due_at=None))
        if self.is_urgent is not None:
            found &= Q(is_urgent=self.is_urgent)
        if self.card is not None:
            found &= Q(card__gte=self.card)
        if self.words:
            found &= _words(self.words)
        return found & self._clock_and_desk(at)

    def _clock_and_desk(self, at: datetime) -> Q:
        found = Q()
        if self.desks is not None:
            found &= Q(holder_grid_id__in=self.desks, holder_department=None)
        if self.is_signed is not None:
            unsigned = Exists(Handover.objects.filter(issue_id=OuterRef("pk"), ended_at=None, signed_at=None))
            found &= ~Q(unsigned) if self.is_signed else Q(unsigned)
        if self.is_soon:
            found &= Q(due_at__gt=at) & (Q(rung=Rung.REMINDED) | Q(rung=Rung.ON_TIME, next_action_at__lte=at))
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, ready to show without another query; `next_cursor` is None on the last page."""

    rows: tuple[Issue, ...]
    next_cursor: str | None


def queue_page(
    scope: Scope, filters: Filters | None = None, *, at: datetime, after: str | None = None, size: int = PAGE
) -> Page:
    """Open issues, the most urgent clock first (due_at, id). Two queries. Raises BadCursor."""
    key = _decode(after, lambda due, id: (datetime.fromisoformat(due), int(id))) if after else None
    beyond = Q(due_at__gt=key[0]) | Q(due_at=key[0], id__gt=key[1]) if key else Q()
    if key:
        beyond &= Q(due_at__gte=key[0])  # lets the index begin where the page begins
    wanted = Q(closed_at=None) & (filters or Filters()).as_q(at) & beyond & _mine(scope, filters, at)
    rows = _best_of_branches(scope, wanted, ("due_at", "id"), _size(size))
    return _page(rows, _size(size), lambda row: [row.due_at.isoformat() if row.due_at else "", row.id])


def newest_page(
    scope: Scope, filters: Filters | None = None, *, at: datetime, after: str | None = None, size: int = PAGE
) -> Page:
    """Open and closed issues, the newest first. Two queries. Raises BadCursor."""
    key = _decode(after, lambda id: (int(id),)) if after else None
    wanted = (filters or Filters()).as_q(at) & (Q(id__lt=key[0]) if key else Q()) & _mine(scope, filters, at)
    rows = _best_of_branches(scope, wanted, NEWEST, _size(size))
    return _page(rows, _size(size), lambda row: [row.id])


def count_open(scope: Scope, filters: Filters | None = None, *, at: datetime) -> int:
    """How many open issues match; 1001 means more than a thousand. One query."""
    wanted = visible_issues(scope).filter(_mine(scope, filters, at), (filters or Filters()).as_q(at), closed_at=None)
    return wanted.order_by()[: MOST_COUNTED + 1].count()


def in_cell(grid_id: int) -> Q:
    """The issues seen in a cell or below it; none for an unknown cell."""
    index = tree()
    if not index.has(grid_id):
        return Q(pk__in=[])
    cell = index.cell(grid_id)
    if cell.tier == Tier.CITY:
        return Q()
    return Q(district_id=grid_id) if cell.tier == Tier.DISTRICT else Q(grid_id__in=index.subtree_ids(grid_id))


def held_by(scope: Scope, at: datetime) -> Q:
    """What lies with the person's own cells, the vacant ones for which they stand in, and their departments, also as
    somebody who helps.
    """
    held = Q(holder_grid_id__in=covered_cells(scope, at), holder_department=None)
    for department, grid in scope.departments:
        helps = Exists(CoHandling.objects.filter(issue_id=OuterRef("pk"), department_id=department, ended_at=None))
        held |= in_cell(grid) & (Q(holder_department_id=department) | Q(helps))
    return held


def _mine(scope: Scope, filters: Filters | None, at: datetime) -> Q:
    return held_by(scope, at) if filters and filters.mine else Q()


def _words(words: str) -> Q:
    """Text, cell names and the issue's number."""
    words = clean_text(words, longest=LONGEST_SEARCH)
    issue_id = id_in_number(words)
    if issue_id is not None:
        return Q(pk=issue_id)
    named = [cell.id for cell in tree() if words in cell.name]
    return Q(text__icontains=words) | Q(grid_id__in=named)


def _best_of_branches(scope: Scope, wanted: Q, order: Sequence[str], size: int) -> list[Issue]:
    """The first `size` + 1 rows of all alternatives of the predicate. Two queries.

    Each alternative is read along its own index and stops at the page's end; one OR over all would read everything.
    """
    columns = [name.removeprefix("-") for name in order]
    pages = [
        Issue.objects.filter(wanted, branch.where)
        .order_by(*(order if branch.is_wide else _unwalked(order)))
        .values_list(*columns)[: size + 1]
        for branch in visible_branches(scope)
    ]
    found = pages[0] if len(pages) == 1 else pages[0].union(*pages[1:]).order_by(*order)[: size + 1]
    ids = [row[-1] for row in found]
    return list(Issue.objects.filter(pk__in=ids).select_related(*SHOWN).order_by(*order))


def _unwalked(order: Sequence[str]) -> Sequence[str | OrderBy]:
    """The same order, but no index has it: PostgreSQL then reads the few rows and sorts them.

    Given "-id" it would rather walk the whole table backwards, in the hope of meeting fifty rows of one street soon.
    """
    return order if order != NEWEST else ((F("id") + 0).desc(),)


def _page(rows: list[Issue], size: int, key: Callable[[Issue], list[Any]]) -> Page:
    cursor = _encode(key(rows[size - 1])) if len(rows) > size else None
    return Page(tuple(rows[:size]), cursor)


def _size(wanted: int) -> int:
    return max(1, min(wanted, LONGEST_PAGE))


def _encode(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _decode(cursor: str, read: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = read(*parts)
    except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError) as error:
        raise BadCursor from error
    is_known = all(part.tzinfo is not None if isinstance(part, datetime) else 0 <= part < MOST_ID for part in key)
    if not is_known:
        raise BadCursor
    return key
