"""The dispatch board: a page, and the short answers that keep it fresh."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as translate
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from apps.common import clock
from apps.dispatch.forms import FilterForm, read_known
from apps.dispatch.selectors import board as boards
from apps.dispatch.selectors.areas import Area, areas_of
from apps.dispatch.selectors.lines import Line
from apps.dispatch.views.issue import pane_context
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.queue import BadCursor, Filters
from apps.staff.access import scope_of_request
from apps.staff.selectors import Scope


@dataclass(frozen=True, slots=True)
class Desk:
    """Who looks at which part of the city, narrowed to what."""

    scope: Scope
    areas: tuple[Area, ...]
    area: Area
    view: str
    filters: Filters
    query: dict[str, str]

    def address(self, **changes: str) -> str:
        """The board's address with some of the filters changed; an empty one is dropped."""
        wanted = {name: value for name, value in (self.query | changes).items() if value}
        return f"/board/?{urlencode(wanted)}" if wanted else "/board/"


@require_GET
@login_required
@never_cache
@vary_on_headers("HX-Request", "HX-Target")
def board(request: HttpRequest) -> HttpResponse:
    """The whole board, or with htmx one part of it: the queue, the next page of it, the pane."""
    desk = _desk(request)
    target = _asked_part(request)
    if target == "pane":
        return render(request, "dispatch/_pane.html", _pane(request, desk))
    try:
        lines, page = boards.page(desk.scope, desk.filters, clock.now(), request.GET.get("after"))
    except BadCursor:
        lines, page = boards.page(desk.scope, desk.filters, clock.now())
    context = _list_context(request, desk, lines) | {"next_cursor": page.next_cursor}
    if target == "more":
        return render(request, "dispatch/_lines.html", context)
    if target == "queue":
        return render(request, "dispatch/_queue.html", context)
    return render(request, "dispatch/board.html", context | _frame_context(desk) | _pane(request, desk))


@require_GET
@login_required
@never_cache
def pulse(request: HttpRequest) -> JsonResponse:
    """What has changed since the browser drew the rows it names in `known`."""
    desk = _desk(request)
    now = clock.now()
    known = read_known(request.GET.get("known", ""))
    changes = boards.changes(desk.scope, desk.filters, known, now, is_cut="more" in request.GET)
    context = _list_context(request, desk, [])
    opened = read_known(request.GET.get("pane", ""))
    return JsonResponse(
        {
            "is_pane_old": any(boards.version_of(desk.scope, id) != version for id, version in opened.items()),
            "rows": [_drawn("dispatch/_line.html", line, request, context) for line in changes.lines],
            "captions": _captions(request, desk),
            "counts": {count.view: count.words for count in boards.counts(desk.scope, desk.area, now)},
            "fresh": changes.fresh,
            "fresh_words": translate("New events: %(count)d") % {"count": changes.fresh},
        }
    )


@require_GET
@login_required
@never_cache
def glance(request: HttpRequest) -> JsonResponse:
    """The captions alone, which a hint makes the browser fetch at once; the whole pulse follows in its own time."""
    return JsonResponse({"captions": _captions(request, _desk(request))})


def _captions(request: HttpRequest, desk: Desk) -> list[dict[str, object]]:
    """The captions; those that the browser shows already (named in `captions`) without their words."""
    shown = read_known(request.GET.get("captions", ""))
    return [
        {"id": line.issue.id, "version": line.issue.version}
        if shown.get(line.issue.id) == line.issue.version
        else _drawn("dispatch/_caption.html", line, request, {"desk": desk})
        for line in boards.captions(desk.scope, desk.area)
    ]


def _desk(request: HttpRequest) -> Desk:
    """Raises PermissionDenied for somebody without any board."""
    scope = scope_of_request(request)
    areas = areas_of(scope)
    if not areas:
        raise PermissionDenied(translate("You have no dispatch board: it belongs to the posts of a platform."))
    form = FilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    area = next((area for area in areas if area.cell.code == given.get("area")), areas[0])
    view = given.get("view") or ("desk" if area.is_at_work else "all")
    part = given.get("part") if given.get("part") in {cell.id for cell in area.parts} else None
    category = given.get("category") if given.get("category") in catalogue().categories else None
    filters = replace(
        boards.view_filters(area, view),
        category_id=category,
        words=given.get("q") or "",
        **({"grid_id": part} if part else {}),
    )
    query = {
        "area": area.cell.code if area is not areas[0] else "",
        "view": view,
        "part": str(part or ""),
        "category": str(category or ""),
        "q": given.get("q") or "",
    }
    return Desk(scope, areas, area, view, filters, {name: value for name, value in query.items() if value})


def _asked_part(request: HttpRequest) -> str:
    """The id of the element htmx wants to replace; "" for a whole page, also when it goes back in history."""
    is_part = request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request")
    return request.headers.get("HX-Target", "") if is_part else ""


def _list_context(request: HttpRequest, desk: Desk, lines: list[Line]) -> dict[str, object]:
    return {
        "desk": desk,
        "lines": lines,
        "now": clock.now(),
        "filters": urlencode(desk.query),
        "base": desk.address(),
        "selected": request.GET.get("sel", ""),
        "has_narrowing": any(desk.query.get(name) for name in ("part", "category", "q")),
    }


def _frame_context(desk: Desk) -> dict[str, object]:
    now = clock.now()
    return {
        "captions": boards.captions(desk.scope, desk.area),
        "counts": boards.counts(desk.scope, desk.area, now),
        "views": boards.VIEWS,
        "categories": catalogue().minor_classes(),
    }


def _pane(request: HttpRequest, desk: Desk) -> dict[str, object]:
    """The pane of the chosen issue; a form sent without JavaScript comes back to the same one."""
    number = request.GET.get("sel", "")
    return pane_context(request, number, next=desk.address(sel=number))


def _drawn(template: str, line: Line, request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    html = render_to_string(template, context | {"line": line}, request)
    return {"id": line.issue.id, "version": line.issue.version, "html": html}
