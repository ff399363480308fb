"""Who is asking: the scope of the person behind a request, looked up once a request."""

from django.http import HttpRequest

from apps.common import clock
from apps.staff.models import User
from apps.staff.selectors import Scope, scope_of

_KEPT = "_grid_scope"
NOBODY = 0


def scope_of_request(request: HttpRequest) -> Scope:
    """Return the signed-in person's scope now; a scope of nobody for a stranger. One query a request at most."""
    kept: Scope | None = getattr(request, _KEPT, None)
    if kept is None:
        user = request.user
        kept = scope_of(user.id, clock.now()) if isinstance(user, User) else Scope(NOBODY)
        setattr(request, _KEPT, kept)
    return kept


def roles_of(request: HttpRequest) -> frozenset[str]:
    """Return the roles the signed-in person holds now; empty for a stranger."""
    return frozenset(post.role for post in scope_of_request(request).posts)
