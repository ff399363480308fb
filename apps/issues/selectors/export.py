"""The list as CSV for a spreadsheet, row by row: a million rows need no more memory than a thousand."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as translate
from django.utils.translation import pgettext

from apps.grids.selectors import tree
from apps.issues.models import Issue, State
from apps.issues.selectors.queue import SHOWN, Filters
from apps.issues.selectors.visibility import visible_issues
from apps.staff.selectors import Scope

CHUNK: Final = 1_000
BYTE_ORDER_MARK: Final = "\ufeff"  # without it Excel takes UTF-8 for the local code page
FORMULA_SIGNS: Final = tuple("=+-@\t\r\n＝＋－＠")  # a spreadsheet would calculate what begins so


class Echo:
    """csv writes to it; the line comes straight back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(scope: Scope, filters: Filters, *, at: datetime) -> Iterator[str]:
    """Lines of text, the header first. One query per thousand rows."""
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + writer.writerow(_header())
    wanted = visible_issues(scope).filter(filters.as_q(at)).select_related(*SHOWN).order_by("-id")
    rows = list(wanted[:CHUNK])
    while rows:
        for issue in rows:
            yield writer.writerow([harmless(value) for value in _row(issue, at)])
        rows = list(wanted.filter(id__lt=rows[-1].id)[:CHUNK])


def harmless(value: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FORMULA_SIGNS) else value


def _header() -> list[str]:
    return [
        translate("Number"),
        translate("State"),
        translate("Category"),
        translate("Text"),
        translate("District"),
        translate("Cell"),
        translate("Code of the cell"),
        translate("Holder"),
        translate("Filed at"),
        translate("Due at"),
        translate("Closed at"),
        translate("Overdue"),
        translate("Urgent"),
        translate("Longitude"),
        translate("Latitude"),
    ]


def _row(issue: Issue, at: datetime) -> list[str]:
    index = tree()
    cell = index.cell(issue.grid_id)
    return [
        issue.number,
        str(State(issue.state).label),
        str(issue.category),
        issue.text,
        index.cell(issue.district_id).name if issue.district_id else "",
        cell.name,
        cell.code,
        str(issue.holder_department or issue.holder_grid),
        _local(issue.filed_at),
        _local(issue.due_at),
        _local(issue.closed_at),
        _yes_or_no(issue.due_at is not None and issue.due_at < at),
        _yes_or_no(issue.is_urgent),
        "" if issue.lon is None else f"{issue.lon:.6f}",
        "" if issue.lat is None else f"{issue.lat:.6f}",
    ]


def _local(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""


def _yes_or_no(value: bool) -> str:
    return pgettext("answer", "yes") if value else pgettext("answer", "no")
