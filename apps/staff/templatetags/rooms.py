"""The rail and the tabs: which rooms the reader uses."""

from typing import Any

from django import template

from apps.staff.access import roles_of
from apps.staff.models import User
from apps.staff.rooms import rooms_of

register = template.Library()


@register.simple_tag(takes_context=True)
def rooms(context: dict[str, Any]) -> list[dict[str, object]]:
    """Return the reader's rooms as {path, label, icon, is_here}; none before signing in."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or not isinstance(user, User):
        return []
    return [
        {
            "path": room.path,
            "label": room.label,
            "icon": room.icon,
            "is_here": request.path.startswith(room.path),
        }
        for room in rooms_of(roles_of(request), is_staff=user.is_staff)
    ]
