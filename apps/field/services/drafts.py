"""Keeping a report that is not filed yet, and letting go of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from apps.field.models import KEPT_FOR, DraftPhoto, ReportDraft
from apps.issues.services.photos import Picture
from apps.staff.models import User

MOST_DRAFTS = 5  # of one person: a phone has one form open, perhaps two
MOST_PHOTOS = 3


@transaction.atomic
def keep_draft(
    *, user: User, key: str, values: Mapping[str, object], pictures: Iterable[Picture], now: datetime
) -> ReportDraft:
    """Keep what was sent under `key`; pictures are added to those kept before, up to three, each once."""
    draft, _created = ReportDraft.objects.update_or_create(
        user=user, key=key, defaults={"values": dict(values), "created_at": now}
    )
    known = set(draft.photos.values_list("sha256", flat=True))
    fresh = {picture.sha256: picture for picture in pictures if picture.sha256 not in known}
    room = MOST_PHOTOS - len(known)
    DraftPhoto.objects.bulk_create(
        (DraftPhoto(draft=draft, jpeg=picture.jpeg, sha256=sha256) for sha256, picture in list(fresh.items())[:room]),
        ignore_conflicts=True,
    )
    _tidy(user, now)
    return draft


def drop_draft(*, user: User, key: str) -> None:
    """The report is filed: its draft may go."""
    ReportDraft.objects.filter(user=user, key=key).delete()


def _tidy(user: User, now: datetime) -> None:
    """Everybody's drafts of yesterday, and this person's oldest ones."""
    ReportDraft.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    newest = ReportDraft.objects.filter(user=user).order_by("-created_at", "-id").values_list("id", flat=True)
    ReportDraft.objects.filter(id__in=list(newest[MOST_DRAFTS : MOST_DRAFTS * 10])).delete()
