"""Bytes: a first visit on a slow line loads little (as sent: pages by gzip, files by brotli)."""

import re
from pathlib import Path

import brotli
import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from apps.issues.services.catalogue import load_catalogue
from tests.factories import Town

ASKED = re.compile(r'(?:href|src)="/static/([^"]+)"')
IMPORTED = re.compile(r'from "\./([^"]+)"')
KB = 1024


def squeezed(content: bytes) -> int:
    return len(brotli.compress(content, quality=5))  # what a page is squeezed with; files are squeezed harder


def files_of(page: str) -> set[Path]:
    found: set[Path] = set()
    waiting = ASKED.findall(page)
    while waiting:
        name = waiting.pop()
        path = Path(str(finders.find(name)))
        assert path.is_file(), name
        if path not in found:
            found.add(path)
            if path.suffix == ".js":
                waiting += [f"app/{other}" for other in IMPORTED.findall(path.read_text())]
    return found


def weight(page: str) -> dict[str, int]:
    return {path.name: squeezed(path.read_bytes()) for path in files_of(page)}


@pytest.mark.parametrize(("path", "budget"), [("/m/report", 25), ("/m/", 20), ("/settings/", 15)])
def test_a_page_of_the_phone_keeps_to_its_budget(town: Town, phone: Client, path: str, budget: int) -> None:
    load_catalogue()  # all 123 kinds are on the form
    parts = weight(phone.get(path).text)
    sent = phone.get(path, headers={"accept-encoding": "gzip, br"})  # as it goes over the line
    parts["page"] = len(sent.content)
    assert sum(parts.values()) <= budget * KB, parts
    assert "report.js" in parts or path != "/m/report"


def test_the_sign_in_page_keeps_to_its_budget(db: None, client: Client) -> None:
    page = client.get("/login/").text
    assert len(page.encode()) + sum(weight(page).values()) <= 15 * KB


def test_htmx_is_only_loaded_where_it_is_used(town: Town, phone: Client) -> None:
    for path in ("/m/", "/m/report", "/settings/", "/login/"):
        assert "htmx" not in phone.get(path).text
