"""How a report gets on, for the phone."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.common import clock
from apps.field.selectors.reports import holder_of
from apps.issues.models import State
from apps.issues.selectors.actions import Action, actions_of
from apps.issues.selectors.detail import Detail, detail
from apps.staff.access import scope_of_request


@login_required
@require_safe
def issue(request: HttpRequest, number: str) -> HttpResponse:
    """`/m/issue/<number>/`: state, holder, clock and history of a report the person may see."""
    now = clock.now()
    found = detail(number, scope_of_request(request), now)
    if found is None:
        raise Http404
    context = {
        "detail": found,
        "issue": found.issue,
        "holder": holder_of(found.issue, now),
        "actions": _verdict(found),
        "next": request.path,
        "now": now,
    }
    return render(request, "field/issue.html", context)


def _verdict(found: Detail) -> list[Action]:
    """What the reporter may say to the result; all other moves have their pages at the desk."""
    moves = [move for move in found.moves if move.name in ("evaluate", "reopen")]
    return actions_of(moves, State(found.issue.state))
