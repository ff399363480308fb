"""Shapes of the API: what may be sent, and what is answered. Codes outside, ids inside."""

from typing import Any

from django.db.models import TextChoices
from rest_framework import serializers
from rest_framework.fields import empty

from apps.issues.models import Card, Photo, State
from apps.issues.selectors.queue import LONGEST_PAGE, LONGEST_SEARCH, PAGE
from apps.issues.services.filing import LONGEST_TEXT
from apps.issues.services.photos import MOST_PHOTOS
from apps.issues.workflow import MOVES, Give

MOST_VERSION = 2**31 - 1


class PlainFloat(serializers.FloatField):
    """A float of JSON: neither words, nor true, nor a whole number too large for one."""

    def to_internal_value(self, data: object) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)  # type: ignore[arg-type]  # whatever was sent
        except OverflowError:
            self.fail("invalid")


class PositionSourceIn(TextChoices):
    """How the sender came to know the position."""

    GPS = "gps"
    MAP = "map"


class QuickSerializer(serializers.Serializer[Any]):
    """For what is sent very often: answers as DRF's own does, but what is not in the JSON costs next to nothing.

    Without methods `validate_…` and sources of other names, which it would pass over.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever was sent
        """Return the values by name. Raises ValidationError."""
        if type(data) is not dict:  # a form has ways of its own
            values: dict[str, Any] = super().to_internal_value(data)
            return values
        values, errors = {}, {}
        for name, field in self.fields.items():
            try:
                is_default = name not in data and not field.required
                values[name] = field.get_default() if is_default else field.run_validation(data.get(name, empty))
            except serializers.ValidationError as refusal:
                errors[name] = refusal.detail
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def run_validators(self, value: Any) -> None:  # noqa: ANN401 - as DRF's
        """There are seldom any for the whole."""
        if self.validators:
            super().run_validators(value)


class ReportIn(QuickSerializer):
    """A report. Give a position, a cell, or both: then the cell counts and the position is kept."""

    category = serializers.CharField(max_length=12, help_text="Code of a minor class, see /api/v1/categories/.")
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_TEXT)
    lon = PlainFloat(required=False, allow_null=True, default=None, help_text="WGS-84, degrees.")
    lat = PlainFloat(required=False, allow_null=True, default=None, help_text="WGS-84, degrees.")
    accuracy_m = PlainFloat(required=False, allow_null=True, default=None, help_text="Metres.")
    position_source = serializers.ChoiceField(choices=PositionSourceIn.choices, required=False, default="gps")
    cell = serializers.CharField(
        required=False, allow_null=True, default=None, max_length=15, help_text="15-digit code of a level-3 cell."
    )
    is_urgent = serializers.BooleanField(required=False, default=False)
    is_self_handled = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Solved on the spot: concluded at once, but for grave classes and senders without a post there.",
    )
    result = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=LONGEST_TEXT, help_text="How it was solved."
    )
    seen_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ReportWithPhotosIn(ReportIn):
    """The same as a form, with photos."""

    photos = serializers.ListField(child=serializers.FileField(), required=False, default=list, max_length=MOST_PHOTOS)


class CellOut(serializers.Serializer[Any]):
    """A cell."""

    code = serializers.CharField()
    name = serializers.CharField()


class CategoryRefOut(serializers.Serializer[Any]):
    """A category by code and name in the reader's language."""

    code = serializers.CharField()
    name = serializers.CharField()


class PositionOut(serializers.Serializer[Any]):
    """WGS-84."""

    lon = serializers.FloatField()
    lat = serializers.FloatField()
    accuracy_m = serializers.FloatField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # DRF takes declared fields off the class


class ReceiptOut(serializers.Serializer[Any]):
    """Facts of the filing that never change, so that a replay gives the very same body."""

    number = serializers.CharField()
    url = serializers.CharField()
    filed_at = serializers.DateTimeField()
    cell = CellOut()
    category = CategoryRefOut()
    text = serializers.CharField()
    position = PositionOut(allow_null=True)
    notice = serializers.CharField(
        help_text="What the sender must know beside the number, in the reader's language; or empty."
    )


