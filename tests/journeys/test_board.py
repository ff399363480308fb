"""The board in a real Chromium, against the real site, worker and servers: the article's report, from end to end."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from apps.common import clock
from apps.issues.models import Issue, State
from apps.staff.models import User
from tests.dispatch.scenes import assigned, filed, move
from tests.factories import Town
from tests.journeys.conftest import CATALOGUE_IS_FRESH_AFTER
from tests.journeys.measures import axe_faults, overhang
from tests.journeys.wire import Wire
from tests.processes import ProductProcess

pytestmark = pytest.mark.journey

DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
# The spy stands between the page and the browser's sound: it notes every tone that is really started.
SPY = """
    window.tones = [];
    const start = OscillatorNode.prototype.start;
    const stop = OscillatorNode.prototype.stop;
    OscillatorNode.prototype.start = function (at) { this.begun = at; return start.call(this, at); };
    OscillatorNode.prototype.stop = function (at) {
      window.tones.push({ start: this.begun, seconds: at - this.begun, running: this.context.state === "running" });
      return stop.call(this, at);
    };
"""

TREE_IS_FRESH_AFTER = 1.1  # the site's process keeps the last test's cells for a second

LOW_CONTROLS = """() =>
    [...document.querySelectorAll("main :is(a, button, select, summary, textarea, input:not([type=hidden]))")]
      .filter((one) => one.getClientRects().length)
      .map((one) => one.closest("label") || one) // a press on the label is a press on its box
      .filter((one) => one.getBoundingClientRect().height < 43.5)
      .map((one) => one.outerHTML.slice(0, 120))
