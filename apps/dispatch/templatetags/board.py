"""The board's own addresses: the filters of the page with some of them changed."""

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def board_address(context: dict[str, Any], **changes: str) -> str:
    """Usage: {% board_address view="late" %}; an empty value drops a filter."""
    return str(context["desk"].address(**changes))
