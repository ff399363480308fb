"""The real site over HTTP: what the server in front of Django must not spoil."""

import re
import urllib.error
import urllib.request
from http.client import HTTPResponse

import pytest


def get(url: str) -> HTTPResponse:
    response: HTTPResponse = urllib.request.urlopen(url, timeout=10)
    return response


def test_a_page_answers_with_its_name_and_hashed_files_that_may_be_kept_for_ever(live_site: str) -> None:
    page = get(f"{live_site}/login/")
    assert len(page.headers["X-Request-ID"]) == 32
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page.read().decode())
    assert styles
    for style in styles:
        assert "immutable" in get(live_site + style).headers["Cache-Control"]


def test_pages_carry_a_strict_policy_and_do_not_say_who_serves_them(live_site: str) -> None:
    page = get(f"{live_site}/login/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["Server"] is None


def test_what_is_not_there_is_a_friendly_404(live_site: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        get(f"{live_site}/no/such/page/")
    assert refusal.value.code == 404
    assert refusal.value.headers["X-Request-ID"] in refusal.value.read().decode()
