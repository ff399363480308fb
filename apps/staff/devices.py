"""Who has signed in on this browser before: a signed cookie, so that wrong guesses of others do not shut them out."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.staff.look import A_YEAR
from apps.staff.models import User

COOKIE = "known_people"
SALT = "apps.staff.devices"
MOST = 20  # a dispatch centre's desk is shared by shifts; the cookie stays small


def people_known_to(request: HttpRequest) -> tuple[int, ...]:
    """Ids of the people who signed in here within the year, the latest first; none for a missing or forged cookie."""
    words = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=A_YEAR)
    return tuple(int(word) for word in words.split(".")) if words else ()


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Note that this person signed in here."""
    known = [user.pk, *(one for one in people_known_to(request) if one != user.pk)]
    response.set_signed_cookie(
        COOKIE,
        ".".join(str(one) for one in known[:MOST]),
        salt=SALT,
        max_age=A_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
