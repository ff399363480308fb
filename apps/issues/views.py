"""Doors for pictures and for the export; both ask the one predicate."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.common import clock
from apps.issues.forms import ListForm
from apps.issues.pictures import SMALL, photo_response
from apps.issues.selectors.export import csv_lines
from apps.staff.access import scope_of_request


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
    lines = csv_lines(scope_of_request(request), form.filters(), at=now)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="issues-{timezone.localtime(now):%Y%m%d-%H%M}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response
