"""Somebody reports something: one statement writes the issue, who holds it first, and the first event.

The hot path of the platform (docs/journey.md): everything else about the report happens after the commit.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.files.base import File
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.database.prepared import Prepared
from apps.common.queue import ring_once_after_commit
from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.grids.models import Tier
from apps.grids.selectors import CellInfo, locate, tree
from apps.issues.models import Category, Handover, Issue, IssueEvent, LinkKind, Photo, PositionSource, State
from apps.issues.routing import Reason
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.limits import Purpose, clock_for
from apps.issues.services import photos
from apps.issues.services.handovers import close
from apps.issues.services.writing import Entry
from apps.staff.models import Role, User
from apps.staff.selectors import POST_FOR_CELL, READING_ROLES, scope_of

LONGEST_TEXT: Final = 5_000
PLAUSIBLE_AGE: Final = (timedelta(days=-1), timedelta(days=366))  # of the moment the phone says it was seen
KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")
SOLVING_ROLES: Final = frozenset(  # who looks on only (inspector, viewer) and who administers solves nothing
    {Role.MEMBER, Role.LEADER, Role.FIRST, Role.CLERK, Role.DISPATCHER, Role.DUTY_CHIEF, Role.HANDLER}
)
NOT_CONCLUDED: Final = _(
    "Thank you for solving it. It is filed with your words, and whoever is responsible will check it."
)


ISSUE_COLUMNS: Final = (
    *("category_id", "text", "lon", "lat", "accuracy_m", "position_source", "grid_id", "district_id", "reporter_id"),
    *("reporter_post_id", "is_urgent", "is_self_handled", "state", "holder_grid_id", "holder_department_id"),
    *("filed_at", "seen_at", "due_at", "next_action_at", "rung", "step", "card", "closed_at", "version"),
    *("client_key", "client_digest"),
)
_VALUES: Final = {"reporter_post_id": f"({POST_FOR_CELL})"}  # looked up by the very statement that writes it
FILE: Final = Prepared(
    "file_report",
    f"""
    WITH filed AS (
        INSERT INTO {Issue._meta.db_table} ({", ".join(ISSUE_COLUMNS)})
        VALUES ({", ".join(_VALUES.get(name, f"%({name})s") for name in ISSUE_COLUMNS)})
        ON CONFLICT (reporter_id, client_key) DO NOTHING
        RETURNING id, reporter_post_id
    ), held AS (
        INSERT INTO {Handover._meta.db_table} (
            issue_id, kind, to_grid_id, actor_id, instruction, started_at, limit_amount, limit_unit,
            due_at, rung_at, rung_kinds, outcome, is_overdue
        )
        SELECT id, '{LinkKind.COLLECT}', %(grid_id)s, %(reporter_id)s, '', %(clock_started_at)s::timestamptz,
            %(limit_amount)s::numeric, %(limit_unit)s::varchar, %(due_at)s::timestamptz,
            %(rung_at)s::timestamptz[], %(rung_kinds)s::varchar[], '', false
        FROM filed
    ), told AS (
        INSERT INTO {IssueEvent._meta.db_table} (
            issue_id, seq, kind, actor_id, post_id, at, state, holder_grid_id, due_at, rung, payload, previous, hash
        )
        SELECT id, 0, 'file', %(reporter_id)s, reporter_post_id, %(filed_at)s, %(state)s, %(grid_id)s,
            %(due_at)s, %(rung)s, %(payload)s::jsonb, '', ''
        FROM filed
    )
    SELECT id, reporter_post_id FROM filed
    """,
)


class UnknownCategory(Refused):
    """Not a minor class that is in use."""

    sentence = _("There is no such category, or it is not in use; choose another one.")
    field = "category"


class UnknownCell(Refused):
    """Not a live level-3 cell."""

    sentence = _("There is no such level-3 cell; choose one of the list.")
    field = "cell"


class NoPlace(Refused):
    """Neither a position nor a cell."""

    sentence = _("Where is it? Send a position or choose a cell.")
    field = "position"


class BadPosition(Refused):
    """Half a position, not finite, or beyond ±180 and ±90 degrees."""

    sentence = _("These coordinates are not a place on earth.")
    field = "position"


class ResultMissing(Refused):
    """Solved on the spot, but how?"""

    sentence = _("Say in a few words how it was solved.")
    field = "result"


class BadKey(Refused):
    """A key that no header should carry."""

    sentence = _("The Idempotency-Key must be 1 to 64 printable ASCII characters.")
    field = "Idempotency-Key"


class KeyReused(Refused):
    """The same key with another body: the caller must look what it sent before."""

    sentence = _("Another report was already sent under this key; it was not changed.")
    field = "Idempotency-Key"
    status = 409


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reports. A position (WGS-84 degrees, accuracy in metres), a cell, or both: then the cell counts.

    seen_at: the phone's own time, when the report was written before it could be sent.
    client_key: the same key makes the same report only once. result: how it was solved, if `is_self_handled`.
    """

    category_id: int
    text: str = ""
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    grid_id: int | None = None
    position_source: PositionSource = PositionSource.GPS
    is_urgent: bool = False
    is_self_handled: bool = False
    result: str = ""
    seen_at: datetime | None = None
    client_key: str | None = None
    photos: Sequence["File[bytes]"] = field(default=())


