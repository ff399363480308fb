"""What goes over the line compressed, and what does not."""

import gzip
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from tests.dispatch.scenes import filed
from tests.factories import Town

TAKES_GZIP = {"Accept-Encoding": "gzip, br"}


def signed_in(town: Town) -> Client:
    client = Client()
    client.force_login(town.people.dispatcher)
    return client


@pytest.mark.parametrize("path", ["/board/", "/i/{}/", "/t/", "/notices/", "/m/", "/settings/", "/issues.csv"])
def test_pages_and_exports_are_compressed_for_browsers_that_take_it(town: Town, path: str) -> None:
    client = signed_in(town)
    address = path.format(filed(town).number)
    plain, packed = client.get(address), client.get(address, headers=TAKES_GZIP)
    assert packed.status_code == 200
    assert "Content-Encoding" not in plain and packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    whole = gzip.decompress(packed.getvalue())
    assert whole[-20:] == plain.getvalue()[-20:]
    assert len(packed.getvalue()) < len(whole) / 2 or path.endswith("csv")


def test_photos_and_the_answers_of_the_api_go_as_they_are(town: Town, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    content = BytesIO()
    Image.new("RGB", (640, 480), "green").save(content, "JPEG")
    photo = SimpleUploadedFile("a.jpg", content.getvalue(), "image/jpeg")
    issue = filed(town, photos=[photo])
    client = signed_in(town)
    for address in (f"/photo/{issue.photos.get().pk}/", "/api/v1/issues/"):
        answer = client.get(address, headers=TAKES_GZIP)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer and int(answer["Content-Length"]) > 0
