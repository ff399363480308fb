"""The board's page and its short answers, without a browser."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import brotli
import pytest
import time_machine
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from apps.issues.models import Issue
from apps.staff.models import User
from tests.dispatch.scenes import assigned, fed_back, filed, move, queries
from tests.factories import NOW, Town


@pytest.fixture(autouse=True)
def _that_wednesday() -> Iterator[None]:
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        yield


def signed_in(user: User, **headers: Any) -> Client:
    client = Client(headers=headers)
    client.force_login(user)
    return client


def page(client: Client, address: str = "/board/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def pulse(client: Client, known: str = "", **query: Any) -> Any:
    answer = client.get("/board/pulse/", {"known": known, **query})
    assert answer.status_code == 200
    return answer.json()


def test_the_caption_says_what_the_article_says(town: Town) -> None:
    issue = filed(town)
    html = page(signed_in(town.people.dispatcher))
    assert "园田社区第九网格长发来信息,有建筑垃圾未清运！" in html
    assert f'data-id="{issue.id}"' in html
    move(issue, "sign", town.people.dispatcher)
    assert "发来信息" not in page(signed_in(town.people.dispatcher))


def test_the_board_speaks_english_to_who_reads_english(town: Town) -> None:
    filed(town)
    client = signed_in(town.people.dispatcher)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert "eader of 园田社区第九网格 reports: rubble is not removed!" in page(client)


def test_five_captions_at_most_the_newest_first(town: Town) -> None:
    issues = [filed(town, now=NOW + timedelta(minutes=n), text=f"第{n}件") for n in range(7)]
    news = pulse(signed_in(town.people.dispatcher))
    assert [caption["id"] for caption in news["captions"]] == [issue.id for issue in reversed(issues[2:])]


def test_each_district_sees_its_own(town: Town) -> None:
    near = filed(town)
    far = filed(town, cell=town.far_cell, reporter=town.people.far_leader)
    assert near.number in page(signed_in(town.people.dispatcher))
    assert far.number not in page(signed_in(town.people.dispatcher))
    assert far.number in page(signed_in(town.people.far_dispatcher))
    everything = page(signed_in(town.people.city_dispatcher))
    assert near.number in everything
    assert far.number in everything


def test_the_city_may_switch_to_one_district_and_a_district_to_no_other(town: Town) -> None:
    near = filed(town)
    far = filed(town, cell=town.far_cell, reporter=town.people.far_leader)
    city = page(signed_in(town.people.city_dispatcher), f"/board/?area={town.district.code}&view=all")
    assert near.number in city
    assert far.number not in city
    assert far.number not in page(signed_in(town.people.dispatcher), f"/board/?area={town.other_district.code}")


def test_the_city_reads_a_district_s_captions_and_leaves_the_signing_to_it(town: Town) -> None:
    issue = filed(town)
    html = page(signed_in(town.people.city_dispatcher))
    assert "园田社区第九网格长发来信息" in html
    assert f"/i/{issue.number}/sign/" not in html


@pytest.mark.parametrize("who", ["stranger", "handler", "leader", "former_dispatcher", "admin"])
def test_who_has_no_platform_has_no_board(town: Town, who: str) -> None:
    client = signed_in(getattr(town.people, who))
    assert client.get("/board/").status_code == 403
    assert client.get("/board/pulse/").status_code == 403
    assert client.get("/board/pulse/captions/").status_code == 403


def test_who_is_not_signed_in_is_asked_to(client: Client, db: None) -> None:
    assert client.get("/board/").headers["Location"].startswith("/login/")


def test_a_viewer_sees_the_board_and_no_button(town: Town) -> None:
    issue = filed(town)
    html = page(signed_in(town.people.viewer), f"/board/?sel={issue.number}")
    assert issue.number in html
    assert f"/i/{issue.number}/sign/" not in html


def test_the_queue_is_sorted_by_time_left(town: Town) -> None:
    late = filed(town, now=NOW - timedelta(days=2))
    new = filed(town)
    html = page(signed_in(town.people.dispatcher))
    assert html.index(f'id="row-{late.id}"') < html.index(f'id="row-{new.id}"')


def test_chips_narrow_the_queue(town: Town) -> None:
    unsigned, passed_on, result = filed(town), assigned(town), fed_back(town)
    signed = move(filed(town), "sign", town.people.dispatcher)
    late = filed(town, now=NOW - timedelta(days=3))
    client = signed_in(town.people.dispatcher)

    def listed(**query: str) -> set[int]:
        html = client.get("/board/", query).content.decode()
        return {issue.id for issue in Issue.objects.all() if f'id="row-{issue.id}"' in html}

    assert listed() == {unsigned.id, result.id, signed.id, late.id}
    assert listed(view="unsigned") == {unsigned.id, late.id}
    assert listed(view="assign") == {signed.id}
    assert listed(view="check") == {result.id}
    assert listed(view="late") == {late.id}
    assert listed(view="all") == {unsigned.id, passed_on.id, result.id, signed.id, late.id}
    assert listed(view="all", q=passed_on.number) == {passed_on.id}
    assert listed(view="all", q="第九") == listed(view="all")
    assert listed(view="all", part=str(town.other_street.id)) == set()
    assert listed(view="all", category=str(town.categories.shop.id)) == set()
    assert listed(view="nonsense", part="-1", category="x", area="'") == listed()


def test_due_soon_means_reminded_and_not_yet_due(town: Town) -> None:
    issue = filed(town, now=NOW - timedelta(hours=1))  # due in four work hours: 13:00 is lunch, so at 15:00
    client = signed_in(town.people.dispatcher)
    assert f"row-{issue.id}" not in page(client, "/board/?view=soon")
    with time_machine.travel(NOW + timedelta(hours=4, minutes=30)):
        assert f"row-{issue.id}" in page(client, "/board/?view=soon")


def test_pages_follow_each_other_and_end(town: Town) -> None:
    for number in range(53):
        filed(town, text=f"第{number}件")
    client = signed_in(town.people.dispatcher)
    first = page(client)
    assert first.count('class="line"') == 50
    address = first.split('id="more"><a class="btn btn-quiet" href="')[1].split('"')[0].replace("&amp;", "&")
    rest = client.get(address, headers={"HX-Request": "true", "HX-Target": "more"}).content.decode()
    assert rest.count('class="line"') == 3
    assert "<html" not in rest
    assert 'id="more"' not in rest


def test_a_broken_cursor_shows_the_first_page(town: Town) -> None:
    issue = filed(town)
    assert issue.number in page(signed_in(town.people.dispatcher), "/board/?after=%00nonsense")


def test_the_pane_alone_is_what_htmx_asks_for(town: Town) -> None:
    issue = filed(town)
    client = signed_in(town.people.dispatcher)
    pane = client.get(f"/board/?sel={issue.number}", headers={"HX-Request": "true", "HX-Target": "pane"})
    html = pane.content.decode()
    assert html.strip().startswith("<section")
    assert "HX-Request" in pane.headers["Vary"]
    restored = client.get(
        f"/board/?sel={issue.number}",
        headers={"HX-Request": "true", "HX-Target": "pane", "HX-History-Restore-Request": "true"},
    )
    assert "<html" in restored.content.decode()


def test_a_pulse_brings_what_changed_and_counts_what_is_new(town: Town) -> None:
    client = signed_in(town.people.dispatcher)
    old, same = filed(town), filed(town)
    known = f"{old.id}.{old.version}_{same.id}.{same.version}"
    quiet = pulse(client, known)
    assert (quiet["rows"], quiet["fresh"]) == ([], 0)
    changed = move(old, "sign", town.people.second_dispatcher)
    filed(town)
    news = pulse(client, known)
    assert [(row["id"], row["version"]) for row in news["rows"]] == [(old.id, changed.version)]
    assert "line-gone" not in news["rows"][0]["html"]
    assert news["fresh"] == 1
    assert news["fresh_words"] == "有 1 条新事件"
    assert news["counts"] == {"unsigned": "2", "assign": "1", "check": "0", "soon": "0", "late": "0", "cards": "0"}


def glance(client: Client, captions: str = "") -> Any:
    answer = client.get("/board/pulse/captions/", {"captions": captions})
    assert answer.status_code == 200
    return answer.json()["captions"]


def test_a_glance_brings_the_captions_of_the_pulse_and_nothing_else(town: Town) -> None:
    client = signed_in(town.people.dispatcher)
    issue = filed(town)
    (caption,) = glance(client)
    assert (caption["id"], caption["version"]) == (issue.id, issue.version)
    assert "园田社区第九网格长发来信息,有建筑垃圾未清运！" in caption["html"]
    assert f"/i/{issue.number}/sign/" in caption["html"]
    drawn = pulse(client)["captions"][0]["html"]
    assert without_token(drawn) == without_token(caption["html"])
    assert glance(signed_in(town.people.far_dispatcher)) == []
    move(issue, "sign", town.people.dispatcher)
    assert glance(client) == []


def without_token(html: str) -> str:
    return re.sub('name="csrfmiddlewaretoken" value="[^"]*"', "", html)


def test_a_caption_that_the_browser_shows_already_comes_without_its_words(town: Town) -> None:
    client = signed_in(town.people.dispatcher)
    old, new = filed(town), filed(town, now=NOW + timedelta(minutes=1))
    for news in (
        glance(client, f"{old.id}.{old.version}"),
        pulse(client, captions=f"{old.id}.{old.version}")["captions"],
    ):
        assert [caption["id"] for caption in news] == [new.id, old.id]
        assert "html" in news[0]
        assert "html" not in news[1]
    assert "html" in glance(client, f"{old.id}.{old.version + 1}_nonsense")[1]


def test_a_glance_costs_four_queries(town: Town) -> None:
    for _ in range(3):
        filed(town)
    assert queries(signed_in(town.people.dispatcher), "/board/pulse/captions/") == 4


def test_what_follows_on_the_next_page_is_no_news(town: Town) -> None:
    client = signed_in(town.people.dispatcher)
    issues = [filed(town, now=NOW + timedelta(minutes=n)) for n in range(4)]
    known = "_".join(f"{issue.id}.{issue.version}" for issue in issues[:3])
    assert pulse(client, known, more="1")["fresh"] == 0
    assert pulse(client, known)["fresh"] == 1
    filed(town, now=NOW - timedelta(days=1))
    assert pulse(client, known, more="1")["fresh"] == 1
    move(issues[1], "sign", town.people.dispatcher)
    assert pulse(client, known, more="1", view="unsigned")["fresh"] == 1


def test_a_row_that_leaves_the_list_is_given_back_as_gone(town: Town) -> None:
    client = signed_in(town.people.dispatcher)
    issue = filed(town)
    known = f"{issue.id}.{issue.version}"
    move(issue, "sign", town.people.dispatcher)
    here = pulse(client, known, view="unsigned")
    assert "line-gone" in here["rows"][0]["html"]
    assert "line-gone" not in pulse(client, known, view="assign")["rows"][0]["html"]


def test_a_pulse_tells_nothing_of_rows_that_are_not_ones_own(town: Town) -> None:
    far = filed(town, cell=town.far_cell, reporter=town.people.far_leader)
    news = pulse(signed_in(town.people.dispatcher), f"{far.id}.0_999999.1_nonsense_5")
    assert (news["rows"], news["fresh"], news["captions"]) == ([], 0, [])


def test_figures_are_capped(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.issues.selectors import queue

    monkeypatch.setattr(queue, "MOST_COUNTED", 1)
    monkeypatch.setattr("apps.dispatch.selectors.board.MOST_COUNTED", 1)
    for _ in range(3):
        filed(town)
    assert pulse(signed_in(town.people.dispatcher))["counts"]["unsigned"] == "1+"


@pytest.mark.parametrize(
    "address", ["/board/", "/board/?view=all", "/board/pulse/?known=1.1", "/board/pulse/captions/", "/t/"]
)
def test_one_row_costs_as_many_queries_as_three(town: Town, address: str) -> None:
    client = signed_in(town.people.dispatcher)
    filed(town)
    one = queries(client, address)
    filed(town, text="再来一件")
    assigned(town)
    fed_back(town)
    assert queries(client, address) == one
    assert one <= 16


def test_the_whole_board_with_fifty_rows_is_at_most_60_kilobytes(town: Town) -> None:
    for number in range(50):
        filed(town, text=f"第{number}号楼前有建筑垃圾未清运,影响居民出入通行")
    html = page(signed_in(town.people.dispatcher))
    assert html.count('class="line"') == 50
    names = ["board", "feed", "keys", "sound", "clock"]
    assets = [f"app/{name}.js" for name in names] + [f"app/{name}.css" for name in ("tokens", "base", "desk", "board")]
    total = len(brotli.compress(html.encode(), quality=5))
    for name in [*assets, "django_htmx/htmx-2.min.js"]:
        found = finders.find(name)
        assert isinstance(found, str)
        with open(found, "rb") as file:  # noqa: PTH123
            total += len(brotli.compress(file.read()))
    assert total <= 60 * 1024


def test_no_script_or_style_stands_in_the_page(town: Town) -> None:
    issue = filed(town)
    html = page(signed_in(town.people.dispatcher), f"/board/?sel={issue.number}")
    assert "style=" not in html
    assert "<style" not in html
    assert " hx-on" not in html
    assert " onclick" not in html
    assert html.count("<script") == html.count("<script src=") + html.count('<script type="module" src=')


def test_text_of_people_is_never_markup(town: Town) -> None:
    issue = filed(town, text="<script>alert(1)</script>'\"><img src=x onerror=alert(1)>")
    client = signed_in(town.people.dispatcher)
    for html in (page(client, f"/board/?sel={issue.number}"), json.dumps(pulse(client, f"{issue.id}.0"))):
        assert "<script>alert" not in html
        assert "<img src=x" not in html
