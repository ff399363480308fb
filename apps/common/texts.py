"""What people write: any script, any sign, but only what a text column can hold."""

import re
from typing import Final

from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused

UNSTORABLE: Final = re.compile("[\\x00\\ud800-\\udfff]")


class UnreadableText(Refused):
    """NUL bytes or half a surrogate pair: no database stores them, no screen shows them."""

    sentence = _("The text contains characters that cannot be stored; please type it again.")
    field = "text"


class TextTooLong(Refused):
    """More than anybody will read."""

    sentence = _("The text is too long: at most %(longest)d characters.")
    field = "text"


def clean_text(text: str, *, longest: int) -> str:
    """Return the text without surrounding white space, otherwise as written. Raises UnreadableText, TextTooLong."""
    if len(text) > longest:
        raise TextTooLong(longest=longest)
    if UNSTORABLE.search(text):
        raise UnreadableText
    return text.strip()
