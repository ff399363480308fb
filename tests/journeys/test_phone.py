"""A grid leader's phone, walked in Chromium: sign in, report with and without JavaScript, and look at every page."""

import re
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from PIL import Image
from playwright.sync_api import Page, Route

from apps.common import clock
from apps.issues.models import Category, Issue, Photo, PositionSource, Support
from apps.issues.services.catalogue import load_catalogue
from apps.issues.services.filing import Report, file_report
from apps.staff.models import User
from tests.factories import PASSWORD, Town, inside
from tests.journeys.conftest import CATALOGUE_IS_FRESH_AFTER, LAST_LOOK, Watched
from tests.journeys.measures import axe_faults, covered_focus, overhang, small_targets

pytestmark = pytest.mark.journey

Window = Callable[..., Watched]
LARGEST_PHOTO = 200 * 1024


@pytest.fixture
def city(live_site: str, town: Town) -> Town:
    """The town with the whole catalogue, once the site has forgotten the last test's."""
    load_catalogue()
    User.objects.filter(pk=town.people.community_leader.pk).update(phone="037165550001")
    seen_at = LAST_LOOK[0] if LAST_LOOK else time.monotonic()  # a site that has just started has seen no town
    time.sleep(max(0, seen_at + CATALOGUE_IS_FRESH_AFTER - time.monotonic()))
    return town


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A photo of twelve megapixels, as a phone takes it: several megabytes of noise."""
    written = BytesIO()
    Image.effect_noise((4000, 3000), 25).convert("RGB").save(written, "JPEG", quality=92)
    file = tmp_path / "IMG_0001.jpg"
    file.write_bytes(written.getvalue())
    assert len(written.getvalue()) > 3 * 2**20
    return file


def position(cell: object) -> dict[str, float]:
    lon, lat = inside(cell)  # type: ignore[arg-type]
    return {"longitude": lon, "latitude": lat, "accuracy": 38}


def sign_in(window: Watched, person: User) -> Page:
    """By the form, once: the site knows none of the tests' quick hashes."""
    slow = PBKDF2PasswordHasher().encode(PASSWORD, "saltforajourney")
    User.objects.filter(pk=person.pk).update(password=slow)
    page = window.go("/m/")
    page.get_by_label("工号或手机号").fill(person.username)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()
    page.get_by_role("heading", name=person.name).wait_for()
    return page


def signed_in(window: Watched, person: User) -> Page:
    """By a session cookie."""
    client = Client()
    client.force_login(person)
    cookie = client.cookies["sessionid"].value
    window.context.add_cookies([{"name": "sessionid", "value": cookie, "url": window.site}])
    return window.go("/m/")


def test_a_report_with_photo_and_place_takes_four_taps(city: Town, window: Window, camera: Path) -> None:
    phone = window(geolocation=position(city.cell), permissions=["geolocation"])
    page = sign_in(phone, city.people.leader)

    page.get_by_role("link", name="报事").first.click()
    page.locator(".shot input").first.set_input_files(camera)
    page.get_by_text("照片已就绪").wait_for(timeout=60_000)
    page.get_by_text("您在园田社区第九网格。 （误差约 38 米）").wait_for()
    sent = page.evaluate("document.querySelector('.shot input').files[0].size")
    assert sent <= LARGEST_PHOTO
    page.locator(".tile", has_text="建筑垃圾").first.click()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/m/report/done/*/")

    issue = Issue.objects.get()
    assert page.get_by_text(issue.number).is_visible()
    assert page.get_by_text("园田社区第九网格 · 王长顺").is_visible()
    assert (issue.position_source, issue.grid) == (PositionSource.GPS, city.cell)
    kept = Photo.objects.get(issue=issue)
    assert max(kept.width, kept.height) == 1280
    page.get_by_role("link", name="看进展").click()
    assert page.get_by_text("王长顺").first.is_visible()
    assert not [fault for fault in phone.faults if "/photo/" not in fault and "404" not in fault]


def test_what_was_typed_survives_a_closed_page_until_it_is_filed(city: Town, window: Window) -> None:
    phone = window()
    page = signed_in(phone, city.people.leader)
    phone.go("/m/report")
    page.get_by_label("情况说明").fill("三号楼前有一堆渣土")
    page.locator("summary", has_text="更多类别").click()
    page.locator("summary", has_text="城市管理提升").click()
    page.locator("label", has_text="井盖缺失").click()
    page.locator("label", has_text="已当场解决").click()
    page.get_by_label("怎么解决的").fill("已清走")

    phone.go("/m/")
    phone.go("/m/report")
    assert page.get_by_text("上次没有报完的内容已恢复").is_visible()
    assert page.get_by_label("情况说明").input_value() == "三号楼前有一堆渣土"
    assert page.get_by_label("怎么解决的").input_value() == "已清走"
    assert page.locator("label", has_text="井盖缺失").locator("input").is_checked()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/m/report/done/*/")
    issue = Issue.objects.select_related("category").get()
    assert (issue.text, issue.category.name, issue.is_self_handled) == ("三号楼前有一堆渣土", "井盖缺失", True)

    phone.go("/m/report")
    assert page.get_by_label("情况说明").input_value() == ""
    assert not phone.faults


