"""Filing from the phone: a plain form, and one kind question when the cell is not clear.

What cannot be filed yet is kept as a draft under the form's key, photos included (ReportDraft): so neither a
correction nor the question about the cell ever costs a photo, with or without JavaScript. It is filed only when the
cell is known, because a filed report is routed at once.
"""

import uuid
from collections.abc import Mapping, Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as translate
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.common import clock
from apps.common.refusals import Refused
from apps.field.forms import CellForm, PointForm, ReportForm, SearchForm
from apps.field.selectors.drafts import Draft, draft_of, draft_photo, photo_files
from apps.field.selectors.kinds import all_kinds, kind_of, most_used
from apps.field.selectors.places import (
    Place,
    Position,
    Question,
    ask,
    is_own,
    level3_cell,
    own_cells,
    place_in,
    search_cells,
    settle,
)
from apps.field.selectors.reports import holder_of, own_report, report_of_key
from apps.field.selectors.same import reported_already
from apps.field.services.drafts import MOST_PHOTOS, drop_draft, keep_draft
from apps.grids.selectors import OutsideCity, locate
from apps.issues.models import PositionSource
from apps.issues.services.filing import KeyReused, Report, file_report
from apps.issues.services.photos import Picture, prepare_pictures
from apps.staff.access import scope_of_request
from apps.staff.models import User

UNPROCESSABLE = 422
FORM_FIELDS = {"position": "grid", "cell": "grid", "category": "category", "text": "text", "result": "result"}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """`/m/report`: the form; a POST files, asks for the cell, or says what to correct."""
    if request.method != "POST":
        return _form_page(request, ReportForm(), uuid.uuid4().hex, None)
    user, now = reader(request), clock.now()
    form = ReportForm(request.POST)
    is_valid = form.is_valid()
    key = form.cleaned_data.get("key") or uuid.uuid4().hex
    uploads = request.FILES.getlist("photos")
    kept = draft_of(user, key, now)
    if len(uploads) + len(kept.photo_ids if kept else ()) > MOST_PHOTOS:
        form.add_error(None, translate("At most three photos can be sent."))
        uploads, is_valid = uploads[:MOST_PHOTOS], False
    if not is_valid:
        return _correct(request, form, key, uploads)
    place = settle(scope_of_request(request), form.position(), form.cleaned_data["grid"])
    if isinstance(place, Question):
        return _keep_and_ask(request, form, key, uploads)
    if _is_reported_already(request, form, place):
        return _keep_and_compare(request, form, place, uploads)
    return send(request, form, place, [*photo_files(kept), *uploads], uploads)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def where(request: HttpRequest, key: str) -> HttpResponse:
    """`/m/report/where/<key>/`: "In which cell is it?" for a kept report; the answer files it."""
    user, now = reader(request), clock.now()
    kept = draft_of(user, key, now)
    if kept is None:
        return nothing_kept(request, key)
    form = ReportForm(kept.values)
    if not form.is_valid():
        return _correct(request, form, key, [])
    refused = ""
    if request.method == "POST":
        answer = CellForm(request.POST)
        cell = level3_cell(answer.cleaned_data["grid"]) if answer.is_valid() else None
        if cell is not None:
            place = place_in(cell, form.position())
            if _is_reported_already(request, form, place):
                return _keep_and_compare(request, form, place, [])
            return send(request, form, place, photo_files(kept), [])
        refused = translate("There is no such cell; choose one of the list.")
    return _question_page(request, form, kept, refused)


@login_required
@require_safe
@cache_control(private=True, max_age=3600)
def draft_picture(request: HttpRequest, key: str, photo_id: int) -> HttpResponse:
    """One photo of one's own draft."""
    jpeg = draft_photo(reader(request), key, min(photo_id, 2**63 - 1))
    if jpeg is None:
        raise Http404
    return HttpResponse(jpeg, content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})


@login_required
@require_safe
def done(request: HttpRequest, number: str) -> HttpResponse:
    """`/m/report/done/<number>/`: the number, who has it now, and until when."""
    issue = own_report(reader(request), number)
    if issue is None:
        raise Http404
    now = clock.now()
    return render(request, "field/done.html", {"issue": issue, "holder": holder_of(issue, now), "now": now})


@login_required
@require_POST
def locate_me(request: HttpRequest) -> JsonResponse:
    """`/m/locate`: in which cell a position lies, as a sentence for the form. Keeps nothing."""
    form = PointForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"sentence": translate("The position could not be read.")}, status=400)
    try:
        cell = locate(form.cleaned_data["lon"], form.cleaned_data["lat"])
    except OutsideCity as outside:
        return JsonResponse({"sentence": str(outside), "is_own": False})
    text = translate("You are in %(cell)s.") % {"cell": cell.name}
    return JsonResponse({"sentence": text, "is_own": is_own(scope_of_request(request), cell)})


def send(
    request: HttpRequest,
    form: ReportForm,
    place: Place,
    photos: "Sequence[File[bytes]]",
    uploads: "Sequence[File[bytes]]",
) -> HttpResponse:
    """File it and show the number. A form sent twice leads to the same number."""
    user, key = reader(request), form.cleaned_data["key"]
    try:
        filed = file_report(reporter=user, report=_report(form, place, photos), now=clock.now())
    except KeyReused:
        return _filed_before(request, key)
    except OutsideCity:  # the boundaries have changed since the cell was settled
        return _keep_and_ask(request, form, key, uploads)
    except Refused as refused:
        form.add_error(FORM_FIELDS.get(refused.field), str(refused))
        return _correct(request, form, key, uploads)
    drop_draft(user=user, key=key)
    if filed.notice:
        messages.info(request, filed.notice)
    return redirect("field:done", filed.issue.number)