class IssueOut(serializers.Serializer[Any]):
    """One row of a list."""

    number = serializers.CharField()
    url = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=State.choices)
    state_name = serializers.CharField()
    category = CategoryRefOut()
    text = serializers.CharField()
    cell = CellOut()
    district = CellOut(allow_null=True)
    position = PositionOut(allow_null=True)
    holder = serializers.CharField()
    is_urgent = serializers.BooleanField()
    card = serializers.ChoiceField([card.name.lower() for card in Card])
    is_overdue = serializers.BooleanField()
    filed_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class PageOut(serializers.Serializer[Any]):
    """A page of the list. `next` is the cursor of the next page, null on the last."""

    results = IssueOut(many=True)
    next = serializers.CharField(allow_null=True)


class EventOut(serializers.Serializer[Any]):
    """One line of the history; `sentence` and `reason` are in the reader's language."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=State.choices)
    sentence = serializers.CharField()
    words = serializers.CharField()
    reason = serializers.CharField()


class DisputeOut(serializers.Serializer[Any]):
    """What the departments said that declined it, and the ruling on that; null while nobody has ruled."""

    reasons = EventOut(many=True)
    ruling = EventOut(allow_null=True)


class PhotoOut(serializers.Serializer[Any]):
    """Where a photo is; add ?size=small for 320 px."""

    url = serializers.CharField()
    stage = serializers.ChoiceField(choices=Photo.Stage.choices)
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class GiveOut(serializers.Serializer[Any]):
    """What a move asks beside words, photos and target; a field of the same name of the request."""

    name = serializers.ChoiceField(choices=[(give.value, give.value) for give in Give])
    label = serializers.CharField()  # type: ignore[assignment]
    is_needed = serializers.BooleanField()


class MoveOut(serializers.Serializer[Any]):
    """A move that the reader may make now."""

    name = serializers.ChoiceField(choices=[(name, name) for name in MOVES])
    label = serializers.CharField()  # type: ignore[assignment]
    words = serializers.CharField(help_text="What the text is called.")
    needs_words = serializers.BooleanField()
    needs_target = serializers.BooleanField()
    takes_photos = serializers.BooleanField(help_text="Photos sent with another move are refused.")
    gives = GiveOut(many=True)


class DetailOut(IssueOut):
    """One issue with its history, its photos, and what the reader may do."""

    events = EventOut(many=True)
    why = serializers.ListField(
        child=serializers.CharField(), help_text="Why it went where it is, in sentences of the reader's language."
    )
    disputes = DisputeOut(many=True, help_text="Each ruling with what it ruled on, then what waits for one.")
    also_reported = serializers.IntegerField(help_text="How many people beside the reporter reported or support it.")
    photos = PhotoOut(many=True)
    moves = MoveOut(many=True)


class MoveIn(serializers.Serializer[Any]):
    """A move. `version` is that of the issue as the sender saw it."""

    version = serializers.IntegerField(min_value=0, max_value=MOST_VERSION)
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_TEXT)
    cell = serializers.CharField(required=False, allow_null=True, default=None, max_length=15)
    department = serializers.CharField(required=False, allow_null=True, default=None, max_length=40)
    co_departments = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=10, help_text="Codes of those who help."
    )
    without_co = serializers.CharField(required=False, allow_blank=True, max_length=1_000)
    until = serializers.CharField(required=False, max_length=10, help_text="A day, e.g. 2026-12-31.")
    amount = serializers.CharField(required=False, max_length=12, help_text="In the unit of the holder's limit.")
    score = serializers.IntegerField(required=False, help_text="1 to 5.")
    is_satisfied = serializers.BooleanField(required=False)
    into = serializers.CharField(required=False, max_length=30, help_text="The number of the issue that goes on.")
    parts = serializers.ListField(child=serializers.CharField(max_length=500), required=False, max_length=10)
    card = serializers.CharField(required=False, max_length=12)


class MoveWithPhotosIn(MoveIn):
    """The same as a form, with photos."""

    photos = serializers.ListField(child=serializers.FileField(), required=False, default=list, max_length=MOST_PHOTOS)


class PhotosIn(serializers.Serializer[Any]):
    """Photos of an issue that is there already."""

    photos = serializers.ListField(child=serializers.FileField(), allow_empty=False, max_length=MOST_PHOTOS)


class ListIn(serializers.Serializer[Any]):
    """The query of the list."""

    state = serializers.ChoiceField(choices=State.choices, required=False, default=None)
    district = serializers.CharField(max_length=15, required=False, default=None)
    category = serializers.CharField(max_length=12, required=False, default=None)
    overdue = serializers.BooleanField(required=False, default=None, allow_null=True)
    card = serializers.ChoiceField(  # this one or a sharper one
        [card.name.lower() for card in Card if card is not Card.NONE], required=False, default=""
    )
    q = serializers.CharField(max_length=LONGEST_SEARCH, required=False, allow_blank=True, default="")
    cursor = serializers.CharField(max_length=200, required=False, default=None)
    size = serializers.IntegerField(min_value=1, max_value=LONGEST_PAGE, required=False, default=PAGE)


class SimilarIn(serializers.Serializer[Any]):
    """Where and what a report would be about: a point, or the code of a cell."""

    category = serializers.CharField(max_length=12)
    lon = serializers.FloatField(required=False, default=None)
    lat = serializers.FloatField(required=False, default=None)
    cell = serializers.CharField(max_length=15, required=False, default=None)


class SupportIn(SimilarIn):
    """What was seen, as it was asked for `similar`, and which of the issues found it is."""

    ref = serializers.CharField(max_length=64, help_text="Of an open issue, as `similar` gave it to the same person.")
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_TEXT)


class SupportWithPhotosIn(SupportIn):
    """The same as a form, with photos; of one person three are kept."""

    photos = serializers.ListField(child=serializers.FileField(), required=False, default=list, max_length=MOST_PHOTOS)


class SupportOut(serializers.Serializer[Any]):
    """The support. `number`: null for who may not see the issue."""

    number = serializers.CharField(allow_null=True)


class SimilarOut(serializers.Serializer[Any]):
    """A similar issue: its number and text are empty for a reader who may not see it."""

    ref = serializers.CharField(help_text="Names it when the reader says to have seen the same; valid for them alone.")
    is_open = serializers.BooleanField(help_text="Only an open issue can be supported.")
    is_own = serializers.BooleanField(help_text="The reader reported it.")
    category = CategoryRefOut()
    state = serializers.ChoiceField(choices=State.choices)
    state_name = serializers.CharField()
    filed_at = serializers.DateTimeField()
    distance_m = serializers.IntegerField(allow_null=True, help_text="Null where one of the two has no point.")
    is_same_cell = serializers.BooleanField()
    number = serializers.CharField(allow_null=True)
    text = serializers.CharField(allow_null=True)


class CategoryOut(serializers.Serializer[Any]):
    """A minor class that may be reported."""

    code = serializers.CharField()
    name = serializers.CharField()
    group = CategoryRefOut(allow_null=True, help_text="Its class.")
    field = CategoryRefOut(allow_null=True)
    icon = serializers.CharField()
    is_grave = serializers.BooleanField()


class WhatWentWrong(serializers.Serializer[Any]):
    """A word for programs, a sentence for people, and what to correct."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
    possible = serializers.ListField(child=serializers.CharField(), required=False, help_text="Moves possible now.")
    version = serializers.IntegerField(required=False, help_text="The issue's version now.")
    events = EventOut(many=True, required=False, help_text="What happened since the sender's version.")


class ErrorOut(serializers.Serializer[Any]):
    """Every error has this shape."""

    error = WhatWentWrong()


class ClockOut(serializers.Serializer[Any]):
    """One clock of an issue with its arithmetic. `counted`: what the lines come to; null where they come to nothing."""

    holder = serializers.CharField()
    kind = serializers.CharField()
    limit = serializers.CharField()
    limit_from = serializers.CharField()
    started_at = serializers.DateTimeField()
    lines = serializers.ListField(child=serializers.CharField())
    counted = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField()
    agrees = serializers.BooleanField()
    ended_at = serializers.DateTimeField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class ClocksOut(serializers.Serializer[Any]):
    """Every clock the issue has had, the newest first."""

    clocks = ClockOut(many=True)
