"""Tags of every page: icons, lamps, language and letter size."""

import logging
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as translate
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from apps.common import clock, lamps
from apps.common.languages import text_size_of

register = template.Library()
logger = logging.getLogger(__name__)

UNKNOWN_ICON = "circle-alert"


@cache
def _drawing(name: str, css: str) -> SafeString:
    try:
        svg = lucide(name, size=None, **{"class": css, "aria-hidden": "true", "focusable": "false"})
    except IconDoesNotExist:  # a name kept as data may be misspelt; the page must still be drawn
        logger.warning("no icon is called %r", name)
        svg = lucide(UNKNOWN_ICON, size=None, **{"class": css, "aria-hidden": "true", "focusable": "false"})
    return mark_safe(" ".join(str(svg).split()).replace("> <", "><"))  # noqa: S308 - drawn by the lucide wheel


@register.simple_tag
def icon(name: str, css: str = "icon") -> SafeString:
    """Draw an icon of the lucide set inline, as large as the letters beside it; hidden from screen readers."""
    return _drawing(str(name) or UNKNOWN_ICON, str(css))


@register.simple_tag
def lamp(
    due_at: datetime | None,
    now: datetime | None = None,
    soon_at: datetime | None = None,
    rung: int = 0,
    escalated: bool = False,
    closed: bool = False,
) -> SafeString:
    """Write a clock's lamp with the time left; clock.js ticks it once a minute.

    Usage: {% lamp issue.due_at now rung=issue.rung closed=issue.closed_at %}
    """
    now = now or clock.now()
    look = lamps.lamp_of(
        due_at=due_at, now=now, soon_at=soon_at, rung=rung, is_escalated=bool(escalated), is_closed=bool(closed)
    )
    if look is lamps.Lamp.DONE:
        return format_html('<span class="lamp lamp-done">{}</span>', translate("Done"))
    if due_at is None:
        return format_html('<span class="lamp lamp-paused">{}</span>', translate("Clock stopped"))
    return format_html(
        '<time class="lamp lamp-{}" datetime="{}" data-due="{}"{} title="{}">{}</time>',
        look.value,
        due_at.isoformat(timespec="seconds"),
        int(due_at.timestamp()),
        format_html(' data-soon="{}"', int(soon_at.timestamp())) if soon_at else "",
        translate("until {time}").format(time=lamps.until(due_at, now)),
        lamps.remaining(due_at, now),
    )


@register.simple_tag
def until(due_at: datetime, now: datetime | None = None) -> str:
    """Write a due time as people say it: 今天 18:00."""
    return lamps.until(due_at, now or clock.now())


@register.simple_tag
def moment(at: datetime) -> SafeString:
    """Write a past time: 14:02 if today, otherwise with its day."""
    local = timezone.localtime(at)
    same_day = local.date() == timezone.localtime(clock.now()).date()
    words = f"{local:%H:%M}" if same_day else f"{local:%m-%d %H:%M}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M}", words
    )


@register.inclusion_tag("_clock_words.html")
def clock_words() -> dict[str, object]:
    """The words and the server's time, for clock.js; once a page that shows lamps."""
    return {"words": lamps.clock_words(), "now": int(clock.now().timestamp())}


@register.simple_tag
def html_lang() -> str:
    """The page's language as browsers and screen readers want it: zh-Hans or en."""
    return "en" if (get_language() or "").startswith("en") else "zh-Hans"


@register.simple_tag(takes_context=True)
def text_size(context: dict[str, Any]) -> str:
    """The reader's letter size: standard, large or huge."""
    request = context.get("request")
    return text_size_of(request) if isinstance(request, HttpRequest) else "standard"
