"""What nobody should send: always a page with a sentence, never a broken server, and nothing filed."""

from typing import Any

import pytest
from django.test import Client

from apps.issues.models import Issue
from apps.issues.selectors.catalogue import forget_catalogue
from tests.factories import Town
from tests.field.forms import KEY, filled
from tests.field.photos import PDF, bomb, jpeg, photo


def refused(phone: Client, data: dict[str, Any], status: int = 422) -> str:
    answer = phone.post("/m/report", data)
    assert answer.status_code == status, answer.status_code
    assert not Issue.objects.exists()
    return str(answer.text)


@pytest.mark.parametrize("category", ["", "999999", "07", "0701", "x" * 500, "' OR 1=1", "070101\x00", "<b>"])
def test_an_unknown_category_is_asked_again(town: Town, phone: Client, category: str) -> None:
    assert 'href="#category"' in refused(phone, filled(town, category=category))


def test_a_category_no_longer_in_use_is_asked_again(town: Town, phone: Client) -> None:
    town.categories.rubbish.is_active = False
    town.categories.rubbish.save()
    forget_catalogue()
    assert "已停用" in refused(phone, filled(town))


@pytest.mark.parametrize("value", ["NaN", "inf", "-inf", "east", "1e999", "\x00", "0x10", "12,5"])
@pytest.mark.parametrize("field", ["lon", "lat", "accuracy"])
def test_coordinates_that_are_no_numbers_are_dropped_with_a_sentence(
    town: Town, phone: Client, field: str, value: str
) -> None:
    page = refused(phone, filled(town, **{"lon": "113.6", "lat": "34.7", "accuracy": "9", field: value}))
    assert "定位数据无法识别" in page
    assert 'name="lon" value=""' in page  # the next press goes without it


@pytest.mark.parametrize(("lon", "lat"), [("500", "34"), ("113", "-91"), ("1e300", "1e300")])
def test_a_place_not_on_earth_is_a_question(town: Town, phone: Client, lon: str, lat: str) -> None:
    answer = phone.post("/m/report", filled(town, lon=lon, lat=lat))
    assert "/m/report/where/" in answer["Location"]
    assert phone.get(answer["Location"]).status_code == 200
    assert phone.post(answer["Location"], {"grid": str(town.cell.id)}).status_code == 302
    assert Issue.objects.get().lon is None


def test_a_text_longer_than_anybody_reads_is_refused(town: Town, phone: Client) -> None:
    page = refused(phone, filled(town, text="长" * 2001))
    assert 'href="#text"' in page


def test_ten_megabytes_of_text_are_too_much(town: Town, phone: Client) -> None:
    assert "太大" in refused(phone, filled(town, text="x" * 10 * 2**20), status=413)


def test_html_in_a_text_stays_text(town: Town, phone: Client) -> None:
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    done = phone.post("/m/report", filled(town, text=evil), follow=True)
    issue = Issue.objects.get()
    assert issue.text == evil
    for page in (done.text, phone.get(f"/m/issue/{issue.number}/").text, phone.get("/m/").text):
        assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize("field", ["text", "result", "key", "grid"])
def test_nul_bytes_are_refused(town: Town, phone: Client, field: str) -> None:
    refused(phone, filled(town, is_solved="on", **{"result": "ok", field: "a\x00b"}))


@pytest.mark.parametrize("field", ["text", "result", "category", "grid", "key"])
def test_half_surrogate_pairs_break_nothing(town: Town, phone: Client, field: str) -> None:
    fields = {"key": "a" * 32, "category": town.categories.rubbish.code, "grid": str(town.cell.id), "text": "t"}
    body = "&".join(f"{name}={value}" for name, value in fields.items() if name != field) + f"&{field}=%ED%A0%80"
    answer = phone.generic("POST", "/m/report", body.encode(), content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (302, 422)


@pytest.mark.parametrize("key", ["", "short", "../../etc/passwd", "x" * 500, "键" * 20])
def test_a_key_that_is_none_is_replaced(town: Town, phone: Client, key: str) -> None:
    page = refused(phone, filled(town, key=key))
    assert "请再提交一次" in page
    fresh = KEY.search(page)
    assert fresh is not None
    assert phone.post("/m/report", filled(town, key=fresh[1])).status_code == 302


def test_a_pdf_named_jpg_is_no_photo_and_the_good_one_is_kept(town: Town, phone: Client) -> None:
    page = refused(phone, filled(town, photos=[photo("a.jpg", content=PDF), photo("b.jpg")]))
    assert "/m/report/photo/" in page and page.count('type="file"') == 2
    assert phone.post("/m/report", filled(town)).status_code == 302


def test_a_decompression_bomb_is_not_unpacked(town: Town, phone: Client) -> None:
    refused(phone, filled(town, photos=[photo(content=bomb())]))


def test_a_photo_cut_off_halfway_is_no_photo(town: Town, phone: Client) -> None:
    refused(phone, filled(town, photos=[photo(content=jpeg()[:300])]))


def test_a_photo_of_fifty_megabytes_is_too_large(town: Town, phone: Client) -> None:
    refused(phone, filled(town, photos=[photo(content=jpeg() + b"\x00" * 50 * 2**20)]))


def test_a_fourth_photo_is_too_many(town: Town, phone: Client) -> None:
    page = refused(phone, filled(town, photos=[photo(seed=seed) for seed in range(4)]))
    assert "最多只能上传三张" in page


def test_an_empty_file_is_as_good_as_none(town: Town, phone: Client) -> None:
    answer = phone.post("/m/report", filled(town, photos=[photo(content=b"")]))
    assert answer.status_code in (302, 422)


def test_wrong_types_everywhere_are_refused(town: Town, phone: Client) -> None:
    body = b'{"category": 1}'
    assert phone.post("/m/report", body, content_type="application/json").status_code == 422
    assert phone.post("/m/report", b"\xff\xfe", content_type="multipart/form-data; boundary=x").status_code in (
        400,
        422,
    )
    assert phone.post("/m/report", b"x", content_type="multipart/form-data").status_code == 400
    assert phone.put("/m/report").status_code == 405


def test_thousands_of_fields_are_refused(town: Town, phone: Client) -> None:
    answer = phone.post("/m/report", {f"f{number}": "1" for number in range(3000)})
    assert answer.status_code == 400
    assert "无法识别" in answer.text


@pytest.mark.parametrize(
    "number", ["x", "20261118-000001", "20261118-" + "9" * 18, "20261118-" + "9" * 40, "２０２６-１", "%00"]
)
def test_numbers_of_nothing_are_not_found(town: Town, phone: Client, number: str) -> None:
    for path in (f"/m/issue/{number}/", f"/m/report/done/{number}/"):
        assert phone.get(path).status_code == 404
