"""The whole flow in the browser: declined twice, ruled on, handled jointly, given more time, late, reworked, concluded,
rated and opened again. Every move is made on the page of the issue by whoever may; the test moves the clock.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from apps.issues.models import Issue, IssueEvent, State
from apps.issues.selectors.invariants import check_invariants
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep
from apps.issues.services.routing import route_waiting
from apps.staff.models import User
from tests.factories import NOW, Town
from tests.journeys.measures import axe_faults, overhang

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


class TestClock:
    """The city's clock, which the test moves: pages, services and the sweep read the same moment."""

    __test__ = False

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **time: float) -> None:
        """Let time pass, and the worker do what has become due."""
        self.moment += timedelta(**time)
        sweep(now=self.moment)


@pytest.fixture
def city_clock(monkeypatch: pytest.MonkeyPatch) -> TestClock:
    held = TestClock()
    monkeypatch.setattr(clock, "now", held.now)
    return held


Look = Callable[..., Page]


@pytest.fixture
def look(chromium: Browser, live_server: LiveServer, town: Town) -> Iterator[Look]:
    """Open a page of the site as a person: `look(user, "/t/", language="en", size=PHONE)`. One window each."""
    windows: dict[tuple[int, str, int], BrowserContext] = {}
    faults: list[str] = []

    def open_page(user: User, path: str, *, language: str = "zh-hans", size: Any = DESK) -> Page:
        key = (user.pk, language, size["width"])
        if key not in windows:
            client = Client()
            client.force_login(user)
            windows[key] = chromium.new_context(viewport=size, base_url=live_server.url)
            cookies = {"sessionid": client.cookies["sessionid"].value, "django_language": language}
            windows[key].add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies.items()])
            page = windows[key].new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
        [page] = windows[key].pages
        page.goto(path)
        return page

    yield open_page
    for window in windows.values():
        window.close()
    assert faults == []


class Case:
    """The issue, as people press its buttons."""

    def __init__(self, look: Look, city_clock: TestClock) -> None:
        self.look, self.clock = look, city_clock
        self.number = Issue.objects.get().number

    def page(self, who: User, **how: Any) -> Page:
        return self.look(who, f"/i/{self.number}/", **how)

    def press(self, who: User, move: str, text: str = "", **fields: str) -> Page:
        """Make the move on the issue's page; `fields`: names of the form's fields and what is chosen or typed."""
        page = self.page(who)
        form = page.locator(f"form[data-move={move}]")
        expect(form).to_have_count(1)
        self._unfold(form)
        for name, value in fields.items():
            self._fill(form, name, value)
        if text:
            form.locator("textarea[name=text]").fill(text)
        version = self.issue.version
        form.locator("[data-submit]").click()
        expect(page.locator("#pane")).not_to_have_attribute("data-version", str(version))
        return page

    @staticmethod
    def _unfold(inner: Any) -> None:
        """Open what it is folded into, the outermost first."""
        folded = inner.locator("xpath=ancestor::details[not(@open)]/summary")
        while folded.count():
            folded.first.click()

    @staticmethod
    def _fill(form: Any, name: str, value: str) -> None:
        field = form.locator(f"[name={name}]")
        if field.first.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        elif field.first.get_attribute("type") in ("radio", "checkbox"):
            Case._unfold(field.first)
            form.locator(f"[name={name}][value='{value}']").check()
        else:
            field.fill(value)

    @property
    def issue(self) -> Issue:
        return Issue.objects.get()

    def kinds(self) -> list[str]:
        return list(IssueEvent.objects.order_by("seq").values_list("kind", flat=True))


def report(look: Look, town: Town) -> None:
    """The leader files it on the phone."""
    phone = look(town.people.leader, "/m/report", size=PHONE)
    phone.locator("input[type=radio][name=category]").first.wait_for(state="attached")
    phone.get_by_text("建筑垃圾", exact=True).first.click()
    phone.get_by_role("button", name=re.compile("提交|上报")).last.click()
    phone.wait_for_url(re.compile("/m/report/(done|where)/"))


def declined_twice(case: Case, town: Town) -> None:
    people, departments = town.people, town.departments
    case.press(people.dispatcher, "sign")
    case.press(people.dispatcher, "assign", "请今天清运完毕", target=f"d{departments.chengguan.id}")
    case.clock.pass_by(minutes=40)
    case.press(people.handler, "return", "渣土来自工商局查封的门店，不属于城管职责。")
    case.clock.pass_by(minutes=20)
    case.press(people.dispatcher, "assign", "请查封单位清运", target=f"d{departments.gongshang.id}")
    case.clock.pass_by(minutes=30)
    case.press(people.other_handler, "return", "门店已移交，清运不在我局职责之内。")
    case.clock.pass_by(minutes=10)


def ruled_on_and_handled(case: Case, town: Town) -> None:
    people, departments = town.people, town.departments
    page = case.page(people.dispatcher)
    expect(page.locator("form[data-move=assign]")).to_have_count(0)  # only a ruling moves it now
    declined = page.locator(".pane-body .pair").filter(has_text="渣土来自工商局")
    expect(declined).to_contain_text("门店已移交")  # both reasons, side by side
    case.press(
        people.dispatcher,
        "adjudicate",
        "占道渣土由城管局负责清运，工商局协办，提供查封清单。",
        target=f"d{departments.chengguan.id}",
        co_departments=str(departments.gongshang.id),
    )
    case.clock.pass_by(minutes=30)
    signed = case.press(people.handler, "sign")
    expect(signed.locator("form[data-move=return]")).to_have_count(0)  # the ruling binds
    case.press(people.other_handler, "co_feed_back", "查封清单已送城管局。")


