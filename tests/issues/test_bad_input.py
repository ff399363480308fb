"""Bad input to every door of the API and to the addresses of this room: 4xx with a clear sentence, never 500."""

import io
import json
import struct
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from apps.issues.models import Issue, Photo
from tests.factories import Town
from tests.issues.test_api import URL, body, client, picture
from tests.issues.test_moves import filed


def send(town: Town, raw: bytes | str, content_type: str = "application/json", **headers: str) -> Any:
    return client(town.people.leader).post(URL, raw, content_type=content_type, headers=headers)


def refused(answer: Any, status: int = 400) -> dict[str, Any]:
    """The error, which must be a sentence; nothing was filed."""
    assert answer.status_code == status, answer.content[:500]
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] and len(error["message"]) > 5
    assert not Issue.objects.exists()
    return error


WRONG: list[dict[str, Any]] = [
    {"category": None},
    {"category": []},
    {"category": {}},
    {"category": True},
    {"category": "999999"},
    {"category": "0701"},
    {"category": "07010100000000"},
    {"category": "'; DROP TABLE issues_issue; --"},
    {"category": "\x00"},
    {"text": None},
    {"text": []},
    {"text": {"a": 1}},
    {"text": "字" * 5001},
    {"text": "x" * 900_000},
    {"text": "a\x00b"},
    {"lon": "here"},
    {"lon": []},
    {"lon": True},
    {"lon": None},
    {"lon": 10**400},
    {"lon": 181},
    {"lat": -91},
    {"lat": {"deg": 34}},
    {"lon": 0, "lat": 0},
    {"lon": 121.47, "lat": 31.23},
    {"accuracy_m": -5},
    {"accuracy_m": "wide"},
    {"cell": "410105001001000"},
    {"cell": "410105000000000"},
    {"cell": "999999999999999"},
    {"cell": "4101050010010090"},
    {"cell": {}},
    {"cell": ""},
    {"cell": 7},
    {"is_urgent": "perhaps"},
    {"is_urgent": []},
    {"is_self_handled": True},
    {"is_self_handled": True, "result": " "},
    {"result": ["x"]},
    {"seen_at": "yesterday"},
    {"seen_at": 5},
    {"seen_at": "0000-00-00T00:00:00Z"},
    {"position_source": "guess"},
    {"position_source": "cell"},
    {"photos": ["x.jpg"]},
    {"photos": "x"},
]


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: str(changes)[:60])
def test_wrong_values_are_refused_with_a_sentence(town: Town, changes: dict[str, Any]) -> None:
    refused(send(town, json.dumps(body(town, **changes))))


RAW: list[bytes | str] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"category": "070101", "lon": NaN, "lat": 34.7}',
    b'{"category": "070101", "lon": Infinity, "lat": 34.7}',
    b'{"category": "070101", "lon": -Infinity, "lat": 34.7}',
    b'{"category": "070101", "lon": 1e999, "lat": 34.7}',
    b'{"category": "070101", "lon": 113.605, "lat": 34.705, "text": "\\ud83d"}',
    b'{"category": "070101", "lon": 113.605, "lat": 34.705, "text": "\\udc00\\ud800"}',
    b'{"category": "\\ud83d", "lon": 113.605, "lat": 34.705}',
    b'{"category": "070101", "lon": 113.605, "lat": 34.705, "cell": "\\ud83d"}',
    b'{"category": "070101", "lon": ' + b"9" * 5000 + b', "lat": 34.7}',
    b'{"category": "070101", "seen_at": "9999-12-31T23:59:59+00:00", "lon": "nan", "lat": "nan"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: str(raw)[:60])
def test_bodies_that_are_no_report_are_refused(town: Town, raw: bytes) -> None:
    refused(send(town, raw))


@pytest.mark.parametrize("field", ["text", "result"])
def test_ten_megabytes_of_text_are_refused(town: Town, field: str) -> None:
    huge = json.dumps(body(town, **{field: "x" * 10 * 2**20}))
    assert refused(send(town, huge), 413)["code"] == "too_large"
    form = client(town.people.leader).post(URL, body(town, **{field: "x" * 10 * 2**20}))
    assert refused(form, 413)["code"] == "too_large"


def test_ten_megabytes_of_white_space_are_refused_too(town: Town) -> None:
    refused(send(town, b" " * 10 * 2**20), 413)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/xml", 415),
        ("", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=é", 400),
        ("application/x-www-form-urlencoded", 400),
    ],
)
def test_other_content_types_are_refused(town: Town, content_type: str, status: int) -> None:
    refused(send(town, b"category=1", content_type), status)


def test_json_in_an_unknown_charset_is_read_as_utf8(town: Town) -> None:
    sent = json.dumps(body(town)).encode()
    answer = client(town.people.leader).generic("POST", URL, sent, "application/json; charset=klingon")
    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", " ", "k" * 65, "键", "a\tb"])
def test_a_key_that_no_header_should_carry_is_refused(town: Town, key: str) -> None:
    assert refused(send(town, json.dumps(body(town)), **{"Idempotency-Key": key}))["code"] == "bad_key"


def test_coordinates_of_a_form_may_not_be_nan(town: Town) -> None:
    for wrong in ("nan", "inf", "-inf", "NaN"):
        refused(client(town.people.leader).post(URL, body(town, lon=wrong)))


