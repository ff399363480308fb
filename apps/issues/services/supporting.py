"""Supporting what is reported already 我也遇到, instead of reporting it once more.

The supporter's own words and photos go to the issue, so nothing that was seen is lost. The supporter gets to see
nothing of it by that (docs/adr/0020).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import compare_digest
from typing import Final

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.grids.selectors import tree
from apps.issues.models import Issue, Photo, Support
from apps.issues.selectors.duplicates import Here, Similar, similar_issues
from apps.issues.services import photos
from apps.issues.services.filing import LONGEST_TEXT
from apps.issues.services.handovers import record
from apps.issues.services.writing import Entry, payload_of
from apps.staff.models import User
from apps.staff.selectors import Scope, scope_of

MOST_PHOTOS: Final = 3  # of one supporter: an issue keeps nine as found


class NothingSimilar(Refused):
    """The reference names none of the issues that the person was shown, or that one has ended since."""

    sentence = _("That report is not open any more. Please send yours as a new one.")
    status = 409
    field = "ref"


class YourOwn(Refused):
    """Nobody supports themselves."""

    sentence = _("You reported that yourself; it is on its way.")
    status = 409
    field = "ref"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the supporter saw, as a report would tell it."""

    category_id: int
    here: Here
    text: str = ""
    photos: Sequence["File[bytes]"] = field(default=())


@dataclass(frozen=True, slots=True)
class Supported:
    """The issue, for who may see it only; and whether this call made the support."""

    issue: Issue | None
    created: bool


def support(*, supporter: User, ref: str, seen: Seen, now: datetime) -> Supported:
    """Say that one has seen the same. Sent again, it counts once.

    `ref` is that of one of the open issues that `similar_issues` gives for the same words to the same person. One
    event, with words and photos; no clock moves, and what others are about to do with the issue stays possible.
    Raises NothingSimilar, YourOwn, and the refusals of texts and photos.
    """
    text = clean_text(seen.text, longest=LONGEST_TEXT)
    scope = scope_of(supporter.id, now)
    similar = _named(ref, seen, scope, now)
    pictures = photos.prepare_pictures(seen.photos[:MOST_PHOTOS])
    with transaction.atomic():
        issue = Issue.objects.select_for_update(of=("self",), no_key=True).get(pk=similar.id)
        if not issue.is_open:
            raise NothingSimilar
        _row, created = Support.objects.get_or_create(issue=issue, user=supporter, defaults={"created_at": now})
        if created:
            _tell(issue, supporter, _post_at(scope, issue), text, pictures, now)
    return Supported(issue if similar.issue is not None else None, created)


def _named(ref: str, seen: Seen, scope: Scope, now: datetime) -> Similar:
    found = similar_issues(category_id=seen.category_id, here=seen.here, at=now, viewer=scope)
    named = next((one for one in found if compare_digest(one.ref.encode(), ref.encode())), None)
    if named is None or not named.is_open:
        raise NothingSimilar
    if named.is_own:
        raise YourOwn
    return named


def _tell(
    issue: Issue,
    supporter: User,
    post_id: int | None,
    text: str,
    pictures: Sequence[photos.Picture],
    now: datetime,
) -> None:
    stage = Photo.Stage.REPORT
    room = photos.MOST_KEPT[stage] - Photo.objects.filter(issue=issue, stage=stage).count()
    kept = pictures[: max(room, 0)]  # a tenth picture of the same hole is no reason to refuse somebody's support
    with photos.attached(
        issue_id=issue.id, stage=stage, pictures=kept, taken_by_id=supporter.id, now=now
    ) as photo_count:
        record(issue=issue, entry=Entry("support", now, supporter.id, post_id, payload_of(text, photo_count)))


def _post_at(scope: Scope, issue: Issue) -> int | None:
    """The post by which the person is at that place, if there is one."""
    return next((post.id for post in scope.posts if tree().is_within(issue.grid_id, post.grid_id)), None)