"""

Seat = Callable[..., Page]


@pytest.fixture
def seat(chromium: Browser, live_site: str, town: Town) -> Iterator[Seat]:
    """Seat a person before a page of the site: `seat(user, "/board/", language="en", size=PHONE)`."""
    time.sleep(TREE_IS_FRESH_AFTER)
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def sit(user: User, path: str, *, language: str = "zh-hans", size: Any = DESK, **options: Any) -> Page:
        client = Client()
        client.force_login(user)
        site = options.pop("site", live_site)
        context = chromium.new_context(viewport=size, base_url=site, **options)
        context.add_cookies(
            [
                {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site},
                {"name": "django_language", "value": language, "url": site},
            ]
        )
        context.add_init_script(SPY)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.extend([] if _is_ours(request.url, site) else [request.url]))
        page.goto(path)
        return page

    yield sit
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def _catalogue_of_this_test(town: Town) -> None:
    time.sleep(CATALOGUE_IS_FRESH_AFTER)


def _is_ours(url: str, site: str) -> bool:
    return url.startswith((site, "data:", "blob:", "about:"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "after.jpg"
    content = BytesIO()
    Image.new("RGB", (1280, 960), "green").save(content, "JPEG")
    path.write_bytes(content.getvalue())
    return path


@pytest.fixture
def wire(live_site: str) -> Iterator[Wire]:
    """A wire to the site that a test may cut."""
    wire = Wire(live_site)
    yield wire
    wire.cut()


def live(page: Page) -> None:
    expect(page.locator("#live-state")).to_have_text("实时")


def tones(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("window.tones")
    return found


@pytest.mark.usefixtures("_catalogue_of_this_test")
def test_the_article_s_report_travels_from_the_phone_to_its_conclusion(
    seat: Seat, town: Town, celery_worker_process: ProductProcess, photo: Path
) -> None:
    desk = seat(town.people.dispatcher, "/board/")
    live(desk)
    desk.get_by_role("button", name="开始值守").click()
    expect(desk.get_by_role("button", name="值守中")).to_have_attribute("aria-pressed", "true")
    assert tones(desk) == []

    phone = seat(town.people.leader, "/m/report", size=PHONE)
    phone.locator("input[type=radio][name=category]").first.wait_for(state="attached")
    phone.get_by_text("建筑垃圾", exact=True).first.click()
    phone.get_by_role("button", name=re.compile("提交|上报")).last.click()
    phone.wait_for_url(re.compile("/m/report/(done|where)/"))

    caption = desk.locator(".caption")
    expect(caption).to_contain_text("园田社区第九网格长发来信息,有建筑垃圾未清运！", timeout=10_000)
    beeps = tones(desk)
    assert [round(tone["seconds"], 2) for tone in beeps] == [0.16, 0.16]
    assert beeps[1]["start"] > beeps[0]["start"] + 0.16

    caption.get_by_role("button", name="签收").click()
    expect(caption).to_have_count(0)
    pane = desk.locator("#pane")
    expect(pane.locator(".state")).to_have_text("待交办")
    expect(pane.locator("select")).to_have_value(f"d{town.departments.chengguan.id}")
    pane.locator("[data-move=assign] textarea").fill("请今天清运完毕")
    pane.locator("[data-move=assign] [data-submit]").click()
    expect(pane.locator(".state")).to_have_text("已交办·待签收")

    tasks = seat(town.people.handler, "/t/", size=PHONE)
    expect(tasks.locator(".task")).to_contain_text("请今天清运完毕")
    tasks.get_by_role("button", name="签收").click()
    expect(tasks.locator(".messages")).to_contain_text("签收")
    tasks.locator("[data-move=feed_back] textarea").fill("已派两辆车清运完毕")
    tasks.locator("[data-move=feed_back] input[type=file]").set_input_files(photo)
    tasks.get_by_role("button", name="反馈").click()
    expect(tasks.locator(".task")).to_have_count(0)

    expect(pane.locator(".state")).to_have_text("待办结", timeout=10_000)
    expect(pane.locator(".newest")).to_contain_text("已派两辆车清运完毕")
    expect(pane.locator(".photos img")).to_have_count(1)
    assert pane.locator(".photos img").evaluate("async (img) => { await img.decode(); return img.naturalWidth > 0 }")
    pane.locator("[data-move=conclude] [data-submit]").click()
    expect(pane.locator(".state")).to_have_text("已办结")

    issue = Issue.objects.get()
    assert issue.state == State.CONCLUDED
    phone.goto(f"/i/{issue.number}/")
    expect(phone.locator("#pane .state")).to_have_text("已办结")
    expect(phone.locator(".timeline")).to_contain_text("已派两辆车清运完毕")


def test_what_is_new_moves_no_row_and_waits_behind_a_button(seat: Seat, town: Town) -> None:
    for number in range(8):
        filed(town, now=clock.now() - timedelta(hours=number), text=f"第{number}件")
    issue = filed(town, text="看着这一件")
    page = seat(town.people.dispatcher, f"/board/?sel={issue.number}")
    live(page)
    row = page.locator(f"#row-{issue.id}")
    row.scroll_into_view_if_needed()
    before = row.bounding_box()
    rows = page.locator("#rows .line").count()
    page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: false }); }"""
    )
    fresh = filed(town, now=clock.now() - timedelta(days=4), text="最早到期的新事件")
    expect(page.locator("#fresh")).to_contain_text("有 1 条新事件", timeout=10_000)
    filed(town, now=clock.now() - timedelta(days=5))
    expect(page.locator("#fresh")).to_contain_text("有 2 条新事件", timeout=10_000)
    assert page.locator("#rows .line").count() == rows
    assert row.bounding_box() == before
    page.keyboard.press("n")
    expect(page.locator(f"#row-{fresh.id}")).to_be_visible()
    expect(page.locator("#fresh")).to_be_hidden()


def test_a_row_that_somebody_else_changes_is_redrawn_in_its_place(seat: Seat, town: Town) -> None:
    issues = [filed(town, text=f"第{number}件") for number in range(3)]
    page = seat(town.people.dispatcher, "/board/")
    live(page)
    order = [page.locator("#rows .line").nth(n).get_attribute("data-id") for n in range(3)]
    move(issues[1], "sign", town.people.second_dispatcher, now=clock.now())
    expect(page.locator(f"#row-{issues[1].id} .state")).to_have_text("待交办", timeout=10_000)
    expect(page.locator("[data-count=unsigned]")).to_have_text("2")
    assert [page.locator("#rows .line").nth(n).get_attribute("data-id") for n in range(3)] == order


