"""People move an issue: sign, handle, assign, return, feed back, conclude. One lock, one event, one version each.

What is possible stands in `workflow`; who may is asked of `staff`; how it is written, in `handovers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.common import queue
from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.grids.selectors import tree
from apps.issues.models import Issue, IssueEvent, LinkKind, Photo, State
from apps.issues.selectors.acting import Standing, standing_of
from apps.issues.selectors.targets import check_target
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services import photos
from apps.issues.services.handovers import Entry, close, hand_over, record
from apps.issues.workflow import Holder, Move, Target, check_move
from apps.notices.services import notify
from apps.notices.services.delivery import DELIVER
from apps.staff.models import User
from apps.staff.selectors import Scope, handlers_for, people_of_cell, scope_of

LONGEST_TEXT: Final = 5_000
KINDS: Final[Mapping[str, LinkKind]] = {
    "handle": LinkKind.ASSIGN,  # a platform keeps it for itself: a new clock, no new holder
    "assign": LinkKind.ASSIGN,
    "report_up": LinkKind.REPORT_UP,
    "return": LinkKind.RETURN,
    "feed_back": LinkKind.FEED_BACK,
    "rework": LinkKind.REWORK,
}
TOLD: Final[Mapping[str, str]] = {
    "assign": gettext_noop("Report %(number)s of %(cell)s is assigned to you"),
    "report_up": gettext_noop("Report %(number)s of %(cell)s is reported up to you"),
    "return": gettext_noop("Report %(number)s of %(cell)s has come back to you"),
    "feed_back": gettext_noop("Report %(number)s of %(cell)s is fed back: please check the result"),
    "rework": gettext_noop("Report %(number)s of %(cell)s must be done again"),
}
CLOSED: Final = gettext_noop("Your report %(number)s of %(cell)s is concluded")


class IssueNotFound(Refused):
    """Unknown, or not to be seen by this person: the two look the same."""

    sentence = _("There is no such issue, or you may not see it.")
    status = 404


class StaleVersion(Refused):
    """Somebody was faster. `events` are those after the version that the caller knew, oldest first."""

    sentence = _("This issue has changed meanwhile. Look at what happened, then decide again.")
    status = 409

    def __init__(self, issue: Issue, events: Sequence[IssueEvent]) -> None:
        super().__init__()
        self.issue = issue
        self.events = events


class NotYours(Refused):
    """Only who acts for the holder may move it."""

    sentence = _("%(holder)s holds this issue; only its people can do this.")
    status = 403


class NoPhotos(Refused):
    """Nothing was sent."""

    sentence = _("Choose at least one photo.")
    field = "photos"


class WordsMissing(Refused):
    """The move asks for words: a reason, a result, an instruction."""

    sentence = _("Please fill in: %(field)s.")
    field = "text"


@dataclass(frozen=True, slots=True)
class MoveFields:
    """What the actor gives along. A target is a department or a cell below, never both."""

    text: str = ""
    to_grid_id: int | None = None
    to_department_id: int | None = None
    photos: Sequence["File[bytes]"] = field(default=())


def make_move(*, move: str, issue_id: int, version: int, actor: User, fields: MoveFields, now: datetime) -> Issue:
    """Make one move and return the issue as it is afterwards.

    `version` is that of the issue as the actor saw it. Raises the refusals of texts and photos, then in this order:
    IssueNotFound, StaleVersion, NotYours, workflow's UnknownMove and MoveRefused, WordsMissing, TargetRefused.
    """
    text = clean_text(fields.text, longest=LONGEST_TEXT)
    pictures = photos.prepare_pictures(fields.photos)
    with transaction.atomic():
        issue, standing = _locked(issue_id, version, actor, now)
        row = check_move(move, standing.situation)
        if not text and issue.state in row.needs_words:
            raise WordsMissing(field=row.words)
        stage = Photo.Stage.RESULT if row.takes_photos else Photo.Stage.REPORT
        with photos.attached(
            issue_id=issue.id, stage=stage, pictures=pictures, taken_by_id=actor.id, now=now
        ) as photo_count:
            entry = Entry(row.name, now, actor.id, standing.post_id, _payload(text, photo_count))
            _apply(row, issue, standing, fields, entry)
            _tell(row, issue, entry)
    return issue


def add_photos(*, issue_id: int, actor: User, files: Sequence["File[bytes]"], now: datetime) -> Issue:
    """Add photos to an open issue: its reporter, and who acts for the holder. One event.

    Raises IssueNotFound, NotYours, NoPhotos and the refusals of photos.
    """
    if not files:
        raise NoPhotos
    pictures = photos.prepare_pictures(files)
    with transaction.atomic():
        issue = _visible_and_locked(issue_id, scope := scope_of(actor.id, now))
        standing = standing_of(issue, scope, now)
        if not issue.is_open or (standing.post is None and issue.reporter_id != actor.id):
            raise NotYours(holder=standing.holder_name)
        stage = Photo.Stage.REPORT if issue.reporter_id == actor.id else Photo.Stage.RESULT
        with photos.attached(
            issue_id=issue.id, stage=stage, pictures=pictures, taken_by_id=actor.id, now=now
        ) as photo_count:
            if photo_count:
                record(issue=issue, entry=Entry("photo", now, actor.id, standing.post_id, {"photos": photo_count}))
    return issue


def _locked(issue_id: int, version: int, actor: User, now: datetime) -> tuple[Issue, Standing]:
    """The row under lock, as this person stands to it."""
    issue = _visible_and_locked(issue_id, scope := scope_of(actor.id, now))
    if issue.version != version:
        raise StaleVersion(issue, list(issue.events.filter(seq__gt=version).order_by("seq").select_related("actor")))
    standing = standing_of(issue, scope, now)
    if standing.post is None and issue.is_open:
        raise NotYours(holder=standing.holder_name)
    return issue, standing


def _visible_and_locked(issue_id: int, scope: Scope) -> Issue:
    issue = visible_issues(scope).filter(id=issue_id).select_for_update(of=("self",), no_key=True).first()
    if issue is None:
        raise IssueNotFound
    return issue


def _payload(text: str, photo_count: int) -> dict[str, Any]:
    return ({"text": text} if text else {}) | ({"photos": photo_count} if photo_count else {})


def _apply(row: Move, issue: Issue, standing: Standing, fields: MoveFields, entry: Entry) -> None:
    """Write what the table says."""
    if row.target is Target.NOBODY:
        close(issue=issue, entry=entry)
    elif row.name == "sign":
        _sign(row, issue, entry)
    elif row.name == "handle" and issue.state == State.HANDLING:
        record(issue=issue, entry=entry)  # a note on the way: no clock moves
    else:
        holder, state = _taker(row, issue, standing, fields, entry.at)
        hand_over(issue=issue, to=holder, kind=KINDS[row.name], state=state, entry=entry)


def _sign(row: Move, issue: Issue, entry: Entry) -> None:
    issue.handovers.filter(ended_at=None).update(signed_at=entry.at, signed_by_id=entry.actor_id)
    issue.state = row.to[State(issue.state)]
    record(issue=issue, entry=entry)


def _taker(row: Move, issue: Issue, standing: Standing, fields: MoveFields, now: datetime) -> tuple[Holder, State]:
    """Who holds it next, and in which state."""
    state = row.to[State(issue.state)]
    if row.target is Target.CHOSEN:
        chosen = check_target(issue, to_grid_id=fields.to_grid_id, to_department_id=fields.to_department_id, at=now)
        return chosen, state
    if row.target is Target.BACK:
        assert standing.way_back is not None  # HAS_WAY_BACK
        holder, is_downward = standing.way_back
        return holder, row.to_downward if is_downward and row.to_downward else state
    holders = {
        Target.STAYS: standing.holder,
        Target.SUPERIOR: _superior(issue),
        Target.ASSIGNER: standing.assigner,
        Target.WHO_FED_BACK: standing.fed_back_by,
    }
    found = holders[row.target]
    assert found is not None  # the conditions of the row have looked
    return found, state


def _superior(issue: Issue) -> Holder | None:
    above = tree().superior(issue.holder_grid_id)
    return Holder(above.id) if above else None


def _tell(row: Move, issue: Issue, entry: Entry) -> None:
    """Who gets it next is told; at the end, who reported it. Nobody is told of their own deed."""
    if row.target is Target.NOBODY:
        people: Sequence[int] = [issue.reporter_id]
    elif row.name in TOLD:
        people = _people_of(issue, entry.at)
    else:
        return
    notify(
        recipients=[person for person in people if person != entry.actor_id],
        text=TOLD.get(row.name, CLOSED),
        values={"number": issue.number, "cell": tree().cell(issue.grid_id).name},
        link=f"/i/{issue.number}/",
        now=entry.at,
    )
    queue.ring_once_after_commit(DELIVER)


def _people_of(issue: Issue, at: datetime) -> Sequence[int]:
    if issue.holder_department_id is not None:
        return handlers_for(issue.holder_department_id, issue.grid_id, at)
    return people_of_cell([issue.holder_grid_id], at)[issue.holder_grid_id]
