"""Who files and who watches in a bench: real staff of the demo city, with tokens and sessions made past the log-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import shapely
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from rest_framework.authtoken.models import Token

from apps.grids.models import Boundary, Tier
from apps.staff.models import Post, Role, User


@dataclass(frozen=True)
class Reporter:
    """A grid member with a token, and points well inside the member's own cell."""

    user_id: int
    token: str
    grid_id: int
    lon: float
    lat: float


def reporters(count: int) -> list[Reporter]:
    """`count` members of different level-3 cells all over the city."""
    today = timezone.localdate()
    posts = Post.objects.filter(role=Role.MEMBER, grid__tier=Tier.LEVEL3, valid__contains=today).order_by("id")
    chosen = Random(7).sample(list(posts.values_list("user_id", "grid_id")), count)
    return [_reporter(user_id, grid_id) for user_id, grid_id in chosen]


def session_cookie(user: User) -> str:
    """The Cookie header of a signed-in person."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def holder_of(role: Role, tier: Tier, grid_id: int | None = None) -> User:
    """Somebody who holds that post today: in that cell, or in the first of its tier that has one."""
    posts = Post.objects.filter(role=role, grid__tier=tier, valid__contains=timezone.localdate())
    if grid_id is not None:
        posts = posts.filter(grid_id=grid_id)
    return posts.select_related("user").order_by("id")[0].user


def points_of(people: Sequence[Reporter]) -> list[tuple[float, float]]:
    """Where each of them reports."""
    return [(person.lon, person.lat) for person in people]


def _reporter(user_id: int, grid_id: int) -> Reporter:
    token, _ = Token.objects.get_or_create(user_id=user_id)
    edge = Boundary.objects.get(grid_id=grid_id)
    return Reporter(user_id, token.key, grid_id, *_inside(bytes(edge.wkb)))


def _inside(wkb: bytes) -> tuple[float, float]:
    point = shapely.from_wkb(wkb).representative_point()
    return point.x, point.y