def given_more_time_and_late(case: Case, town: Town) -> None:
    people = town.people
    case.press(people.handler, "ask_extension", "吊车检修，明日到位。", amount="1")
    case.press(people.dispatcher, "agree_extension")
    before = case.issue.due_at
    case.press(people.duty_chief, "grant_extension")
    after = case.issue.due_at
    assert before is not None
    assert after is not None
    assert after > before
    case.clock.moment = after
    case.clock.pass_by(minutes=1)
    assert case.kinds().count("overdue") == 1
    expect(case.page(people.handler).locator(".lamp-late").first).to_be_visible()


def reworked_and_concluded(case: Case, town: Town) -> None:
    people = town.people
    case.press(people.handler, "feed_back", "已清运两车。")
    case.clock.pass_by(minutes=30)
    case.press(people.dispatcher, "rework", "墙根还有一堆，请清完。")
    case.clock.pass_by(minutes=50)
    case.press(people.handler, "feed_back", "已全部清运，地面冲洗干净。")
    case.clock.pass_by(minutes=10)
    case.press(people.dispatcher, "conclude")
    assert case.issue.state == State.CONCLUDED
    case.clock.pass_by(minutes=60)


def rated_and_opened_again(case: Case, town: Town) -> None:
    case.press(town.people.leader, "evaluate", "比上次快。", score="4", is_satisfied="yes")
    assert case.issue.state == State.EVALUATED
    case.clock.pass_by(hours=20)
    case.press(town.people.leader, "reopen", "夜里又倒了一车。")
    assert (case.issue.state, case.issue.holder_department) == (State.HANDLING, town.departments.chengguan)


TIMELINE = {
    "zh-hans": [
        r"王长顺采集上报",
        r"陈派遣在金水区签收",
        r"陈派遣交办给金水区城市管理局",
        r"朱城管退办至金水区",
        r"陈派遣交办给金水区工商局",
        r"尤工商退办至金水区",
        r"陈派遣裁决：由金水区城市管理局办理，协办：金水区工商局",
        r"朱城管在金水区城市管理局签收",
        r"尤工商作为协办反馈",
        r"朱城管申请延期：1 × 工作时",
        r"陈派遣同意延期",
        r"蒋值班批准延期：1 × 工作时",
        r"金水区城市管理局超期，已告知上级",
        r"朱城管向金水区反馈",
        r"陈派遣退回金水区城市管理局返工",
        r"朱城管向金水区反馈",
        r"陈派遣办结",
        r"王长顺评价：4 分",
        r"王长顺重开，由金水区城市管理局继续办理",
    ],
    "en": [
        r"王长顺 filed the report",
        r"陈派遣 signed for it",
        r"陈派遣 of 金水区 assigned it to Jinshui Urban Management",
        r"朱城管 of Jinshui Urban Management returned it",
        r"assigned it to Jinshui Market Supervision",
        r"尤工商 of Jinshui Market Supervision returned it",
        r"陈派遣 ruled: Jinshui Urban Management handles it, jointly with Jinshui Market Supervision",
        r"朱城管 signed for it",
        r"尤工商 of Jinshui Market Supervision fed back as co-handler",
        r"asked for more time: 1 × work hour",
        r"陈派遣 agreed to more time",
        r"蒋值班 granted more time",
        r"Overdue with Jinshui Urban Management",
        r"朱城管 of Jinshui Urban Management fed back",
        r"sent it back to Jinshui Urban Management for rework",
        r"朱城管 of Jinshui Urban Management fed back",
        r"陈派遣 of 金水区 concluded it",
        r"王长顺 evaluated it: 4 of 5",
        r"王长顺 opened it again",
    ],
}


def check_timeline(case: Case, who: User, language: str) -> None:
    """Its sentences come in the order in which things happened, without a code word."""
    page = case.page(who, language=language)
    lines = [line.strip() for line in page.locator(".timeline > li").all_inner_texts()]
    place = 0
    for wanted in TIMELINE[language]:
        found = next((n for n in range(place, len(lines)) if re.search(wanted, lines[n], re.DOTALL | re.I)), None)
        assert found is not None, f"{wanted!r} is not among {lines[place:]}"
        place = found + 1
    words = " ".join(lines)
    assert not re.search(r"\b[a-z]+_[a-z_]+\b|%\(|None", words), words


def test_a_case_goes_every_way_there_is_and_its_timeline_tells_it_in_both_languages(
    town: Town, city_clock: TestClock, look: Look
) -> None:
    report(look, town)
    route_waiting(now=city_clock.moment)
    case = Case(look, city_clock)
    declined_twice(case, town)
    ruled_on_and_handled(case, town)
    given_more_time_and_late(case, town)
    reworked_and_concluded(case, town)
    rated_and_opened_again(case, town)
    for language in TIMELINE:
        check_timeline(case, town.people.dispatcher, language)
    record_late()
    assert [str(found) for found in check_invariants(now=city_clock.moment, sample=0).findings] == []
    for language, size in (("zh-hans", PHONE), ("en", PHONE), ("zh-hans", DESK), ("en", DESK)):
        page = case.page(town.people.dispatcher, language=language, size=size)
        assert overhang(page) == 0
        assert axe_faults(page) == []
