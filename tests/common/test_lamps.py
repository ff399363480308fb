"""Lamps: their colour, and their words in both languages."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.common.lamps import Lamp, Span, lamp_of, remaining, until

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("case", "look"),
    [
        ({"due_at": NOW + HOUR}, Lamp.OK),
        ({"due_at": NOW + HOUR, "soon_at": NOW + HOUR / 2}, Lamp.OK),
        ({"due_at": NOW + HOUR, "soon_at": NOW}, Lamp.SOON),
        ({"due_at": NOW + HOUR, "rung": 1}, Lamp.SOON),
        ({"due_at": NOW}, Lamp.LATE),
        ({"due_at": NOW + HOUR, "rung": 2}, Lamp.LATE),
        ({"due_at": NOW - HOUR, "is_escalated": True}, Lamp.GRAVE),
        ({"due_at": NOW + HOUR, "is_escalated": True}, Lamp.GRAVE),
        ({"due_at": None}, Lamp.PAUSED),
        ({"due_at": NOW - HOUR, "is_closed": True}, Lamp.DONE),
    ],
)
def test_the_lamp_of_a_clock(case: dict[str, object], look: Lamp) -> None:
    assert lamp_of(now=NOW, **case) is look  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "chinese", "english"),
    [
        (NOW + timedelta(days=2, hours=3, minutes=59), "剩 2 天 3 小时", "2 d 3 h left"),
        (NOW + timedelta(hours=3, minutes=20), "剩 3 小时 20 分", "3 h 20 min left"),
        (NOW + timedelta(seconds=59), "剩 0 分钟", "0 min left"),
        (NOW - timedelta(minutes=7), "超时 7 分钟", "7 min late"),
        (NOW - timedelta(hours=26), "超时 1 天 2 小时", "1 d 2 h late"),
    ],
)
def test_the_time_left_in_words(due: datetime, chinese: str, english: str) -> None:
    with translation.override("zh-hans"):
        assert remaining(due, NOW) == chinese
    with translation.override("en"):
        assert remaining(due, NOW) == english


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (NOW + timedelta(hours=8), "今天 18:00"),
        (NOW + timedelta(hours=23), "明天 09:00"),
        (NOW + timedelta(days=8), "11月26日 10:00"),
        (NOW + timedelta(days=50), "2027年1月7日 10:00"),
    ],
)
def test_a_due_time_as_people_say_it(due: datetime, words: str) -> None:
    with translation.override("zh-hans"):
        assert until(due, NOW) == words


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_span_adds_up_to_the_minutes_between(length: timedelta) -> None:
    span = Span.between(NOW, NOW + length)
    assert 0 <= span.hours < 24 and 0 <= span.minutes < 60
    assert timedelta(days=span.days, hours=span.hours, minutes=span.minutes) <= length
    assert length - timedelta(days=span.days, hours=span.hours, minutes=span.minutes) < timedelta(minutes=1)


def test_the_tag_writes_colour_words_and_the_second_it_is_due() -> None:
    template = Template("{% load shell %}{% lamp due now %}")
    with translation.override("zh-hans"):
        written = template.render(Context({"due": NOW + HOUR, "now": NOW}))
    assert 'class="lamp lamp-ok"' in written
    assert f'data-due="{int((NOW + HOUR).timestamp())}"' in written
    assert "剩 1 小时 0 分" in written and "截止 今天 11:00" in written


def test_an_icon_whose_name_nobody_knows_is_still_drawn() -> None:
    template = Template("{% load shell %}{% icon name %}")
    written = template.render(Context({"name": 'no"such<icon>'}))
    assert written.startswith("<svg") and "no" not in written.split("class")[0].replace("none", "")
