"""What a reader prefers: the language (names kept as data in Chinese and English) and the letter size."""

from django.http import HttpRequest
from django.utils.translation import get_language

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
