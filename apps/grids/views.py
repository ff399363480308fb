"""Maps ask here for the outlines of cells."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.grids.selectors import tree
from apps.grids.selectors.maps import children_geojson
from apps.grids.selectors.versions import look_again

A_YEAR = 365 * 24 * 3600


@require_safe
@login_required
def children(request: HttpRequest, code: str) -> HttpResponse:
    """Answer with the cells below one cell. With the current version in `v` the answer may be kept for ever.

    Any other `v` leads to the current one, so that a map which has slept wakes up right.
    """
    asked = request.GET.get("v", "")
    if asked != str(tree().version):
        look_again()
    index = tree()
    cell = index.by_code(code)
    if cell is None:
        raise Http404
    if asked != str(index.version):
        current = HttpResponseRedirect(f"{reverse('grids:children', args=[code])}?v={index.version}")
        current["Cache-Control"] = "no-store"
        return current
    response = HttpResponse(children_geojson(index, cell), content_type="application/geo+json")
    response["Cache-Control"] = f"private, max-age={A_YEAR}, immutable"
    return response
