"""A picture as an answer, for pages and programs alike."""

from typing import Final

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from apps.issues.selectors.visibility import visible_photo
from apps.issues.services.photos import small_name
from apps.staff.selectors import Scope

SMALL: Final = "small"


def photo_response(request: HttpRequest, scope: Scope, photo_id: int, *, is_small: bool) -> HttpResponseBase:
    """The photo, if the reader may see its issue; `is_small` for 320 px; 304 if the browser has it. Raises Http404.

    A photo never changes, but who may see it does: a browser keeps it and asks every time whether it may still show it.
    """
    found = visible_photo(scope, photo_id)
    if found is None:
        raise Http404
    etag = f'"{found.sha256}-{SMALL}"' if is_small else f'"{found.sha256}"'
    response = get_conditional_response(request, etag=etag) or _file_response(str(found.file.name), is_small=is_small)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def _file_response(name: str, *, is_small: bool) -> FileResponse:
    try:
        file = default_storage.open(small_name(name) if is_small else name)
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(file, content_type="image/jpeg")
    response["X-Content-Type-Options"] = "nosniff"
    return response
