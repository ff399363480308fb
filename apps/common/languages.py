"""What a reader prefers: the language (names kept as data in Chinese and English) and the letter size."""

from functools import lru_cache
from types import SimpleNamespace
from typing import Final, cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.translation import activate, get_language, get_language_from_request

LONGEST_WISH: Final = 200  # characters of Accept-Language; a longer one is not worth remembering

TEXT_SIZE_COOKIE = "text_size"
LOOK_OF_REQUEST = "grid_text_size"  # set on the request for a signed-in person
TEXT_SIZES = ("standard", "large", "huge")


def localized(name: str, name_en: str) -> str:
    """Return the name in the reader's language, the Chinese one where no English one is kept."""
    return name_en if name_en and (get_language() or "").startswith("en") else name


def text_size_of(request: HttpRequest) -> str:
    """Return the letter size: the signed-in person's, otherwise the one this browser asks for."""
    size = getattr(request, LOOK_OF_REQUEST, "") or request.COOKIES.get(TEXT_SIZE_COOKIE, "")
    return size if size in TEXT_SIZES else TEXT_SIZES[0]


class LanguageMiddleware(LocaleMiddleware):
    """Django's own for a site without languages in its addresses, remembering what a browser's wishes come to."""

    def process_request(self, request: HttpRequest) -> None:
        """Speak the language that the cookie names, else the first of Accept-Language that the platform speaks."""
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        wishes = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        if chosen is None and len(wishes) <= LONGEST_WISH:
            language = _wished(wishes)
        else:
            language = get_language_from_request(request)
        activate(language)
        setattr(request, "LANGUAGE_CODE", language)  # noqa: B010 - as Django's

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which language it is, and that it depends on the reader's wishes."""
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", get_language() or settings.LANGUAGE_CODE)
        return response


@lru_cache(maxsize=256)
def _wished(wishes: str) -> str:
    asked = SimpleNamespace(COOKIES={}, META={"HTTP_ACCEPT_LANGUAGE": wishes})
    return get_language_from_request(cast(HttpRequest, asked))
