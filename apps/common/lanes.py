"""Pages and programs: a program that calls the API goes past what only pages need (sessions, messages, htmx, gzip)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxMiddleware

API: Final = "/api/"


def is_program(request: HttpRequest) -> bool:
    """Whether somebody calls the API with credentials of the call itself and without cookies: nobody's session."""
    sent = request.META
    return "HTTP_AUTHORIZATION" in sent and not sent.get("HTTP_COOKIE") and request.path_info.startswith(API)


class ForPages:
    """To be put before a middleware's class: programs go past it."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the answer, or in an asynchronous chain its promise."""
        passes = is_program(request)
        return self.get_response(request) if passes else super().__call__(request)  # type: ignore[misc, no-any-return]


class PageSessions(ForPages, SessionMiddleware):
    """Django's own, for pages."""


class PageAuthentication(ForPages, AuthenticationMiddleware):
    """Django's own, for pages; the API asks for itself who calls."""


class PageMessages(ForPages, MessageMiddleware):
    """Django's own, for pages."""


class PageHtmx(ForPages, HtmxMiddleware):
    """django-htmx's own, for pages."""
