"""Names kept as data in Chinese and English."""

from django.utils.translation import get_language


def localized(name: str, name_en: str) -> str:
    """Return the name in the reader's language, the Chinese one where no English one is kept."""
    return name_en if name_en and (get_language() or "").startswith("en") else name
