"""The quick way through a report's fields answers as Django REST framework's own."""

from typing import Any

import pytest
from rest_framework import serializers

from apps.issues.serializers import QuickSerializer, ReportWithPhotosIn

WHOLE = {"category": "020203", "text": " 垃圾 ", "lon": 113.6, "lat": 34.7, "accuracy_m": None, "is_urgent": True}
SENT: list[Any] = [
    *({}, WHOLE, {"category": "020203"}, {"category": None}, {"category": ""}, {"category": 7}, {"category": [1]}),
    *(
        {**WHOLE, "unknown": 1},
        {**WHOLE, "lon": "x", "lat": True},
        {**WHOLE, "text": "x" * 6000},
        {**WHOLE, "text": ""},
    ),
    *({**WHOLE, "position_source": "moon"}, {**WHOLE, "position_source": "map", "cell": "410103009007007"}),
    *({**WHOLE, "is_urgent": "maybe"}, {**WHOLE, "is_urgent": None}, {**WHOLE, "seen_at": "2013-02-08T12:00:00+08:00"}),
    *(
        {**WHOLE, "seen_at": "yesterday"},
        {**WHOLE, "photos": None},
        {**WHOLE, "photos": ["x"]},
        {**WHOLE, "text": "\x00"},
    ),
    *([], "words", 7, True, None, [WHOLE]),
]


def outcome(serializer: serializers.Serializer[Any], sent: object) -> object:
    try:
        return list(serializer.run_validation(sent).items())
    except serializers.ValidationError as refusal:
        return refusal.get_full_details()


class SlowIn(ReportWithPhotosIn):
    """The same fields by DRF's own way."""

    to_internal_value = serializers.Serializer.to_internal_value
    run_validators = serializers.Serializer.run_validators


@pytest.mark.parametrize("sent", SENT, ids=range(len(SENT)))
def test_whatever_is_sent_the_answer_is_the_same(sent: object) -> None:
    assert issubclass(SlowIn, QuickSerializer)
    assert outcome(ReportWithPhotosIn(), sent) == outcome(SlowIn(), sent)


def test_a_list_of_one_report_is_not_that_of_the_next() -> None:
    serializer = ReportWithPhotosIn()
    first, second = (serializer.run_validation({"category": "020203"})["photos"] for _ in range(2))
    assert first == second == []
    assert first is not second
