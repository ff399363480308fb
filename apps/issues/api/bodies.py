"""Answers as plain dictionaries: quicker than serializers, whose shapes they follow (a test compares)."""

from datetime import datetime
from functools import cache
from typing import Any

from django.urls import get_script_prefix, reverse
from django.utils import timezone

from apps.common.languages import localized
from apps.grids.selectors import tree
from apps.issues.models import Card, Category, Issue, Photo, State
from apps.issues.selectors.arithmetic import ClockSum
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.detail import Detail
from apps.issues.selectors.disputes import Dispute
from apps.issues.selectors.duplicates import Similar
from apps.issues.selectors.timeline import Line
from apps.issues.workflow import Move

Body = dict[str, Any]


def receipt(issue: Issue, notice: str = "") -> Body:
    """What the sender keeps of a filing: only what never changes."""
    number = issue.number
    return {
        "number": number,
        "url": issue_url(number),
        "filed_at": _moment(issue.filed_at),
        "cell": cell(issue.grid_id),
        "category": category_ref(catalogue().categories[issue.category_id]),
        "text": issue.text,
        "position": position(issue),
        "notice": notice,
    }


def row(issue: Issue, now: datetime) -> Body:
    """A line of the list. No query if holder and category were read with it."""
    return {
        "number": issue.number,
        "url": issue_url(issue.number),
        "version": issue.version,
        "state": issue.state,
        "state_name": State(issue.state).label,
        "category": category_ref(issue.category),
        "text": issue.text,
        "cell": cell(issue.grid_id),
        "district": cell(issue.district_id) if issue.district_id else None,
        "position": position(issue),
        "holder": str(issue.holder_department or issue.holder_grid),
        "is_urgent": issue.is_urgent,
        "card": Card(issue.card).name.lower(),
        "is_overdue": issue.due_at is not None and issue.due_at < now,
        "filed_at": _moment(issue.filed_at),
        "due_at": _moment(issue.due_at),
        "closed_at": _moment(issue.closed_at),
    }


def whole(found: Detail, now: datetime) -> Body:
    """One issue with history, photos and moves."""
    return {
        **row(found.issue, now),
        "events": [event(line) for line in found.lines],
        "why": list(found.why.sentences),
        "disputes": [dispute(one) for one in found.disputes],
        "also_reported": found.also,
        "photos": [photo(picture) for picture in found.photos],
        "moves": [move(one, State(found.issue.state)) for one in found.moves],
    }


def similar(found: Similar) -> Body:
    """What the reader may know of an issue that is like theirs."""
    return {
        "ref": found.ref,
        "is_open": found.is_open,
        "is_own": found.is_own,
        "category": category_ref(found.category),
        "state": found.state,
        "state_name": found.state.label,
        "filed_at": _moment(found.filed_at),
        "distance_m": None if found.metres is None else round(found.metres),
        "is_same_cell": found.is_same_cell,
        "number": found.issue.number if found.issue else None,
        "text": found.issue.text if found.issue else None,
    }


def event(line: Line) -> Body:
    return {
        "seq": line.seq,
        "kind": line.kind,
        "at": _moment(line.at),
        "state": str(line.state),
        "sentence": line.sentence,
        "words": line.words,
        "reason": line.reason,
    }


def dispute(one: Dispute) -> Body:
    return {"reasons": [event(line) for line in one.reasons], "ruling": event(one.ruling) if one.ruling else None}


def photo(picture: Photo) -> Body:
    return {
        "url": reverse("issues:api-photo", args=[picture.id]),
        "stage": picture.stage,
        "width": picture.width,
        "height": picture.height,
    }


def move(one: Move, state: State) -> Body:
    return {
        "name": one.name,
        "label": str(one.label),
        "words": str(one.words),
        "needs_words": state in one.needs_words,
        "needs_target": one.needs_target,
        "takes_photos": one.takes_photos,
        "gives": [
            {"name": give.value, "label": str(give.label), "is_needed": is_needed}
            for give, is_needed in one.gives.items()
        ],
    }


def minor_class(category: Category) -> Body:
    known = catalogue().categories
    group = known.get(category.parent_id or 0)
    field = known.get((group.parent_id if group else None) or 0)
    return {
        **category_ref(category),
        "group": category_ref(group) if group else None,
        "field": category_ref(field) if field else None,
        "icon": category.icon,
        "is_grave": category.is_grave,
    }


def category_ref(category: Category) -> Body:
    return {"code": category.code, "name": localized(category.name, category.name_en)}


def cell(grid_id: int) -> Body:
    info = tree().cell(grid_id)
    return {"code": info.code, "name": info.name}


def position(issue: Issue) -> Body | None:
    if issue.lon is None or issue.lat is None:
        return None
    return {
        "lon": issue.lon,
        "lat": issue.lat,
        "accuracy_m": issue.accuracy_m,
        "source": issue.position_source,
    }


def issue_url(number: str) -> str:
    """The API's address of an issue: of a list, and twice of every filing, so it is looked up once."""
    return f"{_list_url(get_script_prefix())}{number}/"


@cache
def _list_url(_prefix: str) -> str:
    return reverse("issues:api-issues")


def _moment(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat() if moment is not None else None


def clock_sum(one: ClockSum) -> dict[str, Any]:
    """One clock with its arithmetic."""
    return {
        "holder": one.holder,
        "kind": one.kind,
        "limit": one.limit,
        "limit_from": one.source,
        "started_at": one.started_at,
        "lines": list(one.lines),
        "counted": one.counted,
        "due_at": one.due_at,
        "agrees": one.agrees,
        "ended_at": one.ended_at,
        "notes": list(one.notes),
    }
