"""People move an issue: sign, assign, feed back, conclude, rule, merge … One lock, one event, one version each.

What is possible stands in `workflow`; who may is asked of `staff`; what each move does, in `effects`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.issues.models import Issue, IssueEvent, Photo
from apps.issues.selectors.acting import Standing, standing_of
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services import photos
from apps.issues.services.announcing import announce
from apps.issues.services.effects import apply_move
from apps.issues.services.given import read_given
from apps.issues.services.handovers import record
from apps.issues.services.making import Making
from apps.issues.services.writing import Entry, payload_of
from apps.issues.workflow import MOVES, By, Give, Move, NotForYou, check_move
from apps.staff.models import User
from apps.staff.selectors import Scope, scope_of

LONGEST_TEXT: Final = 5_000
SEE_IT: Final = frozenset({By.HOLDER, By.REPORTER})  # never without seeing it (tests/issues/test_visibility.py)
HARMLESS: Final = frozenset({"support"})  # events that no decision waits for
AS_FOUND: Final = frozenset({"reopen"})  # its photos show that it is not done: the place, no result
_LOCKED: Final = f"SELECT * FROM {Issue._meta.db_table} WHERE id = %s FOR NO KEY UPDATE"


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
    """Only who acts for the holder, or reported it, adds photos."""

    sentence = _("%(holder)s holds this issue; only its people can do this.")
    status = 403


class NoPhotos(Refused):
    """Nothing was sent."""

    sentence = _("Choose at least one photo.")
    field = "photos"


class TakesNoPhotos(Refused):
    """The table gives the move no photos: they would show neither the place nor a result."""

    sentence = _("“%(move)s” takes no photos. Please send it again without them.")
    field = "photos"


class WordsMissing(Refused):
    """The move asks for words: a reason, a result, an instruction."""

    sentence = _("Please fill in: %(field)s.")
    field = "text"


@dataclass(frozen=True, slots=True)
class MoveFields:
    """What the actor gives along. A target is a department or a cell below, never both; `given` as the table asks."""

    text: str = ""
    to_grid_id: int | None = None
    to_department_id: int | None = None
    photos: Sequence["File[bytes]"] = field(default=())
    given: Mapping[Give, Any] = field(default_factory=dict)


def make_move(*, move: str, issue_id: int, version: int, actor: User, fields: MoveFields, now: datetime) -> Issue:
    """Make one move and return the issue as it is afterwards.

    `version` is that of the issue as the actor saw it. Raises the refusals of texts and photos, then in this order:
    IssueNotFound, StaleVersion, workflow's UnknownMove, MoveRefused and NotForYou, WordsMissing, GivenRefused, and
    those of the move itself (TargetRefused, effects').
    """
    text = clean_text(fields.text, longest=LONGEST_TEXT)
    pictures = _pictures(move, fields.photos)
    with transaction.atomic():
        scope = scope_of(actor.id, now)
        issue, standing = _visible_and_locked(issue_id, scope, now)
        if issue.version != version:
            _check_stale(issue, version)
        row = _checked(move, issue, standing)
        if not text and issue.state in row.needs_words:
            raise WordsMissing(field=row.words)
        given = read_given(row, fields.given, issue=issue, scope=scope, now=now)
        stage, extra = _stage_of(move, standing)
        with photos.attached(
            issue_id=issue.id, stage=stage, pictures=pictures, taken_by_id=actor.id, now=now, extra=extra
        ) as photo_count:
            payload = {**payload_of(text, photo_count), **given.payload}
            making = Making(
                row=row,
                issue=issue,
                standing=standing,
                given=given,
                actor=actor,
                entry=Entry(row.name, now, actor.id, _post_id(standing, row), payload),
                to_grid_id=fields.to_grid_id,
                to_department_id=fields.to_department_id,
            )
            apply_move(making)
            announce(making)
    return issue


def add_photos(*, issue_id: int, actor: User, files: Sequence["File[bytes]"], now: datetime) -> Issue:
    """Add photos to an open issue: its reporter, and who acts for the holder. One event.

    Raises IssueNotFound, NotYours, NoPhotos and the refusals of photos.
    """
    if not files:
        raise NoPhotos
    pictures = photos.prepare_pictures(files)
    with transaction.atomic():
        issue, standing = _visible_and_locked(issue_id, scope_of(actor.id, now), now)
        post = standing.posts.get(By.HOLDER)
        if not issue.is_open or (post is None and issue.reporter_id != actor.id):
            raise NotYours(holder=standing.holder_name)
        stage = Photo.Stage.REPORT if issue.reporter_id == actor.id else Photo.Stage.RESULT
        with photos.attached(
            issue_id=issue.id, stage=stage, pictures=pictures, taken_by_id=actor.id, now=now
        ) as photo_count:
            if photo_count:
                entry = Entry("photo", now, actor.id, post.id if post else None, {"photos": photo_count})
                record(issue=issue, entry=entry)
    return issue


def _pictures(move: str, files: Sequence["File[bytes]"]) -> list[photos.Picture]:
    """Raises TakesNoPhotos and the refusals of photos; an unknown move is refused later."""
    row = MOVES.get(move)
    if files and row is not None and not row.takes_photos:
        raise TakesNoPhotos(move=row.label)
    return photos.prepare_pictures(files)


def _stage_of(move: str, standing: Standing) -> tuple[Photo.Stage, int]:
    """What its photos show, and how many of these are kept beyond the usual: as many for each time it is reopened."""
    if move not in AS_FOUND:
        return Photo.Stage.RESULT, 0
    times = 1 + sum(deed.kind in AS_FOUND for deed in standing.told.deeds)
    return Photo.Stage.REPORT, times * photos.MOST_PHOTOS


def _checked(move: str, issue: Issue, standing: Standing) -> Move:
    """The move's row. Raises as check_move; who would have to act for the holder hears who that is."""
    try:
        return check_move(move, standing.situation)
    except NotForYou as refused:
        if not issue.is_open or By.HOLDER not in refused.move.by:
            raise
        sentence = translate("%(reason)s %(holder)s holds it.")
        reason = sentence % {"reason": refused.reason, "holder": standing.holder_name}
        raise NotForYou(refused.move, reason, refused.possible) from None


def _check_stale(issue: Issue, version: int) -> None:
    """Raises StaleVersion, unless all that happened is that somebody supports it: that changes nobody's mind."""
    events = list(issue.events.filter(seq__gt=version).order_by("seq").select_related("actor"))
    if not events or any(event.kind not in HARMLESS for event in events):
        raise StaleVersion(issue, events)


def _visible_and_locked(issue_id: int, scope: Scope, now: datetime) -> tuple[Issue, Standing]:
    """Raises IssueNotFound. Who acts for the holder or reported it sees it by that: the predicate is asked for others.

    Locked first and then read, so that nothing read is older than the row.
    """
    found = Issue.objects.raw(_LOCKED, [issue_id])
    issue = next(iter(found), None)
    if issue is None:
        raise IssueNotFound
    standing = standing_of(issue, scope, now)
    if not SEE_IT & standing.posts.keys() and not visible_issues(scope).filter(id=issue_id).exists():
        raise IssueNotFound
    return issue, standing


def _post_id(standing: Standing, row: Move) -> int | None:
    post = standing.post_for(row)
    return post.id if post is not None else None
