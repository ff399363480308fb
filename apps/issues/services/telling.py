"""What people are told when an issue moves by itself. One sweep may move thousands: nobody gets thousands of notices.

Up to FEW issues of one kind in a batch are told one by one, with a link to each; more become one sentence with a count
and a link to the list. Platforms see new reports on their board at once, so these are told only what is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from django.utils.translation import gettext_noop

from apps.common import queue
from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import number_of
from apps.issues.workflow import Holder
from apps.notices.services import Saying, Words, notify_piled
from apps.notices.services.delivery import DELIVER
from apps.staff.models import Department
from apps.staff.selectors import Handlers, handlers_of, inspectors_of, people_of_cell

FEW: Final = 3
MANY_CELLS: Final = 1_500
BOARD, TASKS = "/board/", "/t/"

ARRIVED: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is yours to handle"),
    gettext_noop("%(count)s reports are yours to handle"),
)
ALARM: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s has come to you because posts or rules have a gap: please look"),
    gettext_noop("%(count)s reports have come to you because posts or rules have a gap: please look"),
)
REMIND: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is due soon"), gettext_noop("%(count)s reports are due soon")
)
OVERDUE: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is overdue with you"),
    gettext_noop("%(count)s reports are overdue with you"),
)
OVERDUE_BELOW: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is overdue with %(holder)s"),
    gettext_noop("%(count)s reports are overdue below you"),
)
MOVED_UP: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s has moved up to you: it was late below"),
    gettext_noop("%(count)s reports have moved up to you: they were late below"),
)
TAKEN: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s was late and has moved up to your superior"),
    gettext_noop("%(count)s reports were late and have moved up to your superior"),
)
REALARM: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is still overdue with the city"),
    gettext_noop("%(count)s reports are still overdue with the city"),
)


class Telling(NamedTuple):
    """Tell whoever acts for `to` these words about one issue; `about` is the holder the words speak of.

    `is_to_inspectors`: tell the inspectors of the cell `to` instead, without those who act for `but` and hear it so.
    """

    words: Words
    to: Holder
    issue_id: int
    filed_at: datetime
    grid_id: int
    about: Holder | None = None
    is_to_inspectors: bool = False
    but: Holder | None = None


@dataclass
class People:
    """Who acts for whom at one moment; each holder is asked for once."""

    at: datetime
    _cells: dict[int, list[int]] = field(default_factory=dict)
    _departments: dict[int, Handlers] = field(default_factory=dict)
    _inspectors: dict[int, list[int]] = field(default_factory=dict)

    def of(self, holder: Holder, grid_id: int) -> Sequence[int]:
        """Ids of the people who act for the holder in an issue of the cell; call `look_up` before."""
        if holder.department_id is not None:
            return self._departments[holder.department_id].for_cell(holder.department_id, grid_id)
        return self._cells.get(holder.grid_id, ())

    def inspectors(self, grid_id: int) -> Sequence[int]:
        """Ids of the inspectors of the cell; call `look_up_inspectors` before."""
        return self._inspectors.get(grid_id, ())

    def look_up_inspectors(self, grid_ids: Iterable[int]) -> None:
        """Learn about those not known yet: at most one query."""
        if wanted := set(grid_ids) - self._inspectors.keys():
            self._inspectors |= inspectors_of(wanted, self.at)

    def look_up(self, holders: Iterable[Holder]) -> None:
        """Learn about those not known yet: at most two queries."""
        wanted = set(holders)
        cells = {one.grid_id for one in wanted if one.department_id is None} - self._cells.keys()
        departments = {one.department_id for one in wanted if one.department_id is not None} - self._departments.keys()
        if cells and len(self._cells) > MANY_CELLS:  # a mass of issues: everybody at once is cheaper now
            cells |= {cell.id for cell in tree()} - self._cells.keys()
        if cells:
            self._cells |= people_of_cell(cells, self.at)
        if departments:
            self._departments |= dict.fromkeys(departments, handlers_of(departments, self.at))


def tell(*, tellings: Iterable[Telling], people: People, now: datetime) -> int:
    """Write the notices of one batch in one statement; returns how many."""
    told = list(tellings)
    people.look_up({telling.to for telling in told if not telling.is_to_inspectors})
    people.look_up_inspectors(telling.to.grid_id for telling in told if telling.is_to_inspectors)
    written = notify_piled(sayings=_sayings(told, people), few=FEW, now=now)
    if written:
        queue.ring_once_after_commit(DELIVER)
    return written


def _sayings(told: Sequence[Telling], people: People) -> Iterator[Saying]:
    names, numbers, lists = _Names(), _Numbers(), Lists()
    departments = _department_names(telling.about for telling in told)
    for words, to, issue_id, filed_at, grid_id, about, is_to_inspectors, but in told:
        number = numbers[issue_id, filed_at]
        values = {"number": number, "cell": names[grid_id]}
        if about is not None:
            values["holder"] = names[about.grid_id] if about.department_id is None else departments[about.department_id]
        recipients = people.inspectors(to.grid_id) if is_to_inspectors else people.of(to, grid_id)
        if but is not None:
            told_so = set(people.of(but, grid_id))
            recipients = [person for person in recipients if person not in told_so]
        yield Saying(recipients, words, values, f"/i/{number}/", lists[to])


def _department_names(holders: Iterable[Holder | None]) -> dict[int, str]:
    """The names of the departments among the holders, as cells are named: in Chinese. At most one query."""
    ids = {holder.department_id for holder in holders if holder is not None and holder.department_id is not None}
    return dict(Department.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}


class _Names(dict[int, str]):
    """Names of cells, each looked up once."""

    def __missing__(self, grid_id: int) -> str:
        index = tree()
        self[grid_id] = index.cell(grid_id).name if index.has(grid_id) else "?"
        return self[grid_id]


class _Numbers(dict[tuple[int, datetime], str]):
    """Numbers of issues, each made once: holder and superior are told of the same one."""

    def __missing__(self, key: tuple[int, datetime]) -> str:
        self[key] = number_of(*key)
        return self[key]


class Lists(dict[Holder, str]):
    """The page on which a holder sees what it holds."""

    def __missing__(self, holder: Holder) -> str:
        index = tree()
        is_cell = holder.department_id is None and index.has(holder.grid_id)
        self[holder] = BOARD if is_cell and index.cell(holder.grid_id).tier <= Tier.DISTRICT else TASKS
        return self[holder]