def test_who_is_too_late_sees_what_changed_and_keeps_the_words(seat: Seat, town: Town) -> None:
    issue = filed(town)
    page = seat(town.people.dispatcher, f"/board/?sel={issue.number}")
    live(page)
    page.locator("[data-move=return] summary, details:has([data-move=return]) summary").click()
    page.locator("[data-move=return] textarea").fill("不属于本区职责")
    move(issue, "sign", town.people.second_dispatcher, now=clock.now())
    expect(page.locator("[data-outdated]")).to_be_visible(timeout=10_000)
    expect(page.locator("[data-move=return] textarea")).to_have_value("不属于本区职责")
    page.locator("[data-move=return] [data-submit]").click()
    expect(page.locator("#pane [role=alert]").first).to_contain_text("卫派遣在金水区签收")
    expect(page.locator("[data-move=return] textarea")).to_have_value("不属于本区职责")
    page.locator("[data-move=return] [data-submit]").click()
    expect(page.locator("#pane .said")).to_contain_text("已完成")


def test_a_stream_that_breaks_catches_up_and_loses_nothing(seat: Seat, town: Town, wire: Wire) -> None:
    page = seat(town.people.dispatcher, "/board/", site=wire.address)
    live(page)
    wire.cut()
    missed = [filed(town, text=f"断线时第{number}件") for number in range(3)]
    expect(page.locator("#live-state")).not_to_have_text("实时", timeout=15_000)
    assert page.locator(".caption").count() == 0
    wire.mend()
    expect(page.locator(".caption")).to_have_count(3, timeout=20_000)
    expect(page.locator("#fresh")).to_contain_text("有 3 条新事件")
    expect(page.locator("#live-state")).to_have_text("实时", timeout=20_000)
    ids = page.locator(".caption").evaluate_all("all => all.map(one => Number(one.dataset.id))")
    assert ids == [issue.id for issue in reversed(missed)]
    after = filed(town)
    expect(page.locator(f".caption[data-id='{after.id}']")).to_be_visible(timeout=4_000)


def test_without_the_stream_the_board_polls(seat: Seat, town: Town) -> None:
    page = seat(town.people.dispatcher, "about:blank")
    page.context.route("**/live/**", lambda route: route.abort())
    page.goto("/board/")
    expect(page.locator("#live-state")).to_have_text("每 5 秒更新", timeout=15_000)
    filed(town)
    expect(page.locator(".caption")).to_have_count(1, timeout=10_000)


def test_a_server_that_does_not_answer_is_said_so(seat: Seat, town: Town) -> None:
    page = seat(town.people.dispatcher, "/board/")
    live(page)
    page.context.route("**/board/pulse/**", lambda route: route.abort())
    filed(town)
    expect(page.locator("#stale")).to_contain_text(re.compile(r"数据停在 \d\d:\d\d"), timeout=10_000)
    page.context.unroute("**/board/pulse/**")
    page.locator("#stale button").click()
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator(".caption")).to_have_count(1)


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "plain-http"])
def test_seven_tabs_share_one_stream(seat: Seat, town: Town, has_locks: bool) -> None:
    first = seat(town.people.dispatcher, "about:blank")
    if not has_locks:
        first.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    first.goto("/board/")
    live(first)
    streams: list[str] = []
    first.context.on("request", lambda request: streams.append(request.url) if "/live/" in request.url else None)
    tabs = [first]
    for _ in range(6):
        tabs.append(first.context.new_page())
        tabs[-1].goto("/board/")
        live(tabs[-1])
    assert streams == []
    filed(town)
    for tab in tabs:
        expect(tab.locator(".caption")).to_have_count(1, timeout=10_000)
    first.close()
    filed(town)
    for tab in tabs[1:]:
        expect(tab.locator(".caption")).to_have_count(2, timeout=20_000)
    tabs[1].wait_for_timeout(0 if has_locks else 2_500)
    assert len(streams) == 1


