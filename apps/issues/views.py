"""Doors for pictures and for the export, which ask the one predicate; and for the daily anchors of the history."""

import contextlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.common import clock
from apps.issues.forms import ListForm, RecordsForm
from apps.issues.models import DayAnchor
from apps.issues.pictures import SMALL, photo_response
from apps.issues.selectors.accountability import csv_of_records, record_page
from apps.issues.selectors.export import csv_lines
from apps.staff.access import roles_of, scope_of_request
from apps.staff.rooms import ACCOUNTABILITY, HISTORY
from apps.staff.selectors import Scope


@require_safe
@login_required
def photo(request: HttpRequest, photo_id: int) -> HttpResponseBase:
    """`/photo/<id>/`: a picture of an issue that the reader may see; `?size=small` for 320 px."""
    return photo_response(request, scope_of_request(request), photo_id, is_small=request.GET.get("size") == SMALL)


@require_safe
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """`/issues.csv`: what the reader may see, the newest first, narrowed as the list of the API is."""
    form = ListForm(request.GET)
    if not form.is_valid():
        raise Http404
    now = clock.now()
    return _as_csv("issues", csv_lines(scope_of_request(request), form.filters(), at=now), now)


def _as_csv(name: str, lines: Iterator[str], now: datetime) -> StreamingHttpResponse:
    """A file to keep, sent as it is read; no cache keeps it."""
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localtime(now):%Y%m%d-%H%M}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


ANCHORS_A_PAGE: Final = 31


@require_safe
@login_required
def anchors(request: HttpRequest) -> HttpResponse:
    """`/history/`: the daily anchors, the newest first; `?before=2013-02-08` leads to older ones."""
    _check_history_reader(request)
    rows = DayAnchor.objects.order_by("-day")
    with contextlib.suppress(ValueError):
        rows = rows.filter(day__lt=date.fromisoformat(request.GET.get("before", "")))
    found = list(rows[: ANCHORS_A_PAGE + 1])
    has_older = len(found) > ANCHORS_A_PAGE
    page = found[:ANCHORS_A_PAGE]
    return render(request, "issues/anchors.html", {"anchors": page, "older": page[-1].day if has_older else None})


@require_safe
@login_required
def anchor(request: HttpRequest, day: date) -> HttpResponse:
    """`/history/2013-02-08/`: one day's anchor on a sheet to be printed and filed."""
    _check_history_reader(request)
    return render(request, "issues/anchor.html", {"anchor": get_object_or_404(DayAnchor, day=day)})


def _check_history_reader(request: HttpRequest) -> None:
    """An anchor tells nothing of any issue; still it is for who audits. Raises PermissionDenied."""
    if not (HISTORY.roles & roles_of(request) or getattr(request.user, "is_superuser", False)):
        raise PermissionDenied


@require_safe
@login_required
def accountability(request: HttpRequest) -> HttpResponse:
    """`/accountability/`: who was late with what in the cells that the reader oversees, the newest first."""
    form = RecordsForm(request.GET)
    form.is_valid()
    scope, now = _overseer(request), clock.now()
    page = record_page(scope, form.wanted(), at=now, before=request.GET.get("before", ""))
    asked = request.GET.copy()
    asked.pop("before", None)
    context = {"page": page, "form": form, "asked": asked.urlencode(), "now": now}
    return render(request, "issues/accountability.html", context)


@require_safe
@login_required
def accountability_export(request: HttpRequest) -> HttpResponseBase:
    """`/accountability.csv`: the same, whole."""
    form = RecordsForm(request.GET)
    if not form.is_valid():
        raise Http404
    now = clock.now()
    return _as_csv("late", csv_of_records(_overseer(request), form.wanted(), at=now), now)


def _overseer(request: HttpRequest) -> Scope:
    """The scope of somebody who oversees a cell or handles for a department. Raises PermissionDenied."""
    if not ACCOUNTABILITY.roles & roles_of(request):
        raise PermissionDenied
    return scope_of_request(request)
