"""One shape for every error: {"error": {"code", "message", "fields"?}}, the sentence in the reader's language."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.common.refusals import Refused
from apps.grids.selectors import OutsideCity
from apps.issues.api import bodies
from apps.issues.selectors.detail import news
from apps.issues.services.moves import StaleVersion
from apps.issues.workflow import MoveRefused
from apps.staff.access import scope_of_request

logger = logging.getLogger(__name__)


class BodyTooLarge(exceptions.APIException):
    """More was sent than anybody needs to send."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("That was too much at once: shorten the text or send fewer photos. Nothing was filed.")
    default_code = "too_large"


class Unreadable(exceptions.APIException):
    """Django itself does not trust the request."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = _("This request could not be read.")
    default_code = "unreadable"


class DatabaseAway(exceptions.APIException):
    """The database restarts, or cannot be reached."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The database does not answer at this moment; send it again in a minute.")
    default_code = "unavailable"


class Broken(exceptions.APIException):
    """What nobody expected. The log has the rest, under the request's id."""

    default_detail = _("Something broke on our side.")
    default_code = "broken"


def answer(exception: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    if isinstance(exception, Refused):
        return Response(_body(exception.code, str(exception), **_extras(exception, context)), status=exception.status)
    if isinstance(exception, OutsideCity):
        return Response(_body("outside_city", str(exception), fields={"position": [str(exception)]}), status=400)
    return _answer_api(_translated(exception), context)


def _translated(exception: Exception) -> exceptions.APIException:
    """Django's own refusals, and what nobody expected, as DRF's."""
    if isinstance(exception, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(exception, (InterfaceError, OperationalError)):
        logger.error("the database is away: %s", exception)
        return DatabaseAway()
    if isinstance(exception, SuspiciousOperation):
        return Unreadable()
    if isinstance(exception, Http404):
        return exceptions.NotFound(_("There is no such issue, or you may not see it."))
    if isinstance(exception, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exception, exceptions.APIException):
        return exception
    logger.error("the API broke", exc_info=exception)
    return Broken()


def _answer_api(exception: exceptions.APIException, context: Mapping[str, Any]) -> Response:
    response = exception_handler(exception, dict(context))  # for its headers, and to roll back
    assert response is not None
    if isinstance(exception, exceptions.ValidationError):
        fields = _fields(exception.detail)
        message = translate("Please check: %(fields)s.") % {"fields": translate(", ").join(fields)}
        response.data = _body("invalid", message, fields=fields)
    else:
        codes = exception.get_codes()
        response.data = _body(codes if isinstance(codes, str) else "error", str(exception.detail))
    return response


def _body(code: str, message: str, **extras: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **{name: value for name, value in extras.items() if value}}}


def _extras(refused: Refused, context: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(refused, StaleVersion):
        lines = news(refused.events, scope_of_request(context["request"]))
        return {"version": refused.issue.version, "events": [bodies.event(line) for line in lines]}
    if isinstance(refused, MoveRefused):
        return {"possible": [move.name for move in refused.possible]}
    return {"fields": {refused.field: [str(refused)]}} if refused.field else {}


def _fields(detail: object) -> dict[str, list[str]]:
    """DRF's nested details as field → sentences."""
    if isinstance(detail, Mapping):
        return {str(name): _sentences(value) for name, value in detail.items()}
    return {"body": _sentences(detail)}


def _sentences(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [sentence for part in value.values() for sentence in _sentences(part)]
    if isinstance(value, list):
        return [sentence for part in value for sentence in _sentences(part)]
    return [str(value)]
