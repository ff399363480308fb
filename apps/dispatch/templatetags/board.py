"""What the board's templates ask for: addresses with some filters changed, and how many saw the same."""

from typing import Any

from django import template
from django.utils.translation import ngettext

register = template.Library()


@register.simple_tag(takes_context=True)
def board_address(context: dict[str, Any], **changes: str) -> str:
    """Usage: {% board_address view="late" %}; an empty value drops a filter."""
    return str(context["desk"].address(**changes))


@register.simple_tag
def also_words(also: int) -> str:
    """Usage: {% also_words line.also %}: how many people beside the reporter saw it."""
    return ngettext("%(also)d other person saw it too", "%(also)d others saw it too", also) % {"also": also}
