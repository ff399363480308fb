"""The work that lies with somebody: a department's handler, a cell's leader."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as translate
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.common import clock
from apps.dispatch.forms import read_known
from apps.dispatch.selectors import board as boards
from apps.dispatch.selectors.panes import tasks_of
from apps.issues.selectors.queue import BadCursor, Filters, queue_page
from apps.staff.access import scope_of_request

CARDS = 20
MINE = Filters(mine=True)


@require_GET
@login_required
@never_cache
def tasks(request: HttpRequest) -> HttpResponse:
    """Cards by time left, with the moves on them; works without JavaScript."""
    scope = scope_of_request(request)
    now = clock.now()
    try:
        page = queue_page(scope, MINE, at=now, after=request.GET.get("after"), size=CARDS)
    except BadCursor:
        page = queue_page(scope, MINE, at=now, size=CARDS)
    context = {
        "tasks": tasks_of(page.rows, scope, now),
        "next_cursor": page.next_cursor,
        "is_first": not request.GET.get("after"),
        "now": now,
        "next": "/t/",
    }
    return render(request, "dispatch/tasks.html", context)


@require_GET
@login_required
@never_cache
def pulse(request: HttpRequest) -> JsonResponse:
    """How many tasks the browser does not show yet, and which of those it shows have changed."""
    known = read_known(request.GET.get("known", ""))
    changes = boards.changes(scope_of_request(request), MINE, known, clock.now(), is_cut="more" in request.GET)
    words = translate("New tasks: %(count)d") % {"count": changes.fresh}
    return JsonResponse(
        {"fresh": changes.fresh, "fresh_words": words, "changed": [line.issue.id for line in changes.lines]}
    )
