"""One issue: its page, the board's pane, and the moves people make there."""

from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as translate
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from apps.common import clock
from apps.common.refusals import Refused
from apps.dispatch.forms import read_move
from apps.dispatch.selectors.panes import pane_of
from apps.issues.selectors.arithmetic import clock_sums
from apps.issues.selectors.detail import detail, news
from apps.issues.selectors.numbers import issue_by_number
from apps.issues.services.moves import IssueNotFound, StaleVersion, make_move
from apps.issues.workflow import MOVES, MoveRefused, UnknownMove
from apps.staff.access import scope_of_request
from apps.staff.models import User


@require_GET
@login_required
@never_cache
@vary_on_headers("HX-Request", "HX-Target")
def issue(request: HttpRequest, number: str) -> HttpResponse:
    """The page of an issue, or its pane alone. 404 for an unknown one and for one the reader may not see."""
    context = pane_context(request, number, next=_next(request))
    if context["pane"] is None:
        raise Http404(str(IssueNotFound()))
    return _draw(request, context)


@require_GET
@login_required
@never_cache
def clock_page(request: HttpRequest, number: str) -> HttpResponse:
    """`/i/<number>/clock/`: the arithmetic of every due time the issue has had, line by line."""
    found = issue_by_number(number, scope_of_request(request))
    if found is None:
        raise Http404(str(IssueNotFound()))
    return render(request, "dispatch/clock.html", {"issue": found, "sums": clock_sums(found)})


@require_POST
@login_required
@never_cache
def move(request: HttpRequest, number: str, name: str) -> HttpResponse:
    """Make a move; answer with the page where it was made, or say why not and what is possible instead."""
    assert isinstance(request.user, User)
    found = issue_by_number(number, scope_of_request(request))
    if found is None:
        raise Http404(str(IssueNotFound()))
    try:
        version, fields = read_move(request)
        make_move(move=name, issue_id=found.id, version=version, actor=request.user, fields=fields, now=clock.now())
    except UnknownMove as refusal:
        raise Http404(str(refusal)) from refusal
    except (Refused, MoveRefused) as refusal:
        return _refused(request, number, name, refusal)
    return _done(request, number, name)


def pane_context(request: HttpRequest, number: str, *, next: str, **more: object) -> dict[str, object]:
    """What `_pane.html` draws; `pane` is None where there is nothing to see. `next`: where its forms lead."""
    now = clock.now()
    scope = scope_of_request(request)
    found = detail(number, scope, now) if number else None
    return {
        "pane": pane_of(found, scope, now) if found else None,
        "wanted": number,
        "now": now,
        "next": next,
        "back": _without_choice(next),
        "is_alone": request.path.startswith("/i/") and not _is_part(request),
        **more,
    }


def _done(request: HttpRequest, number: str, name: str) -> HttpResponse:
    sentence = translate("Done: %(move)s, %(number)s.") % {"number": number, "move": MOVES[name].label}
    if _is_part(request):
        return _draw(request, pane_context(request, number, next=_next(request), said=sentence))
    messages.success(request, sentence)
    return redirect(_next(request) or f"/i/{number}/")


def _refused(request: HttpRequest, number: str, name: str, refusal: Refused | MoveRefused) -> HttpResponse:
    """The same pane, with the reason, what was typed, and what has happened meanwhile."""
    trouble = {
        "move": name,
        "sentence": str(refusal),
        "field": getattr(refusal, "field", ""),
        "text": request.POST.get("text", ""),
        "target": request.POST.get("target", ""),
        "news": news(refusal.events, scope_of_request(request)) if isinstance(refusal, StaleVersion) else (),
    }
    context = pane_context(request, number, next=_next(request), trouble=trouble)
    status = refusal.status if isinstance(refusal, Refused) else 409
    return _draw(request, context, status=status)


def _draw(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    template = "dispatch/_pane.html" if _is_part(request) else "dispatch/issue.html"
    response = render(request, template, context, status=status)
    response["X-Pane"] = "1"
    return response


def _is_part(request: HttpRequest) -> bool:
    """Whether htmx asked for the pane alone; going back in history asks for the whole page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def _next(request: HttpRequest) -> str:
    """The page to return to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if is_ours else ""


def _without_choice(address: str) -> str:
    """The board without any issue chosen."""
    path, _, query = address.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "sel"]
    return f"{path}?{urlencode(kept)}" if kept else path
