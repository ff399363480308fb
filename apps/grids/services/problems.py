"""What is wrong with a file, row by row: the first few in full, the rest as a number, so that memory has a bound."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused row: its number in the file (the header is 1; a feature counts from 1; 0 means the whole file)."""

    row: int
    sentence: Promise
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        what = str(self.sentence) % self.values
        return _("Row %(row)d: %(what)s") % {"row": self.row, "what": what} if self.row else what


class ImportRefused(Exception):
    """Nothing was imported. `problems` are the first by row, `total` counts all."""

    sentence = gettext_lazy("Nothing was imported. Problems: %(total)d.")

    def __init__(self, problems: list[Problem], total: int) -> None:
        super().__init__()
        self.problems = problems
        self.total = total

    def __str__(self) -> str:
        return str(self.sentence) % {"total": self.total}


class Problems:
    """Collects problems; keeps the `shown` with the lowest row numbers."""

    def __init__(self, shown: int = SHOWN) -> None:
        self.shown = shown
        self.total = 0
        self._kept: list[tuple[int, int, Problem]] = []

    def add(self, row: int, sentence: Promise, **values: object) -> None:
        """Note one."""
        self.total += 1
        entry = (-row, -self.total, Problem(row, sentence, values))
        if len(self._kept) < self.shown:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def count_more(self, number: int) -> None:
        """Count problems that were found but not looked at one by one."""
        self.total += number

    def refuse_any(self) -> None:
        """Raise ImportRefused if there is one."""
        if self.total:
            raise ImportRefused([entry[2] for entry in sorted(self._kept, reverse=True)], self.total)
