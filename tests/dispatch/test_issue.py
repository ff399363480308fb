"""The page of an issue and the moves made there, as forms and with htmx."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from apps.issues.models import Issue, Photo, State
from apps.staff.models import User
from tests.dispatch.scenes import assigned, fed_back, filed, move, queries
from tests.factories import NOW, Town

HTMX = {"HX-Request": "true", "HX-Target": "pane"}


@pytest.fixture(autouse=True)
def _that_wednesday() -> Iterator[None]:
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        yield


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def picture(color: str = "green", size: tuple[int, int] = (320, 240)) -> SimpleUploadedFile:
    content = BytesIO()
    Image.new("RGB", size, color).save(content, "JPEG")
    return SimpleUploadedFile("after.jpg", content.getvalue(), "image/jpeg")


def post(client: Client, issue: Issue, name: str, **fields: Any) -> Any:
    version = fields.pop("version", Issue.objects.get(pk=issue.pk).version)
    headers = fields.pop("headers", {})
    return client.post(f"/i/{issue.number}/{name}/", {"version": version, **fields}, headers=headers)


def state(issue: Issue) -> str:
    return Issue.objects.get(pk=issue.pk).state


def test_the_article_s_report_goes_its_whole_way_by_plain_forms(town: Town) -> None:
    issue = filed(town)
    desk, handler = signed_in(town.people.dispatcher), signed_in(town.people.handler)
    target = f"d{town.departments.chengguan.id}"
    assert post(desk, issue, "sign", next="/board/").headers["Location"] == "/board/"
    assert post(desk, issue, "assign", target=target, text="请今天清运").headers["Location"] == f"/i/{issue.number}/"
    assert post(handler, issue, "sign", next="/t/").headers["Location"] == "/t/"
    assert post(handler, issue, "handle", text="车已出发").status_code == 302
    assert post(handler, issue, "feed_back", text="已清运", photos=[picture()]).status_code == 302
    html = desk.get(f"/i/{issue.number}/").content.decode()
    assert "已清运" in html
    assert f"/photo/{Photo.objects.get().pk}/" in html
    assert post(desk, issue, "conclude").status_code == 302
    assert state(issue) == State.CONCLUDED
    mine = signed_in(town.people.leader).get(f"/i/{issue.number}/")
    assert "已办结" in mine.content.decode()


def test_the_page_names_the_cell_s_leader_with_a_telephone_link(town: Town) -> None:
    town.people.leader.phone = "13800001234"
    town.people.leader.save()
    html = signed_in(town.people.dispatcher).get(f"/i/{filed(town).number}/").content.decode()
    assert "王长顺" in html
    assert 'href="tel:13800001234"' in html
    assert "由园田社区第九网格逐级上报至园田社区" in html


def test_the_department_of_the_powers_is_chosen_beforehand(town: Town) -> None:
    html = signed_in(town.people.dispatcher).get(f"/i/{filed(town).number}/").content.decode()
    assert f'<option value="d{town.departments.chengguan.id}" selected>' in html
    assert "建议单位：金水区城市管理局" in html
    assert f'value="d{town.departments.far_chengguan.id}"' not in html
    assert f'value="g{town.street.id}"' in html


@pytest.mark.parametrize(
    ("who", "moves"),
    [
        (
            "dispatcher",
            {"sign", "assign", "handle", "report_up", "return", "merge", "split", "reject", "cancel", "note"},
        ),
        ("viewer", set()),
        ("leader", set()),
        ("inspector", {"urge", "note", "supervise"}),
        ("community_leader", set()),
    ],
)
def test_only_what_the_person_may_do_is_offered(town: Town, who: str, moves: set[str]) -> None:
    issue = filed(town)
    html = signed_in(getattr(town.people, who)).get(f"/i/{issue.number}/").content.decode()
    offered = {piece.split('"')[0] for piece in html.split('data-move="')[1:]}
    assert offered == moves


@pytest.mark.parametrize("who", ["stranger", "far_dispatcher", "other_leader", "handler"])
def test_who_may_not_see_it_finds_nothing(town: Town, who: str) -> None:
    issue = filed(town)
    client = signed_in(getattr(town.people, who))
    assert client.get(f"/i/{issue.number}/").status_code == 404
    assert post(client, issue, "sign").status_code == 404
    assert state(issue) == State.ESCALATED


@pytest.mark.parametrize("number", ["1", "20261118-999999", "20130208-000001", "x", "%00", "99999999-0000010000000000"])
def test_an_unknown_number_finds_nothing(town: Town, number: str) -> None:
    assert signed_in(town.people.dispatcher).get(f"/i/{number}/").status_code == 404


def test_who_comes_too_late_is_told_what_has_changed_and_loses_no_word(town: Town) -> None:
    issue = filed(town)
    move(issue, "sign", town.people.second_dispatcher)
    late = post(
        signed_in(town.people.dispatcher), issue, "return", version=issue.version, text="不属于本区", headers=HTMX
    )
    html = late.content.decode()
    assert late.status_code == 409
    assert late.headers["X-Pane"] == "1"
    assert "卫派遣在金水区签收" in html
    assert html.count("不属于本区") == 2  # quoted, and still in its field
    assert state(issue) == State.ESCALATED


def test_a_move_without_its_reason_is_refused_beside_its_field(town: Town) -> None:
    issue = filed(town)
    answer = post(signed_in(town.people.dispatcher), issue, "return", text="   ", headers=HTMX)
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode()


def test_photos_where_none_are_taken_are_refused_and_no_word_is_lost(town: Town) -> None:
    issue = assigned(town)
    answer = post(signed_in(town.people.handler), issue, "note", text="看过现场", photos=[picture()], headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "“备注”不能附照片，请去掉照片后重新提交。" in html
    assert ">看过现场</textarea>" in html
    assert not Photo.objects.exists()


def test_a_move_that_the_table_forbids_names_those_it_allows(town: Town) -> None:
    issue = filed(town)
    answer = post(signed_in(town.people.dispatcher), issue, "conclude", headers=HTMX)
    assert answer.status_code == 409
    assert "签收" in answer.content.decode()


def test_a_department_that_is_out_of_reach_is_refused(town: Town) -> None:
    issue = filed(town)
    client = signed_in(town.people.dispatcher)
    far = f"d{town.departments.far_chengguan.id}"
    assert post(client, issue, "assign", target=far, text="请办理").status_code == 400
    assert state(issue) == State.ESCALATED


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "x"},
        {"version": "-1"},
        {"version": ""},
        {"version": "99999999999999999999"},
        {"target": "d1; drop table"},
        {"text": "\x00"},
        {"text": "长" * 5001},
        {"photos": SimpleUploadedFile("a.jpg", b"%PDF-1.4 not a picture")},
        {"photos": SimpleUploadedFile("a.jpg", b"")},
    ],
)
def test_a_broken_form_is_a_clear_refusal(town: Town, fields: dict[str, Any]) -> None:
    issue = filed(town)
    answer = post(signed_in(town.people.dispatcher), issue, "handle", **fields)
    assert answer.status_code in {302, 400, 409, 413, 415} if "photos" in fields else answer.status_code in {400, 409}
    assert b"Traceback" not in answer.content


def test_an_unknown_move_finds_nothing(town: Town) -> None:
    assert post(signed_in(town.people.dispatcher), filed(town), "explode").status_code == 404


def test_moves_are_posted_never_linked(town: Town) -> None:
    issue = filed(town)
    assert signed_in(town.people.dispatcher).get(f"/i/{issue.number}/sign/").status_code == 405
    assert state(issue) == State.ESCALATED


def test_htmx_gets_the_pane_with_what_was_done(town: Town) -> None:
    issue = filed(town)
    answer = post(signed_in(town.people.dispatcher), issue, "sign", headers=HTMX, next="/board/")
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.strip().startswith("<section")
    assert f"已完成：签收，{issue.number}" in html
    assert "pane-alone" not in html


def test_a_return_that_takes_the_issue_out_of_sight_leaves_an_empty_pane_and_a_word(town: Town) -> None:
    issue = filed(town, cell=town.far_cell, reporter=town.people.far_leader)
    moved = move(issue, "report_up", town.people.far_dispatcher, "超出本区职权")
    answer = post(signed_in(town.people.city_dispatcher), moved, "return", text="请自行办理", headers=HTMX)
    assert answer.status_code == 200
    assert "已完成" in answer.content.decode()


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"])
def test_nobody_is_led_to_a_foreign_page(town: Town, address: str) -> None:
    issue = filed(town)
    answer = post(signed_in(town.people.dispatcher), issue, "sign", next=address)
    assert answer.headers["Location"] == f"/i/{issue.number}/"


def test_a_photo_is_shown_to_who_sees_its_issue_and_to_nobody_else(town: Town) -> None:
    issue = filed(town, photos=[picture()])
    number = issue.photos.get().pk
    seen: Any = signed_in(town.people.dispatcher).get(f"/photo/{number}/")
    assert seen.headers["Content-Type"] == "image/jpeg"
    assert b"".join(seen.streaming_content)[:2] == b"\xff\xd8"
    assert "private" in seen.headers["Cache-Control"]
    for who in ("stranger", "far_dispatcher", "handler", "other_leader"):
        assert signed_in(getattr(town.people, who)).get(f"/photo/{number}/").status_code == 404
    assert Client().get(f"/photo/{number}/").status_code == 302
    assert signed_in(town.people.dispatcher).get("/photo/999999/").status_code == 404


@pytest.mark.parametrize(("who", "page"), [("dispatcher", "/i/{}/"), ("leader", "/m/issue/{}/")])
def test_a_page_loads_small_copies_and_leads_to_the_whole_photo(town: Town, who: str, page: str) -> None:
    issue = filed(town, photos=[picture(size=(1200, 900))])
    browser = signed_in(getattr(town.people, who))
    html = browser.get(page.format(issue.number)).content.decode()
    address = f"/photo/{issue.photos.get().pk}/"
    assert f'href="{address}"' in html
    shown = re.findall(rf'<img src="({address}[^"]*)"', html)
    assert len(shown) == 1
    assert [width_of(browser, one) for one in (address, *shown)] == [1200, 320]


def width_of(browser: Client, address: str) -> int:
    answer: Any = browser.get(address)
    return Image.open(BytesIO(b"".join(answer.streaming_content))).width


def test_a_longer_history_costs_no_more_queries(town: Town) -> None:
    short, long = filed(town), fed_back(town)
    client = signed_in(town.people.dispatcher)

    few, many = (queries(client, f"/i/{issue.number}/") for issue in (short, long))
    assert many <= few + 1  # the departments it has been with
    assert many <= 18


@pytest.mark.usefixtures("hints")
@pytest.mark.parametrize(("others", "said"), [(2, ""), (3, "附近还有 1 件"), (5, "附近还有 3 件")])
def test_all_that_may_be_the_same_are_there_and_more_than_two_are_folded(town: Town, others: int, said: str) -> None:
    near = [filed(town) for _ in range(others)]
    newest = filed(town, reporter=town.people.member)
    page = signed_in(town.people.dispatcher).get(f"/i/{newest.number}/").text
    assert sum(f'value="{one.number}"' in page for one in near) == others
    assert ("附近还有" in page, said in page) == (bool(said), True)


@pytest.mark.usefixtures("hints")
def test_what_may_be_the_same_is_named_on_the_pane_and_merged_with_one_press(town: Town) -> None:
    older, newer = filed(town), filed(town, reporter=town.people.member)
    client = signed_in(town.people.dispatcher)
    assert f'value="{newer.number}"' not in client.get(f"/i/{older.number}/").text
    assert f'value="{older.number}"' in client.get(f"/i/{newer.number}/").text
    sent = {"version": newer.version, "into": older.number}
    page = client.post(f"/i/{newer.number}/merge/", sent, follow=True).text
    newer.refresh_from_db()
    assert newer.merged_into == older and older.number in page
    assert "另有 1 人也遇到" in client.get(f"/i/{older.number}/").text
    assert "+1" in client.get("/board/").text


@pytest.mark.usefixtures("hints")
def test_who_may_not_merge_is_not_shown_what_is_near(town: Town) -> None:
    older = filed(town)
    filed(town, reporter=town.people.member)
    assert "附近可能是同一件" not in signed_in(town.people.viewer).get(f"/i/{older.number}/").text


def test_a_handler_sees_what_the_department_once_held(town: Town) -> None:
    issue = fed_back(town)
    html = signed_in(town.people.second_handler).get(f"/i/{issue.number}/").content.decode()
    assert 'data-move="' not in html
    assert "已清运" in html
    other = assigned(town)
    assert signed_in(town.people.other_handler).get(f"/i/{other.number}/").status_code == 404