def test_the_phone_in_a_neighbours_cell_is_asked_kindly(city: Town, window: Window, camera: Path) -> None:
    phone = window(geolocation=position(city.next_cell), permissions=["geolocation"])
    page = signed_in(phone, city.people.leader)
    phone.go("/m/report")
    page.locator(".shot input").first.set_input_files(camera)
    page.get_by_text("您在园田社区第八网格。").wait_for()
    page.locator(".tile").first.click()
    page.get_by_role("button", name="提交").click()
    page.get_by_role("heading", name="问题在哪个网格？").wait_for()
    page.locator(".photos img").evaluate("image => image.decode()")  # fails for a picture that is none
    page.get_by_role("button", name="园田社区第八网格").click()
    page.wait_for_url("**/m/report/done/*/")
    assert Issue.objects.get().grid == city.next_cell
    assert Photo.objects.count() == 1
    assert not phone.faults


@pytest.mark.parametrize("has_script", [True, False])
def test_who_saw_the_same_says_so_and_the_photo_goes_along(
    city: Town, window: Window, camera: Path, has_script: bool
) -> None:
    lon, lat = inside(city.cell)
    rubble = Category.objects.get(name="建筑垃圾", level=Category.Level.MINOR)
    report = Report(rubble.id, "西门外有一堆", lon, lat)
    other = file_report(reporter=city.people.member, report=report, now=clock.now()).issue
    phone = window(java_script_enabled=has_script)
    page = signed_in(phone, city.people.leader)
    phone.go("/m/report")
    page.locator(".shot input").first.set_input_files(camera)
    page.get_by_label("情况说明").fill("又多了一堆")
    page.locator(".tile", has_text="建筑垃圾").first.click()
    page.get_by_role("button", name="提交").click()
    page.get_by_role("heading", name="是不是其中之一？").wait_for(timeout=60_000)
    assert page.get_by_text("西门外有一堆").is_visible()
    page.get_by_role("button", name="是的，我也遇到了").click()
    page.get_by_text("已记下您也遇到了").wait_for()
    assert Support.objects.get().issue == other == Photo.objects.get().issue == Issue.objects.get()
    phone.go("/m/report")
    assert page.get_by_label("情况说明").input_value() == ""
    assert not phone.faults


def test_a_photo_taken_before_the_script_has_arrived_is_shrunk_too(city: Town, window: Window, camera: Path) -> None:
    phone = window()
    page = signed_in(phone, city.people.leader)
    held: list[Route] = []
    page.route(re.compile(r"/report\.[0-9a-f]+\.js"), lambda route: held.append(route))
    page.goto(f"{phone.site}/m/report", wait_until="commit")
    page.locator(".shot input").first.set_input_files(camera)
    held[0].continue_()
    page.get_by_text("照片已就绪").wait_for(timeout=60_000)
    assert page.evaluate("document.querySelector('.shot input').files[0].size") <= LARGEST_PHOTO


def test_everything_works_without_javascript(city: Town, window: Window, camera: Path) -> None:
    phone = window(java_script_enabled=False)
    page = signed_in(phone, city.people.leader)
    page.get_by_role("link", name="报事").first.click()
    page.locator(".shot input").first.set_input_files(camera)
    page.get_by_role("button", name="提交").click()  # the kind is missing
    page.get_by_text("还没有上报成功").wait_for()
    page.locator(".tile").first.click()
    page.get_by_label("不在我的网格").check()
    page.get_by_role("button", name="提交").click()
    page.get_by_role("searchbox").fill("西福民")
    page.get_by_role("button", name="查找").click()
    page.get_by_role("button", name="西福民社区第一网格").click()
    page.wait_for_url("**/m/report/done/*/")
    assert Issue.objects.get().grid == city.far_cell
    assert Photo.objects.count() == 1


def pages(city: Town) -> dict[str, str]:
    """Every page of the phone by name; filing needs a draft and a report."""
    return {
        "home": "/m/",
        "report": "/m/report",
        "issue": f"/m/issue/{Issue.objects.get().number}/",
        "done": f"/m/report/done/{Issue.objects.get().number}/",
        "settings": "/settings/",
        "lost": "/m/nowhere/",
    }


def prepare(phone: Watched, city: Town) -> dict[str, str]:
    """File one report and leave another at the question; return every page's address."""
    page = signed_in(phone, city.people.leader)
    phone.go("/m/report")
    page.locator(".tile").first.click()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/m/report/done/*/")
    phone.go("/m/report")
    page.locator(".tile").first.click()
    page.get_by_label("不在我的网格").check()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/m/report/where/*/")
    addresses = {**pages(city), "where": page.url.removeprefix(phone.site)}
    return {**addresses, **prepare_the_same(phone, city)}