@dataclass(frozen=True, slots=True)
class Filed:
    """The issue, and whether this call made it. `notice`: what the reporter must know beside the number, or ""."""

    issue: Issue
    created: bool
    notice: str = ""


def file_report(*, reporter: User, report: Report, now: datetime) -> Filed:
    """File a report; it is routed after the commit. Sent again under the same key it is filed once.

    One statement writes everything; only photos or a result make it a transaction of several. What was solved on the
    spot is concluded at once only where `_may_conclude` says so; else it is routed like any other report.
    Raises a `Refused` that names the field, or grids' `OutsideCity` for a position without a chosen cell.
    """
    asked = _checked(report)
    digest = _digest(asked)
    if asked.client_key is not None and asked.photos and (known := _known(reporter, asked.client_key)):
        return _replayed(known, asked, digest)  # before the photos are decoded once more
    cell = _cell_of(asked)
    report = asked if _may_conclude(reporter, asked, cell, now) else replace(asked, is_self_handled=False)
    issue = _issue(reporter, report, cell, now)
    issue.client_digest = digest
    pictures = photos.prepare_pictures(report.photos)
    try:
        with photos.kept_pictures(pictures, now) as kept, _one_transaction(report):
            _write(issue, cell, now, _said(asked, issue))
            photos.add_rows(issue_id=issue.id, stage=Photo.Stage.REPORT, kept=kept, taken_by_id=reporter.id, now=now)
            _send_on(issue, report, now)
    except _FiledBefore as before:
        return _replayed(before.issue, asked, digest)
    return Filed(issue, created=True, notice=_notice(asked, issue))


def _may_conclude(reporter: User, report: Report, cell: CellInfo, now: datetime) -> bool:
    """Whether "solved on the spot" may end it: never a grave matter, which the city must see, and only by somebody
    who works in the cell or above it (docs/adr/0014). One query, for such a report alone.
    """
    if not report.is_self_handled or catalogue().categories[report.category_id].is_grave:
        return False
    posts, index = scope_of(reporter.id, now).posts, tree()
    return any(post.role in SOLVING_ROLES and index.is_within(cell.id, post.grid_id) for post in posts)


def _said(asked: Report, issue: Issue) -> dict[str, Any]:
    """What the first event keeps: the result, where it could not end the issue."""
    if asked.is_self_handled and not issue.is_self_handled:
        return {"text": asked.result, "reason": Reason.SAID_TO_BE_SOLVED}
    return {}


def _notice(asked: Report, issue: Issue) -> str:
    return str(NOT_CONCLUDED) if asked.is_self_handled and not issue.is_self_handled else ""


def _one_transaction(report: Report) -> AbstractContextManager[object]:
    """One statement commits itself: BEGIN and COMMIT would be two more round trips for nothing."""
    return transaction.atomic() if report.photos or report.is_self_handled else nullcontext()


class _FiledBefore(Exception):
    """Somebody was faster with the same key."""

    def __init__(self, issue: Issue) -> None:
        super().__init__()
        self.issue = issue


def _checked(report: Report) -> Report:
    """The report with clean texts; everything that needs no cell is refused here."""
    category = catalogue().categories.get(report.category_id)
    if category is None or not category.is_active or category.level != Category.Level.MINOR:
        raise UnknownCategory
    if report.client_key is not None and not KEY.fullmatch(report.client_key):
        raise BadKey
    result = clean_text(report.result, longest=LONGEST_TEXT)
    if report.is_self_handled and not result:
        raise ResultMissing
    _check_position(report)
    return replace(report, text=clean_text(report.text, longest=LONGEST_TEXT), result=result)


