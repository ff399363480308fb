"""A notice as a text in its reader's language, by templates: templates/notices/<channel>/<part>.txt."""

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as translate

from apps.notices.channels.parcels import DeliveryFailed, Parcel


def sentence(parcel: Parcel, language: str) -> str:
    """The notice's sentence in the language. Raises DeliveryFailed when the text has places that nobody filled."""
    with translation.override(language):
        try:
            return str(translate(parcel.text) % parcel.values)
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryFailed(f"the text and its values do not fit: {error!r}", can_heal=False) from error


def written(parcel: Parcel, template: str) -> str:
    """The template, `<channel>/<part>.txt`, in the parcel's language."""
    words = {
        "sentence": sentence(parcel, parcel.language),
        "name": parcel.recipient_name,
        "url": absolute(parcel.link),
        "is_urgent": parcel.is_urgent,
        "created_at": parcel.created_at,
    }
    with translation.override(parcel.language):
        return render_to_string(f"notices/{template}", words).strip()


def absolute(link: str) -> str:
    """The page's whole address; "" where there is none, or while the installation does not know its own name."""
    return f"{settings.SITE_URL}{link}" if link.startswith("/") and settings.SITE_URL else ""
