"""Who audits finds the day's sheet, reads it at a desk or on a phone, and prints it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from playwright.sync_api import expect

from apps.issues.services.anchors import anchor_days
from apps.staff.models import Role, User
from tests.factories import NOW, Town, post
from tests.issues.test_moves import assigned
from tests.journeys.conftest import Watched

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [390, 1366])
def test_the_sheet_of_a_day_is_found_read_and_printed(
    town: Town, live_site: str, window: Callable[..., Watched], width: int, language: str
) -> None:
    assigned(town)
    auditor = User.objects.create(username="auditor", name="安计")
    post(auditor, town.city, Role.AUDIT_ADMIN)
    oldest = anchor_days(now=NOW + timedelta(days=3))[0]
    client = Client()
    client.force_login(auditor)
    looking = window(width=width, language=language)
    cookie = client.cookies["sessionid"].value
    looking.context.add_cookies([{"name": "sessionid", "value": cookie, "url": looking.site}])

    page = looking.go("/")  # where signing in leads
    page.locator(f"a[href='/history/{oldest}/']").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(f"a[href='/history/{oldest}/']").click()
    groups = page.locator(".sheet .digest").first.locator("li")
    expect(groups).to_have_count(16)
    assert "".join(groups.all_inner_texts()) == bytes(oldest.root).hex()
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.emulate_media(media="print")
    for hidden in (".rail", ".no-print", ".bar-end"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".signatures")).to_be_visible()
    assert looking.faults == []