def _report(form: ReportForm, place: Place, photos: "Sequence[File[bytes]]") -> Report:
    category = kind_of(form.cleaned_data["category"])
    assert category is not None
    position = place.position
    return Report(
        category_id=category.id,
        text=form.cleaned_data["text"],
        lon=position.lon if position else None,
        lat=position.lat if position else None,
        accuracy_m=position.accuracy_m if position else None,
        grid_id=place.grid_id,
        position_source=PositionSource.GPS if position else PositionSource.CELL,
        is_urgent=form.cleaned_data["is_urgent"],
        is_self_handled=form.cleaned_data["is_solved"],
        result=form.cleaned_data["result"],
        client_key=form.cleaned_data["key"],
        photos=photos,
    )


def _filed_before(request: HttpRequest, key: str) -> HttpResponse:
    issue = report_of_key(reader(request), key)
    if issue is None:
        raise Http404
    messages.warning(request, translate("This form had already been filed. What was changed since then was not."))
    return redirect("field:done", issue.number)


def nothing_kept(request: HttpRequest, key: str) -> HttpResponse:
    """The question is answered already (a second press), or too old."""
    issue = report_of_key(reader(request), key)
    if issue is not None:
        return redirect("field:done", issue.number)
    messages.warning(request, translate("This report was not filed within a day and is gone. Please report it again."))
    return redirect("field:report")


def _keep_and_ask(request: HttpRequest, form: ReportForm, key: str, uploads: "Sequence[File[bytes]]") -> HttpResponse:
    pictures = _readable(form, uploads)
    if form.errors:
        return _correct(request, form, key, (), pictures)
    keep_draft(user=reader(request), key=key, values=form.fields_sent(), pictures=pictures, now=clock.now())
    return redirect("field:where", key)


def _is_reported_already(request: HttpRequest, form: ReportForm, place: Place) -> bool:
    """Whether the question is worth asking: not where somebody is in danger, not about what is solved, nor when the
    form is only sent once more.
    """
    category = kind_of(form.cleaned_data["category"])
    if category is None or category.is_grave or form.cleaned_data["is_urgent"] or form.cleaned_data["is_solved"]:
        return False
    try:
        found = reported_already(category.id, place, scope_of_request(request), clock.now())
    except OutsideCity:
        return False
    return bool(found) and report_of_key(reader(request), form.cleaned_data["key"]) is None


def _keep_and_compare(
    request: HttpRequest, form: ReportForm, place: Place, uploads: "Sequence[File[bytes]]"
) -> HttpResponse:
    key, pictures = form.cleaned_data["key"], _readable(form, uploads)
    if form.errors:
        return _correct(request, form, key, (), pictures)
    values = form.fields_sent() | {"cell": str(place.grid_id or "")}
    keep_draft(user=reader(request), key=key, values=values, pictures=pictures, now=clock.now())
    return redirect("field:same", key)


def _correct(
    request: HttpRequest, form: ReportForm, key: str, uploads: "Sequence[File[bytes]]", pictures: Sequence[Picture] = ()
) -> HttpResponse:
    """Show the form again with what is wrong; what was typed and every readable photo stays."""
    user, now = reader(request), clock.now()
    pictures = [*pictures, *_readable(form, uploads)]
    form.drop_position()
    if pictures:
        keep_draft(user=user, key=key, values=form.fields_sent(), pictures=pictures, now=now)
    page = _form_page(request, form, key, draft_of(user, key, now))
    page.status_code = UNPROCESSABLE
    return page


def _readable(form: ReportForm, uploads: "Sequence[File[bytes]]") -> list[Picture]:
    """The photos that can be read; an error on the form for the others."""
    pictures: list[Picture] = []
    for upload in uploads:
        try:
            pictures += prepare_pictures([upload])
        except Refused as refused:
            if str(refused) not in form.non_field_errors():
                form.add_error(None, str(refused))
    return pictures


def _form_page(request: HttpRequest, form: ReportForm, key: str, kept: Draft | None) -> HttpResponse:
    own = own_cells(scope_of_request(request))
    tiles = most_used([cell.id for cell in own])
    sent: Mapping[str, str] = form.data
    chosen = sent.get("category", "")
    is_in_tiles = any(tile.code == chosen for tile in tiles)
    photo_ids = kept.photo_ids if kept else ()
    return render(
        request,
        "field/report.html",
        {
            "form": form,
            "key": key,
            "tiles": tiles,
            "groups": all_kinds("" if is_in_tiles else chosen),
            "chosen": chosen,
            "chosen_below": "" if is_in_tiles else chosen,
            "own_cells": [(str(cell.id), cell.name) for cell in own],
            "chosen_grid": sent.get("grid", str(own[0].id) if len(own) == 1 and not form.is_bound else ""),
            "kept_photos": photo_ids,
            "free_photos": range(MOST_PHOTOS - len(photo_ids)),
        },
    )


def _question_page(request: HttpRequest, form: ReportForm, kept: Draft, refused: str) -> HttpResponse:
    position: Position | None = form.position()
    search = SearchForm(request.GET)
    words = search.cleaned_data["q"] if search.is_valid() else ""
    outside = ""
    if position is not None:
        try:
            locate(position.lon, position.lat)
        except OutsideCity as error:
            outside = str(error)
    return render(
        request,
        "field/where.html",
        {
            "question": ask(scope_of_request(request), position, outside),
            "kind": kind_of(form.cleaned_data["category"]),
            "text": form.cleaned_data["text"],
            "kept": kept,
            "words": words,
            "found": search_cells(words),
            "refused": refused,
        },
        status=UNPROCESSABLE if refused else 200,
    )


def reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
