"""What a person has been told."""

from dataclasses import dataclass

from apps.notices.models import Notice
from apps.staff.models import User

COUNTED = 100  # nobody needs to know whether it is 100 or 4,000


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Newest first. `older` is what to pass as `before` for the next page, None at the end."""

    notices: tuple[Notice, ...]
    older: int | None


def unread_count(user: User) -> int:
    """How many notices wait unread, counted up to 100. One query on a partial index."""
    return Notice.objects.filter(recipient=user, read_at=None).order_by()[:COUNTED].count()


def newest(user: User, before: int | None = None, size: int = 50) -> NoticePage:
    """A page of the person's notices older than the id `before`. One query, whatever the page."""
    notices = Notice.objects.filter(recipient=user)
    if before is not None:
        notices = notices.filter(id__lt=before)
    found = tuple(notices.order_by("-id")[: size + 1])
    return NoticePage(found[:size], found[size - 1].id if len(found) > size else None)
