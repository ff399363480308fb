"""Filing real citizens' messages as reports, through the very service the phone and the API use.

Where a message belongs nobody knows (its places are masked), so it is spread over the cells by its own number: the same
message always goes to the same cell. It is filed once, however often the file is played: its key is made of its number.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

import shapely
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.demo.guess import guess_category
from apps.grids.models import Boundary, Tier
from apps.grids.selectors import CellInfo, tree
from apps.issues.models import Category, Issue, PositionSource
from apps.issues.selectors.catalogue import catalogue
from apps.issues.services.catalogue import OTHER_INFORMATION, keywords
from apps.issues.services.filing import LONGEST_TEXT, Report, file_report
from apps.staff.models import User
from apps.staff.selectors import people_of_cell

COLUMNS = ("id", "created_at", "subject", "text")
KEY_PREFIX = "replay-"
NUMBER = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class MissingColumns(Refused):
    """The header lacks a column."""

    sentence = _("The file has no column %(columns)s; it needs id, created_at, subject, text.")


class UnknownDistrict(Refused):
    """No live cell has the code."""

    sentence = _("There is no cell with the code %(code)s.")


class NothingToReplayOn(Refused):
    """No level-3 cells, or no categories: nothing could be filed."""

    sentence = _("There are no level-3 cells or no categories yet; build or import a city first.")


@dataclass(frozen=True, slots=True)
class Message:
    """A citizen's message; `row` is its row in the file, the header being row 1."""

    row: int
    number: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be filed, and why, in the reader's language."""

    row: int
    reason: str


def read_messages(file: TextIO) -> Iterator[Message | BadRow]:
    """Read the file row by row. Open it with errors="surrogateescape", so that broken bytes spoil one row only.

    Raises MissingColumns.
    """
    reader = csv.reader(file)
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise MissingColumns(columns=", ".join(missing))
    row = 1
    while True:
        row += 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            yield BadRow(row, str(error))
            continue
        if values is None:
            return
        if values:
            yield _message(row, header, values)


def _message(row: int, header: list[str], values: list[str]) -> Message | BadRow:
    if len(values) != len(header):
        reason = translate("%(found)d fields instead of %(wanted)d")
        return BadRow(row, reason % {"found": len(values), "wanted": len(header)})
    fields = dict(zip(header, values, strict=True))
    reason = _fault(fields)
    if reason:
        return BadRow(row, reason)
    return Message(row, fields["id"].strip(), fields["subject"].strip(), fields["text"].strip())


def _fault(fields: dict[str, str]) -> str:
    """What is wrong with a row, in words; empty when nothing is."""
    if any("\ud800" <= letter <= "\udfff" for value in fields.values() for letter in value):
        return translate("not UTF-8")
    if not NUMBER.fullmatch(fields["id"].strip()):
        return translate("the id must be 1 to 40 letters, digits, dots or dashes")
    if not _is_time(fields["created_at"]):
        return translate("created_at is not a time like 2012-11-05 09:30:00")
    if not (fields["subject"].strip() or fields["text"].strip()):
        return translate("neither subject nor text")
    return ""


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value.strip())
    except ValueError:
        return False
    return True


class Replayer:
    """Files messages over the cells of a district, or of the whole city. Make one for each run."""

    def __init__(self, district: str = "") -> None:
        """Raises UnknownDistrict for a code (15 digits, or the six of a district) that is no live cell's."""
        self.cells = _cells(district)
        self.keywords = keywords()
        other = catalogue().by_code.get(OTHER_INFORMATION)
        if not self.cells or other is None or not other.is_active:
            raise NothingToReplayOn
        self.other: Category = other
        self.known = set(Issue.objects.filter(client_key__startswith=KEY_PREFIX).values_list("client_key", flat=True))

    def file(self, message: Message, now: datetime) -> bool:
        """File one message; False if it was filed before. Raises the refusals of filing."""
        key = KEY_PREFIX + message.number
        if key in self.known:
            return False
        cell = self.cell_for(message)
        lon, lat = _point_in(cell)
        report = Report(
            category_id=self.category_for(message).id,
            text="\n".join(part for part in (message.subject, message.text) if part)[:LONGEST_TEXT],
            lon=lon,
            lat=lat,
            grid_id=cell.id,
            position_source=PositionSource.MAP if lon is not None else PositionSource.CELL,
            client_key=key,
        )
        filed = file_report(reporter=_reporter(cell, now), report=report, now=now)
        self.known.add(key)
        return filed.created

    def cell_for(self, message: Message) -> CellInfo:
        """The message's cell: by its number alone, the same in every run."""
        digest = hashlib.sha256(message.number.encode()).digest()
        return self.cells[int.from_bytes(digest[:8]) % len(self.cells)]

    def category_for(self, message: Message) -> Category:
        """The minor class its words hint at, if the city uses it; else 其他社情."""
        code = guess_category(message.subject, message.text, self.keywords, OTHER_INFORMATION)
        guessed = catalogue().by_code.get(code)
        return guessed if guessed is not None and guessed.is_active else self.other


class NobodyToReport(Refused):
    """Nobody acts for the cell or any cell above it."""

    sentence = _("Nobody has a post in %(cell)s or above, so nobody can report there.")


def _cells(district: str) -> list[CellInfo]:
    index = tree()
    if not district:
        return [cell for cell in index if cell.tier == Tier.LEVEL3]
    top = index.by_code(district.ljust(15, "0"))
    if top is None:
        raise UnknownDistrict(code=district)
    return [cell for cell in map(index.cell, index.subtree_ids(top.id)) if cell.is_live and cell.tier == Tier.LEVEL3]


def _point_in(cell: CellInfo) -> tuple[float | None, float | None]:
    """A point inside the cell; none where it has no boundary."""
    wkb = Boundary.objects.filter(grid_id=cell.id).values_list("wkb", flat=True).first()
    if wkb is None:
        return None, None
    point = shapely.from_wkb(bytes(wkb)).representative_point()
    return point.x, point.y


def _reporter(cell: CellInfo, now: datetime) -> User:
    """Whoever acts for the cell, or for the nearest one above that has somebody."""
    people = people_of_cell([cell.id], now)[cell.id]
    if not people:
        raise NobodyToReport(cell=cell.name)
    return User.objects.get(id=min(people))
