"""What people send: a move's fields, and the board's filters."""

import re
from typing import Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.dispatch.selectors.board import VIEWS
from apps.issues.services.moves import MoveFields
from apps.issues.workflow import Give

TARGET: Final = re.compile(r"\A([dg])(\d{1,18})\Z", re.ASCII)
MOST_KNOWN: Final = 200
KNOWN: Final = re.compile(r"(\d{1,18})\.(\d{1,9})", re.ASCII)


class BrokenForm(Refused):
    """Fields that no page of ours sends."""

    sentence = _("The form was not sent whole. Please look at the issue again and repeat.")


class MoveForm(forms.Form):
    """The fields every move may have; which of them it needs, the workflow says."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)
    text = forms.CharField(required=False, strip=True)
    target = forms.RegexField(TARGET, required=False)


def read_move(request: HttpRequest) -> tuple[int, MoveFields]:
    """The version the person saw, and what they gave along. Raises BrokenForm."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        raise BrokenForm
    target = TARGET.fullmatch(form.cleaned_data["target"])
    kind, id = (target[1], int(target[2])) if target else ("", 0)
    fields = MoveFields(
        text=form.cleaned_data["text"],
        to_department_id=id if kind == "d" else None,
        to_grid_id=id if kind == "g" else None,
        photos=[file for file in request.FILES.getlist("photos") if file],
        given={give: _given(request, give) for give in Give if give.value in request.POST},
    )
    return form.cleaned_data["version"], fields


def _given(request: HttpRequest, give: Give) -> str | list[str]:
    """As sent; the move's own rules check it. Only departments may be several."""
    values = request.POST.getlist(give.value)
    return values if give is Give.CO_DEPARTMENTS else values[-1]


class FilterForm(forms.Form):
    """The chips and fields above the queue; whatever does not hold is left out rather than refused."""

    view = forms.ChoiceField(choices=list(VIEWS.items()), required=False)
    area = forms.CharField(required=False, max_length=15)
    part = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    category = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    q = forms.CharField(required=False, max_length=60)


def read_known(text: str) -> dict[int, int]:
    """`"12.3_15.7"`, the rows a browser shows, as {id: version}; nonsense is left out."""
    pairs = (KNOWN.fullmatch(piece) for piece in text.split("_")[:MOST_KNOWN])
    return {int(pair[1]): int(pair[2]) for pair in pairs if pair}
