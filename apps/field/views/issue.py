"""How a report gets on, for the phone."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.common import clock
from apps.field.selectors.reports import holder_of
from apps.issues.selectors.detail import detail
from apps.staff.access import scope_of_request


@login_required
@require_safe
def issue(request: HttpRequest, number: str) -> HttpResponse:
    """`/m/issue/<number>/`: state, holder, clock and history of a report the person may see."""
    now = clock.now()
    found = detail(number, scope_of_request(request), now)
    if found is None:
        raise Http404
    context = {"detail": found, "issue": found.issue, "holder": holder_of(found.issue, now), "now": now}
    return render(request, "field/issue.html", context)
