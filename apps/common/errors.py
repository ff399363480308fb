"""Pages for what went wrong: both languages at once, calm, and saying what to do. They need no database and no user."""

import logging
import sys
from dataclasses import dataclass

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.common.requests import request_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trouble:
    """What happened, and what the reader can do."""

    title: Promise
    advice: Promise


TROUBLES = {
    400: Trouble(_("This request could not be read."), _("Go back, check what you entered, and send it again.")),
    403: Trouble(
        _("This page is not open to your post."),
        _("If your work needs it, ask your administrator. Otherwise return to your first page."),
    ),
    404: Trouble(
        _("Nothing is kept at this address."),
        _("Check the number or the address, or return to your first page. What you may not see looks the same."),
    ),
    413: Trouble(
        _("That was too much at once."),
        _("Shorten the text or send fewer and smaller photos. Nothing was filed."),
    ),
    429: Trouble(_("That was too often."), _("Wait a few minutes, then try again.")),
    500: Trouble(
        _("Something broke on our side."),
        _("What was filed is safe. Try again in a minute; if it fails again, show your administrator the code."),
    ),
    503: Trouble(
        _("The database does not answer right now."),
        _("What was filed is safe. Wait a minute and send it again: the same form is filed only once."),
    ),
}
STALE_FORM = Trouble(
    _("This page had been open for too long, or cookies are switched off."),
    _("Go back, reload the page, and send it again. Nothing was changed."),
)


def trouble_page(request: HttpRequest, status: int, trouble: Trouble | None = None) -> HttpResponse:
    """Answer with the page of this status, in Chinese and English, the reader's language first."""
    trouble = trouble or TROUBLES[status]
    codes = ["en", "zh-hans"] if (translation.get_language() or "").startswith("en") else ["zh-hans", "en"]
    texts = [_in_language(trouble, code) for code in codes]
    return render(request, "trouble.html", {"status": status, "texts": texts, "code": request_id()}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when it was the size."""
    return trouble_page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return trouble_page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return trouble_page(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away: then waiting helps, and a proxy may know it."""
    away = isinstance(sys.exception(), (InterfaceError, OperationalError))
    return trouble_page(request, 503 if away else 500)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form whose token does not fit."""
    logger.info("form refused: %s", reason)
    return trouble_page(request, 403, STALE_FORM)


def _in_language(trouble: Trouble, code: str) -> dict[str, str]:
    with translation.override(code):
        return {
            "lang": "en" if code == "en" else "zh-Hans",
            "title": str(trouble.title),
            "advice": str(trouble.advice),
            "home": str(_("To my first page")),
            "code": str(_("Code")),
        }