def test_markup_and_sql_are_kept_as_they_were_written(town: Town) -> None:
    text = "<script>alert(1)</script>'; DROP TABLE issues_issue; -- \\ %s {{ 7*7 }} \u202e 🙈"
    answer = send(town, json.dumps(body(town, text=text)))
    assert answer.status_code == 201
    assert Issue.objects.get().text == text
    found = client(town.people.leader).get(answer.json()["url"])
    assert found.json()["text"] == text
    assert found["Content-Type"] == "application/json"


@pytest.mark.parametrize("seen_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"])
def test_a_clock_at_the_end_of_time_breaks_nothing(town: Town, seen_at: str) -> None:
    assert send(town, json.dumps(body(town, seen_at=seen_at))).status_code in (201, 400)


def test_a_cell_of_another_district_is_legitimate(town: Town) -> None:
    answer = send(town, json.dumps(body(town, cell=town.far_cell.code)))
    assert answer.status_code == 201
    assert answer.json()["cell"]["name"] == "西福民社区第一网格"


def test_outside_the_city_is_refused_kindly_and_accepted_with_a_cell(town: Town) -> None:
    error = refused(send(town, json.dumps(body(town, lon=113.0, lat=34.0))))
    assert error["code"] == "outside_city" and "nearest cell" in error["message"]
    answer = send(town, json.dumps(body(town, lon=113.0, lat=34.0, cell=town.cell.code)))
    assert (answer.status_code, answer.json()["position"]["lon"]) == (201, 113.0)


# --- photos -------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    """A PNG of a few hundred kB that says it has 50,000 × 50,000 pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\x00" * 10**7)) + chunk(b"IEND", b"")


def encoded(kind: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(written, kind)
    return written.getvalue()


NO_PHOTOS: dict[str, bytes] = {
    "empty": b"",
    "text": b"this is no picture",
    "pdf named jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "html named jpg": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "gif": encoded("GIF"),
    "tiff": encoded("TIFF"),
    "bmp": encoded("BMP"),
    "truncated jpeg": encoded("JPEG")[:200],
    "truncated png": encoded("PNG")[:60],
    "broken png": encoded("PNG").replace(b"IDAT", b"IDXT"),
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 100,
    "bomb": bomb(),
    "jpeg head only": b"\xff\xd8\xff\xe0",
}


@pytest.mark.parametrize("name", NO_PHOTOS)
def test_what_is_no_photo_is_refused_by_its_content(town: Town, name: str, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    upload = SimpleUploadedFile("photo.jpg", NO_PHOTOS[name], content_type="image/jpeg")
    refused(client(town.people.leader).post(URL, body(town) | {"photos": [upload]}))
    assert not Photo.objects.exists() and not list(tmp_path.rglob("*"))


def test_fifty_megabytes_are_refused(town: Town) -> None:
    upload = SimpleUploadedFile("photo.jpg", encoded("JPEG") + b"\x00" * 50 * 2**20, content_type="image/jpeg")
    assert refused(client(town.people.leader).post(URL, body(town) | {"photos": [upload]}))["code"] == "photo_too_large"


def test_ten_photos_are_too_many(town: Town) -> None:
    refused(client(town.people.leader).post(URL, body(town) | {"photos": [picture() for _ in range(10)]}))


def test_five_thousand_fields_are_refused(town: Town) -> None:
    refused(client(town.people.leader).post(URL, body(town) | {f"f{n}": "x" for n in range(5000)}))
    refused(client(town.people.leader).post(URL, body(town) | {f"f{n}": picture() for n in range(150)}))


# --- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/issues/x/",
        "/api/v1/issues/20200101-000001/",
        "/api/v1/issues/20200101-99999999999999999999/",
        "/api/v1/issues/%00/",
        "/api/v1/issues/%ff/",
        "/api/v1/issues/20200101-000001'%20OR%201=1/",
        "/api/v1/photos/99999999999999999999999/",
        "/photo/99999999999999999999999/",
        "/photo/0/",
    ],
)
def test_what_is_nowhere_is_404(town: Town, path: str) -> None:
    browser = client(town.people.dispatcher)
    browser.force_login(town.people.dispatcher)
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("query", ["state=x", "district=%00", "category=x", "q=" + "a" * 100, "q=%00", "district=1"])
def test_a_bad_filter_of_the_export_is_404(town: Town, query: str) -> None:
    browser = Client()
    browser.force_login(town.people.dispatcher)
    assert browser.get(f"/issues.csv?{query}").status_code == 404


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"version": "\\ud800"}', b'{"version": 1e999}', b'{"version": NaN}'])
def test_moves_with_broken_bodies_are_refused(town: Town, raw: bytes) -> None:
    issue = filed(town)
    answer = client(town.people.dispatcher).post(
        f"{URL}{issue.number}/moves/sign/", raw, content_type="application/json"
    )
    assert answer.status_code == 400
    assert Issue.objects.get().version == issue.version


@pytest.mark.parametrize("text", ["a\x00b", "\ud83d", "字" * 5001])
def test_moves_with_texts_that_cannot_be_kept_are_refused(town: Town, text: str) -> None:
    issue = filed(town)
    sent = json.dumps({"version": issue.version, "text": text})
    answer = client(town.people.dispatcher).post(
        f"{URL}{issue.number}/moves/sign/", sent, content_type="application/json"
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"username": "\\ud800", "password": "x"}', b'{"username": {}}'])
def test_tokens_are_not_given_for_broken_bodies(town: Town, raw: bytes) -> None:
    assert Client().post("/api/v1/token/", raw, content_type="application/json").status_code == 400
