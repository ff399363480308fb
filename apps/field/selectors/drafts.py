"""What is kept of reports that are not filed yet."""

from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import ContentFile, File

from apps.field.models import KEPT_FOR, DraftPhoto, ReportDraft
from apps.field.selectors.kinds import kind_of
from apps.staff.models import User


@dataclass(frozen=True)
class Draft:
    """A kept report: the fields as they were sent, and its photos' ids in the order they came."""

    key: str
    values: dict[str, str]
    photo_ids: tuple[int, ...]


def draft_of(user: User, key: str, now: datetime) -> Draft | None:
    """Return the person's own draft under `key`, None if there is none any more."""
    row = ReportDraft.objects.filter(user=user, key=key, created_at__gte=now - KEPT_FOR).first()
    if row is None:
        return None
    return Draft(row.key, row.values, tuple(row.photos.order_by("id").values_list("id", flat=True)))


@dataclass(frozen=True)
class Waiting:
    """A report that is not filed yet, because a question is not answered."""

    key: str
    kind: str
    since: datetime
    is_compared: bool  # asked whether it is reported already; else in which cell it is, or what must be corrected


def waiting_drafts(user: User, now: datetime) -> list[Waiting]:
    """The person's own ones, the newest first. One query."""
    rows = ReportDraft.objects.filter(user=user, created_at__gte=now - KEPT_FOR).order_by("-created_at", "-id")
    return [
        Waiting(row.key, str(kind_of(row.values.get("category", "")) or ""), row.created_at, "cell" in row.values)
        for row in rows
    ]


def photo_files(draft: Draft | None) -> "list[File[bytes]]":
    """Return the draft's photos as files, ready to be filed."""
    if draft is None or not draft.photo_ids:
        return []
    rows = DraftPhoto.objects.filter(id__in=draft.photo_ids).order_by("id").values_list("jpeg", flat=True)
    return [ContentFile(bytes(jpeg), name=f"{number}.jpg") for number, jpeg in enumerate(rows)]


def draft_photo(user: User, key: str, photo_id: int) -> bytes | None:
    """Return one photo of the person's own draft."""
    rows = DraftPhoto.objects.filter(id=photo_id, draft__user=user, draft__key=key)
    jpeg = rows.values_list("jpeg", flat=True).first()
    return None if jpeg is None else bytes(jpeg)
