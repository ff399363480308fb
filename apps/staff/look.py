"""Language and letter size: a cookie before signing in, the person's own row after it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from apps.common.languages import LOOK_OF_REQUEST, TEXT_SIZE_COOKIE, TEXT_SIZES
from apps.staff.models import User

CHOSEN_COOKIE = "look_chosen"  # set by a choice made before signing in: it wins over what the person chose earlier
CHOSEN_SECONDS = 3600
A_YEAR = 365 * 24 * 3600


class LookMiddleware:
    """Shows a signed-in person their own language and letter size, on every device."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            setattr(request, LOOK_OF_REQUEST, request.user.text_size)
            if is_language(request.user.language):
                translation.activate(request.user.language)
                request.LANGUAGE_CODE = request.user.language
        return self.get_response(request)


def is_language(code: str) -> bool:
    """Whether the platform speaks it."""
    return code in dict(settings.LANGUAGES)


def remember_in_browser(response: HttpResponse, *, language: str, text_size: str, is_signed_in: bool) -> None:
    """Keep the look in cookies, so that the next sign-in page already has it."""
    secure = settings.SESSION_COOKIE_SECURE
    if is_language(language):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, A_YEAR, samesite="Lax", secure=secure)
    if text_size in TEXT_SIZES:
        response.set_cookie(TEXT_SIZE_COOKIE, text_size, A_YEAR, samesite="Lax", secure=secure, httponly=True)
    if not is_signed_in:
        response.set_cookie(CHOSEN_COOKIE, "1", CHOSEN_SECONDS, samesite="Lax", secure=secure, httponly=True)


def remember_for_person(user: User, *, language: str, text_size: str) -> None:
    """Keep the look with the person; what is not a known value is left as it was."""
    if is_language(language):
        user.language = language
    if text_size in TEXT_SIZES:
        user.text_size = text_size
    user.save(update_fields=["language", "text_size"])


def settle_after_sign_in(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """A choice made just before signing in becomes the person's; otherwise the browser takes over the person's."""
    if CHOSEN_COOKIE in request.COOKIES:
        remember_for_person(
            user,
            language=request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
            text_size=request.COOKIES.get(TEXT_SIZE_COOKIE, ""),
        )
        response.delete_cookie(CHOSEN_COOKIE, samesite="Lax")
    remember_in_browser(response, language=user.language, text_size=user.text_size, is_signed_in=True)
