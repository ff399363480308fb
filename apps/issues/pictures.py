"""A picture as an answer, for pages and programs alike."""

from typing import Final

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404

from apps.issues.selectors.visibility import visible_photo
from apps.issues.services.photos import small_name
from apps.staff.selectors import Scope

SMALL: Final = "small"


def photo_response(scope: Scope, photo_id: int, *, is_small: bool) -> FileResponse:
    """The photo, if the reader may see its issue; `is_small` for 320 px. Raises Http404."""
    found = visible_photo(scope, photo_id)
    if found is None:
        raise Http404
    name = str(found.file.name)
    try:
        file = default_storage.open(small_name(name) if is_small else name)
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(file, content_type="image/jpeg")
    # a photo never changes, and nobody on the way may keep it for others
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
