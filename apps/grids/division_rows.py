"""Reads a file of divisions row by row: code, name, level, parent_code. Pure: bytes in, rows or problems out."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.grids.codes import fits_tier
from apps.grids.models import Tier

COLUMNS = ("code", "name", "level", "parent_code")
LEVELS = {
    "city": Tier.CITY,
    "county": Tier.DISTRICT,
    "township": Tier.LEVEL1,
    "village": Tier.LEVEL2,
    "cell": Tier.LEVEL3,
}
LONGEST_NAME = 80
_DIGITS = re.compile(r"[0-9]{12}(?:[0-9]{3})?", re.ASCII)

Complain = Callable[..., None]
"""Called as complain(row, sentence, **values)."""


@dataclass(frozen=True, slots=True)
class DivisionRow:
    """A row whose own values are in order. `number` is its line in the file; codes have fifteen digits."""

    number: int
    code: str
    name: str
    tier: Tier
    parent_code: str


class _BadRow(Exception):
    def __init__(self, sentence: Promise, **values: object) -> None:
        super().__init__()
        self.sentence = sentence
        self.values = values


def read_rows(lines: Iterable[bytes], complain: Complain, city: str = "") -> Iterator[DivisionRow]:
    """Yield the rows that are in order and complain about the others. Holds one row at a time.

    `city` is the beginning of a city's code (410100 or 410100000000): rows of other cities are passed over, so that
    one city can be taken out of a national file.
    """
    prefix = city[:4]
    text = _Text(lines)
    reader = csv.reader(text)
    try:
        header = next(reader, [])
        places = {name.strip(): place for place, name in enumerate(header)}
        if missing := [column for column in COLUMNS if column not in places]:
            complain(0, _("The file has no column %(columns)s."), columns=", ".join(missing))
            return
        for fields in reader:
            number = reader.line_num
            if not fields:
                continue
            try:
                row = _row(number, fields, places, text.broken_line(number), prefix)
            except _BadRow as bad:
                complain(number, bad.sentence, **bad.values)
                continue
            if row is not None:
                yield row
    except csv.Error:
        complain(reader.line_num, _("this is not CSV (a quotation mark is not closed, or a field is too long)."))


class _Text:
    """Decodes line by line, and remembers the last line that was not UTF-8."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = enumerate(lines, start=1)
        self._broken = 0

    def __iter__(self) -> Iterator[str]:
        for number, raw in self._lines:
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                self._broken = number
                yield raw.decode("utf-8", errors="replace")

    def broken_line(self, number: int) -> bool:
        return self._broken == number


def _row(number: int, fields: list[str], places: dict[str, int], is_broken: bool, prefix: str) -> DivisionRow | None:
    if is_broken:
        raise _BadRow(_("the text is not UTF-8. Save the file as UTF-8 (it may be in GBK)."))
    try:
        code, name, level, parent = (fields[places[column]].strip() for column in COLUMNS)
    except IndexError:
        raise _BadRow(_("values are missing.")) from None
    if prefix and not code.startswith(prefix):
        return None
    tier = LEVELS.get(level)
    if tier is None:
        raise _BadRow(_("“%(level)s” is not a level. Use %(levels)s."), level=level[:20], levels=", ".join(LEVELS))
    return DivisionRow(number, _code(code, tier), _name(name), tier, _parent_code(parent) if tier != Tier.CITY else "")


def _code(code: str, tier: Tier) -> str:
    if not _DIGITS.fullmatch(code):
        raise _BadRow(_("“%(code)s” is not a code of twelve or fifteen digits."), code=code[:20])
    full = code.ljust(15, "0")
    if not fits_tier(full, tier):
        raise _BadRow(_("the code %(code)s is not one of the level given."), code=code)
    return full


def _parent_code(code: str) -> str:
    if not _DIGITS.fullmatch(code):
        raise _BadRow(_("“%(code)s” is not a code of twelve or fifteen digits."), code=code[:20])
    return code.ljust(15, "0")


def _name(name: str) -> str:
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise _BadRow(_("a name of 1 to 80 characters is missing."))
    return name
