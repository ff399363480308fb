"""Pages go out compressed, wherever there is no proxy that does it."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from apps.common.lanes import ForPages

WORDS: Final = ("text/html", "text/csv")


class CompressWordsMiddleware(ForPages, GZipMiddleware):
    """Django's gzip, with its random bytes against BREACH, for pages and exports.

    A photo would only become larger, and the short answers of the API are not worth the time.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress what is made of words, if the browser takes it."""
        if not response.get("Content-Type", "").startswith(WORDS):
            return response
        return super().process_response(request, response)