def _check_position(report: Report) -> None:
    if (report.lon is None) != (report.lat is None):
        raise BadPosition
    if report.lon is not None and report.lat is not None:
        if not (abs(report.lon) <= 180 and abs(report.lat) <= 90):  # false for NaN too
            raise BadPosition
    elif report.grid_id is None:
        raise NoPlace
    if report.accuracy_m is not None and not (math.isfinite(report.accuracy_m) and report.accuracy_m >= 0):
        raise BadPosition


def _cell_of(report: Report) -> CellInfo:
    """The chosen cell, anywhere in the city; else the one that holds the position. Raises UnknownCell, OutsideCity."""
    if report.grid_id is None:
        assert report.lon is not None and report.lat is not None
        return locate(report.lon, report.lat)
    index = tree()
    cell = index.cell(report.grid_id) if index.has(report.grid_id) else None
    if cell is None or not cell.is_live or cell.tier != Tier.LEVEL3:
        raise UnknownCell
    return cell


def _digest(report: Report) -> str:
    """What was asked, as a fingerprint: the same key with another body is another report."""
    facts = [
        *(report.category_id, report.text, report.lon, report.lat, report.accuracy_m, report.grid_id),
        *(report.is_urgent, report.is_self_handled, report.result),
        report.seen_at.isoformat() if report.seen_at else None,
        [photos.digest_of(photo) for photo in report.photos],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _known(reporter: User, key: str) -> Issue | None:
    return Issue.objects.filter(reporter=reporter, client_key=key).first()


def _replayed(issue: Issue, asked: Report, digest: str) -> Filed:
    if issue.client_digest != digest:
        raise KeyReused
    return Filed(issue, created=False, notice=_notice(asked, issue))


def _issue(reporter: User, report: Report, cell: CellInfo, now: datetime) -> Issue:
    """The row to be: collected, held by its cell until it is routed."""
    has_position = report.lon is not None
    return Issue(
        category_id=report.category_id,
        text=report.text,
        lon=report.lon,
        lat=report.lat,
        accuracy_m=report.accuracy_m,
        position_source=report.position_source if has_position else PositionSource.CELL,
        grid_id=cell.id,
        district_id=cell.district_id,
        reporter=reporter,
        is_urgent=report.is_urgent,
        is_self_handled=report.is_self_handled,
        state=State.COLLECTED,
        holder_grid_id=cell.id,
        filed_at=now,
        seen_at=_plausible(report.seen_at, now),
        version=1,
        client_key=report.client_key,
    )


def _plausible(seen_at: datetime | None, now: datetime) -> datetime | None:
    """A phone whose clock is a year off must still be able to report: its time alone is dropped."""
    if seen_at is None or not PLAUSIBLE_AGE[0] <= now - seen_at <= PLAUSIBLE_AGE[1]:
        return None
    return seen_at


def _send_on(issue: Issue, report: Report, now: datetime) -> None:
    """Routing takes it from here, unless it was solved on the spot 自行处置."""
    if not report.is_self_handled:
        ring_once_after_commit("issues.route_waiting")
        return
    payload = {"text": report.result}
    entry = Entry("self_handle", now, issue.reporter_id, issue.reporter_post_id, payload)
    close(issue=issue, entry=entry)


def _write(issue: Issue, cell: CellInfo, now: datetime, said: Mapping[str, Any]) -> None:
    """Issue, first handover and first event in one statement. Raises _FiledBefore for a key that is taken.

    ON CONFLICT waits for a competitor's commit, so of two at once exactly one files.
    """
    limit, ladder = clock_for(
        category_id=issue.category_id, tier=cell.tier, purpose=Purpose.DISPATCH, district_id=cell.district_id, now=now
    )
    issue.due_at, issue.next_action_at = ladder.due_at, ladder.steps[0].at
    values: dict[str, Any] = {
        **{name: getattr(issue, name) for name in ISSUE_COLUMNS},
        "clock_started_at": ladder.started_at,
        "rung_at": ladder.rung_at,
        "rung_kinds": ladder.rung_kinds,
        "limit_amount": limit.amount,
        "limit_unit": limit.unit.value,
        "payload": json.dumps(said, ensure_ascii=False),
        "today": timezone.localdate(now),
        "reading_roles": sorted(READING_ROLES),
        "cells": [above.id for above in tree().chain(cell.id)],
    }
    with connection.cursor() as cursor:
        FILE.execute(cursor, values)
        found = cursor.fetchone()
    if found is None:
        raise _FiledBefore(Issue.objects.get(reporter_id=issue.reporter_id, client_key=issue.client_key))
    issue.id, issue.reporter_post_id = found
    issue._state.adding = False
    issue._state.db = connection.alias
