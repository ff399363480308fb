"""What a sweep did: with each issue, in sum, and who is told of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from django.utils.translation import gettext_noop

from apps.grids.selectors import tree
from apps.issues.services.telling import MOVED_UP, OVERDUE, OVERDUE_BELOW, REALARM, REMIND, TAKEN, Telling
from apps.issues.workflow import Holder
from apps.notices.services import Words

KINDS: Final = ("unsigned", "remind", "overdue", "yellow_card", "red_card", "escalate", "realarm", "resume")

UNSIGNED: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s has not been signed for yet: please sign"),
    gettext_noop("%(count)s reports have not been signed for yet: please sign"),
)
UNSIGNED_BELOW: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s has not been signed for by %(holder)s"),
    gettext_noop("%(count)s reports have not been signed for below you"),
)
YELLOW: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is long overdue with you: yellow card"),
    gettext_noop("%(count)s reports are long overdue with you: yellow cards"),
)
YELLOW_BELOW: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is long overdue with %(holder)s: yellow card"),
    gettext_noop("%(count)s reports are long overdue below you: yellow cards"),
)
RED: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is far too long overdue with you: red card"),
    gettext_noop("%(count)s reports are far too long overdue with you: red cards"),
)
RED_BELOW: Final = Words(
    gettext_noop("Report %(number)s of %(cell)s is far too long overdue with %(holder)s: red card"),
    gettext_noop("%(count)s reports are far too long overdue below you: red cards"),
)
RESUMED: Final = Words(
    gettext_noop("The pause of report %(number)s of %(cell)s is over: its clock runs on"),
    gettext_noop("The pauses of %(count)s reports are over: their clocks run on"),
)
TO_HOLDER: Final[Mapping[str, Words]] = {
    "unsigned": UNSIGNED,
    "remind": REMIND,
    "overdue": OVERDUE,
    "yellow_card": YELLOW,
    "red_card": RED,
    "escalate": TAKEN,
    "realarm": REALARM,
    "resume": RESUMED,
}
TO_SUPERIOR: Final[Mapping[str, Words]] = {
    "unsigned": UNSIGNED_BELOW,
    "overdue": OVERDUE_BELOW,
    "yellow_card": YELLOW_BELOW,
    "red_card": RED_BELOW,
    "escalate": MOVED_UP,
}

TO_INSPECTORS: Final[Mapping[str, Words]] = {"yellow_card": YELLOW_BELOW, "red_card": RED_BELOW}


class Swept(NamedTuple):
    """What the statement did with one issue."""

    kind: str
    issue_id: int
    version: int
    filed_at: datetime
    grid_id: int
    district_id: int
    was_grid_id: int
    was_department_id: int | None
    superior_id: int | None
    holder_grid_id: int
    holder_department_id: int | None

    @property
    def is_silent(self) -> bool:
        """Whether nothing happened but that a rung was passed over: it asks for a signature that was given."""
        return self.kind == "pass"

    @property
    def was(self) -> Holder:
        """Who held it before."""
        return Holder(self.was_grid_id, self.was_department_id)

    @property
    def superiors(self) -> Holder | None:
        """The cell above the holder, whose people are told as such."""
        return Holder(self.superior_id) if self.superior_id is not None else None

    @property
    def hint(self) -> dict[str, str | int]:
        """The entry of the live feed."""
        return {
            "kind": self.kind,
            "issue": self.issue_id,
            "version": self.version,
            "district": self.district_id,
            "grid": self.grid_id,
            "department": self.holder_department_id or 0,
            "holder_grid": self.holder_grid_id,
        }


@dataclass
class SweepResult:
    """What one sweep did. `remaining`: issues still due, counted up to 100,000; 0 when it went to the end.

    `has_unrouted`: more reports had been left waiting for their route than one turn takes.
    """

    routed: int = 0
    unsigned: int = 0
    remind: int = 0
    overdue: int = 0
    yellow_card: int = 0
    red_card: int = 0
    escalate: int = 0
    realarm: int = 0
    resume: int = 0
    remaining: int = 0
    batches: int = 0
    looked_at: int = 0
    has_unrouted: bool = False

    @property
    def moved(self) -> int:
        """All rungs together."""
        return sum(getattr(self, kind) for kind in KINDS)

    def __add__(self, other: "SweepResult") -> "SweepResult":
        """Two turns as one; what remains is what remains after the second."""
        sums = {name: value + getattr(other, name) for name, value in vars(self).items()}
        return SweepResult(**sums | {"remaining": other.remaining, "has_unrouted": other.has_unrouted})

    def count(self, rows: Sequence[Swept]) -> None:
        """Add a batch."""
        self.batches += 1
        for kind, count in Counter(row.kind for row in rows if not row.is_silent).items():
            setattr(self, kind, getattr(self, kind) + count)


def tellings_of(rows: Iterable[Swept]) -> Iterator[Telling]:
    """Holder and superior learn of every rung that concerns them, inspectors of cards."""
    for row in rows:
        if row.is_silent:
            continue
        issue = (row.issue_id, row.filed_at, row.grid_id)
        yield Telling(TO_HOLDER[row.kind], row.was, *issue)
        if row.superiors is not None and row.kind in TO_SUPERIOR:
            about = None if row.kind == "escalate" else row.was
            yield Telling(TO_SUPERIOR[row.kind], row.superiors, *issue, about=about)
        for cell in _inspected_from(row):
            words = TO_INSPECTORS[row.kind]
            yield Telling(words, Holder(cell), *issue, about=row.was, is_to_inspectors=True, but=row.superiors)


def _inspected_from(row: Swept) -> Iterator[int]:
    """Cells whose inspectors learn of it: the district's of every card, the city's of red ones."""
    if row.kind in TO_INSPECTORS and row.district_id:
        yield row.district_id
    city = tree().city
    if row.kind == "red_card" and city is not None:
        yield city.id
