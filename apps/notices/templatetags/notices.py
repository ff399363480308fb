"""The bell."""

from typing import Any

from django import template

from apps.notices.selectors import unread_count
from apps.staff.models import User

register = template.Library()

SHOWN_TO = 99


@register.simple_tag(takes_context=True)
def unread_notices(context: dict[str, Any]) -> str:
    """Return the reader's number of unread notices as words: empty, 3, 99+."""
    user = getattr(context.get("request"), "user", None)
    count = unread_count(user) if isinstance(user, User) else 0
    if not count:
        return ""
    return f"{SHOWN_TO}+" if count > SHOWN_TO else str(count)
