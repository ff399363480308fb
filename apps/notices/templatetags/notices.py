"""The bell, and what a person has chosen."""

from typing import Any

from django import template

from apps.notices.selectors import Wishes, unread_count, wishes_of
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


@register.simple_tag(takes_context=True)
def my_wishes(context: dict[str, Any]) -> Wishes:
    """Return by which channels the reader wants to be told, and when not. Two queries."""
    user = context["request"].user
    return wishes_of(user) if isinstance(user, User) else Wishes({}, None)