@pytest.mark.usefixtures("_catalogue_of_this_test")
def test_the_keyboard_alone_signs_and_assigns(seat: Seat, town: Town) -> None:
    issue = filed(town, text="只用键盘")
    filed(town, text="另一件", now=clock.now() + timedelta(minutes=5))
    page = seat(town.people.dispatcher, "/board/")
    live(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator("#pane")).to_have_attribute("data-id", str(issue.id))
    page.keyboard.press("e")
    expect(page.locator("#pane .state")).to_have_text("待交办")
    page.keyboard.press("1")
    expect(page.locator("#pane .state")).to_have_text("已交办·待签收")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("jen1")
    expect(page.locator("#search")).to_have_value("jen1")
    assert Issue.objects.get(pk=issue.pk).state == State.ASSIGNED


def test_keys_rest_while_an_input_method_composes_and_can_be_switched_off(seat: Seat, town: Town) -> None:
    issue = filed(town)
    page = seat(town.people.dispatcher, f"/board/?sel={issue.number}")
    live(page)
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'e', isComposing: true, bubbles: true}))"
    )
    page.keyboard.press("?")
    page.get_by_label("启用单键快捷键").uncheck()
    page.get_by_role("button", name="关闭").click()
    page.locator("h1").click()
    page.keyboard.press("e")
    page.wait_for_timeout(500)
    expect(page.locator("#pane .state")).to_have_text("待签收")


def test_the_horn_repeats_until_signed_and_can_be_muted(seat: Seat, town: Town) -> None:
    issue = filed(town)
    page = seat(town.people.dispatcher, "about:blank")
    page.clock.install()
    page.goto("/board/")
    page.get_by_role("button", name="开始值守").click()
    page.wait_for_function("window.tones.length === 2")
    page.clock.run_for(31_000)
    page.wait_for_function("window.tones.length === 4")
    page.get_by_role("button", name="静音 10 分钟").click()
    page.clock.run_for(60_000)
    assert len(tones(page)) == 4
    page.get_by_role("button", name="已静音").click()
    page.clock.run_for(31_000)
    assert len(tones(page)) >= 6
    move(issue, "sign", town.people.second_dispatcher, now=clock.now())
    for _ in range(70):
        page.clock.run_for(1_000)
        page.wait_for_timeout(20)
    expect(page.locator(".caption")).to_have_count(0)
    heard = len(tones(page))
    page.clock.run_for(61_000)
    assert len(tones(page)) == heard


@pytest.mark.usefixtures("_catalogue_of_this_test")
def test_the_board_works_without_javascript(seat: Seat, town: Town) -> None:
    issue = filed(town)
    page = seat(town.people.dispatcher, "/board/", java_script_enabled=False)
    page.locator(f"#row-{issue.id} a").click()
    page.locator("#pane [data-move=sign] button").click()
    expect(page.locator(".messages")).to_contain_text("已完成")
    assert Issue.objects.get(pk=issue.pk).version == issue.version + 1
    page.locator("#pane [data-move=assign] [data-submit]").click()
    assert Issue.objects.get(pk=issue.pk).state == State.ASSIGNED


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_stands_in_anybody_s_way(seat: Seat, town: Town, language: str, size: dict[str, int]) -> None:
    issue = filed(town, text="建筑垃圾", is_urgent=True)
    assigned(town)
    move(assigned(town), "sign", town.people.handler)
    pages = [
        (town.people.dispatcher, "/board/?view=all"),
        (town.people.dispatcher, f"/board/?sel={issue.number}"),
        (town.people.city_dispatcher, "/board/?view=check"),
        (town.people.dispatcher, f"/i/{issue.number}/"),
        (town.people.handler, "/t/"),
        (town.people.stranger, "/t/"),
    ]
    tall = {**size, "height": 2400}  # the fixed bar at the foot covers what is below the fold, as it should
    for user, path in pages:
        page = seat(user, path, language=language, size=tall)
        page.wait_for_timeout(300)
        assert (path, axe_faults(page)) == (path, [])
        assert (path, overhang(page)) == (path, 0)
        small = page.evaluate(LOW_CONTROLS)
        assert (path, small) == (path, [])