def prepare_the_same(phone: Watched, city: Town) -> dict[str, str]:
    """Somebody else has reported the like: one form waits at the question, and one support is given."""
    own = Issue.objects.get()
    report = Report(own.category_id, "西门外有一堆，已经几天了", grid_id=city.cell.id)
    other = file_report(reporter=city.people.member, report=report, now=clock.now()).issue
    Support.objects.create(issue=other, user=city.people.leader, created_at=clock.now())
    page = phone.go("/m/report")
    page.locator(".tile").first.click()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/m/report/same/*/")
    return {"same": page.url.removeprefix(phone.site), "supported": "/m/supported/"}


def test_every_page_is_accessible_and_easy_to_hit_in_both_languages(city: Town, window: Window) -> None:
    phone = window()
    faults: list[str] = []
    addresses = prepare(phone, city)
    for language in ("zh-hans", "en"):
        User.objects.filter(pk=city.people.leader.pk).update(language=language)
        for name, path in addresses.items():
            page = phone.go(path)
            assert page.locator("html").get_attribute("lang") == ("en" if language == "en" else "zh-Hans")
            faults += [f"{name} {language} axe: {fault}" for fault in axe_faults(page)]
            faults += [f"{name} {language} small: {fault}" for fault in small_targets(page, 44)]
            main = page.locator(".btn-primary:visible")
            faults += [f"{name} {language}: {main.count()} primary buttons"] if main.count() > 1 else []
            faults += [
                f"{name} {language}: main control is {box['height']:.0f} high"
                for control in main.all()
                if (box := control.bounding_box()) and box["height"] < 60
            ]
    assert not faults


def test_the_sign_in_page_is_accessible_with_and_without_an_error(city: Town, window: Window) -> None:
    for language in ("zh-CN", "en-GB"):
        page = window(language=language).go("/login/")
        assert not axe_faults(page) + small_targets(page, 44)
        page.locator("#show-password").click()
        page.locator("#id_username").fill("nobody")
        page.locator("#id_password").fill("wrong")
        assert page.locator("#id_password").get_attribute("type") == "text"
        page.locator("main button[type=submit]").click()
        page.locator(".error-summary").wait_for()
        assert not axe_faults(page) + small_targets(page, 44)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_320_pixels_in_the_largest_letters(city: Town, window: Window, scheme: str) -> None:
    phone = window(width=320, height=640, color_scheme=scheme)
    addresses = prepare(phone, city)
    User.objects.filter(pk=city.people.leader.pk).update(text_size="huge")
    for language in ("zh-hans", "en"):
        User.objects.filter(pk=city.people.leader.pk).update(language=language)
        for name, path in addresses.items():
            page = phone.go(path)
            assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"
            assert overhang(page) <= 0, (name, language)
            if scheme == "dark":
                assert not axe_faults(page), (name, language)


def test_the_focus_is_never_hidden_by_the_bar_at_the_bottom(city: Town, window: Window) -> None:
    phone = window(height=560)
    for name, path in prepare(phone, city).items():
        assert not covered_focus(phone.go(path)), name


def test_a_clock_ticks_with_the_servers_words(city: Town, window: Window) -> None:
    what = Report(category_id=city.categories.rubbish.id, grid_id=city.cell.id)
    file_report(reporter=city.people.member, report=what, now=clock.now())
    phone = window()
    phone.page.clock.install()
    page = signed_in(phone, city.people.leader)
    before = page.locator(".lamp").inner_text()
    page.clock.fast_forward("03:00")
    after = page.locator(".lamp").inner_text()
    assert before != after and after.startswith("剩 ")
    page.clock.fast_forward(200 * 3600 * 1000)
    assert page.locator(".lamp-late").inner_text().startswith("超时 ")
    assert not phone.faults


WORDS_ACROSS_A_BORDER = """() => [...document.querySelectorAll('.tile > span, .more-list .choice')].filter((words) => {
  const range = document.createRange();
  range.selectNodeContents(words);
  const text = range.getBoundingClientRect();
  const box = words.closest('.choice').getBoundingClientRect();
  return text.left < box.left + 1 || text.right > box.right - 1;
}).length"""


@pytest.mark.parametrize("text_size", ["standard", "huge"])
def test_no_long_english_word_crosses_the_border_of_its_tile(city: Town, window: Window, text_size: str) -> None:
    longest = "Neighbours’ overflowing entertainments"
    Category.objects.filter(level=Category.Level.MINOR).update(name_en=longest)
    User.objects.filter(pk=city.people.leader.pk).update(language="en", text_size=text_size)
    phone = window(language="en-GB")
    signed_in(phone, city.people.leader)
    page = phone.go("/m/report")
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    assert page.locator(".tile", has_text=longest).count() > 3
    assert page.locator(".more-list .choice", has_text=longest).count() > 100
    assert page.evaluate(WORDS_ACROSS_A_BORDER) == 0
