"""A name for every request: taken from the proxy or made here, in every log record, and given back to the caller."""

import logging
import os
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
_SENT = "HTTP_X_REQUEST_ID"
NO_REQUEST = "-"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")

_current: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)


def request_id() -> str:
    """The id of the request being answered, or `-` outside one."""
    return _current.get()


class RequestIdMiddleware:
    """Names the request first, so that whatever happens to it afterwards can be found again.

    A name given in X-Request-ID is kept when it is 8 to 64 letters, digits, dots, dashes and underscores: it goes into
    logs and headers as it is.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self._later = iscoroutinefunction(get_response)
        if self._later:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._later:
            return self._answer_later(request)
        token = _current.set(_name_of(request))
        try:
            response = self.get_response(request)
            assert isinstance(response, HttpResponseBase)
            response[HEADER] = request_id()
            return response
        finally:
            _current.reset(token)

    async def _answer_later(self, request: HttpRequest) -> HttpResponseBase:
        token = _current.set(_name_of(request))
        try:
            answer = self.get_response(request)
            assert not isinstance(answer, HttpResponseBase)
            response = await answer
            response[HEADER] = request_id()
            return response
        finally:
            _current.reset(token)


class RequestIdFilter(logging.Filter):
    """Puts the request's id on every record, `-` outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id()
        record.__dict__.pop("color_message", None)  # uvicorn's second wording, for terminals
        return True


def _name_of(request: HttpRequest) -> str:
    given = request.META.get(_SENT, "")  # request.headers would read all of them
    return given if _ACCEPTABLE.fullmatch(given) else os.urandom(16).hex()
