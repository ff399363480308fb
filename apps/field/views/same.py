"""Is it one of these? The question before something is filed that seems to be reported already; and its answers.

Asked of a kept draft (see views.report), so an answer costs neither a photo nor a word.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as translate
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.common import clock
from apps.common.refusals import Refused
from apps.field.forms import OlderForm, ReportForm, SameForm
from apps.field.selectors.drafts import Draft, draft_of, photo_files
from apps.field.selectors.kinds import kind_of
from apps.field.selectors.places import Place
from apps.field.selectors.same import here_of, kept_place, reported_already, stands_for, supported
from apps.field.services.drafts import drop_draft
from apps.field.views.report import UNPROCESSABLE, nothing_kept, reader, send
from apps.grids.selectors import OutsideCity
from apps.issues.services.supporting import NothingSimilar, Seen, Supported, support
from apps.staff.access import scope_of_request


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def same(request: HttpRequest, key: str) -> HttpResponse:
    """`/m/report/same/<key>/`: one of these, or a new one?"""
    kept = draft_of(reader(request), key, clock.now())
    if kept is None:  # answered already: a second press
        return redirect("field:supported") if request.POST.get("same") else nothing_kept(request, key)
    form = ReportForm(kept.values)
    place = kept_place(kept.values.get("cell", ""), form.position()) if form.is_valid() else None
    if place is None:
        return redirect("field:where", key)
    if request.method != "POST":
        return _page(request, form, kept, place)
    answer = SameForm(request.POST)
    if not answer.is_valid() or "same" not in request.POST:
        return _page(request, form, kept, place, refused=str(NothingSimilar()), status=UNPROCESSABLE)
    if answer.cleaned_data["same"]:
        return _support(request, form, kept, place, answer.cleaned_data["same"])
    return send(request, form, place, photo_files(kept), [])


@login_required
@never_cache
@require_safe
def supported_by_me(request: HttpRequest) -> HttpResponse:
    """`/m/supported/`: what I saw too, and how it stands."""
    older = OlderForm(request.GET)
    page = supported(reader(request), older.cleaned_data["before"] if older.is_valid() else None)
    rows = [(row, stands_for(row.issue)) for row in page.rows]
    return render(request, "field/supported.html", {"rows": rows, "next": page.next, "now": clock.now()})


def _support(request: HttpRequest, form: ReportForm, kept: Draft, place: Place, ref: str) -> HttpResponse:
    category = kind_of(form.cleaned_data["category"])
    assert category is not None
    try:
        seen = Seen(category.id, here_of(place), form.cleaned_data["text"], photo_files(kept))
        made = support(supporter=reader(request), ref=ref, seen=seen, now=clock.now())
    except OutsideCity:
        return redirect("field:where", kept.key)
    except Refused as refused:
        return _page(request, form, kept, place, refused=str(refused), status=refused.status)
    drop_draft(user=reader(request), key=kept.key)
    messages.success(request, _thanks(made))
    return redirect("field:supported")


def _thanks(made: Supported) -> str:
    if not made.created:
        return translate("You had said so before; it counts once.")
    return translate("Thank you. You are counted as having seen it too, and you will hear how it ends.")


def _page(
    request: HttpRequest, form: ReportForm, kept: Draft, place: Place, *, refused: str = "", status: int = 200
) -> HttpResponse:
    category, now = kind_of(form.cleaned_data["category"]), clock.now()
    if category is None:
        return redirect("field:report")
    try:
        found = reported_already(category.id, place, scope_of_request(request), now)
    except OutsideCity:
        return redirect("field:where", kept.key)
    return render(
        request,
        "field/same.html",
        {
            "found": found,
            "kind": category,
            "text": form.cleaned_data["text"],
            "kept": kept,
            "refused": refused,
            "now": now,
        },
        status=status,
    )
