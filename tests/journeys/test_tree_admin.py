"""The administrator's tree and outline map, in Chromium under the site's own security headers."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from apps.grids.models import Boundary, Grid, Lineage
from tests.factories import SIDE, Town
from tests.journeys.conftest import Watched

pytestmark = pytest.mark.journey

Window = Callable[..., Watched]


def sign_in(window: Watched, town: Town, path: str) -> Page:
    """Open a page as the administrator; the way through the login page is walked elsewhere."""
    client = Client()
    client.force_login(town.people.admin)
    cookie = client.cookies["sessionid"].value
    window.context.add_cookies([{"name": "sessionid", "value": cookie, "url": window.site}])
    return window.go(path)


def branch(page: Page, name: str) -> None:
    """Open a branch of the tree."""
    row = page.locator("li.jqtree_common", has=page.locator(f".jqtree-title:text-is('{name}')")).last
    row.locator(".jqtree-toggler").first.click()


def at_rest(page: Page) -> None:
    """Wait until no branch slides any more: what is measured before lies elsewhere when the mouse comes."""
    page.evaluate("() => Promise.all(document.getAnimations().map((moving) => moving.finished))")


def test_the_tree_opens_branch_by_branch_and_a_drag_moves_a_cell(live_site: str, town: Town, window: Window) -> None:
    desk = window(width=1366, height=900)
    page = sign_in(desk, town, "/admin/grids/grid/")
    branch(page, "金水区")
    for street in ("花园路街道", "经八路街道"):
        branch(page, street)
    for community in ("通信社区", "经五社区"):
        expect(page.locator(".jqtree-title", has_text=community)).to_be_visible()
    at_rest(page)

    moving = page.locator(".jqtree-title:text-is('通信社区')")
    onto = page.locator(".jqtree-title:text-is('经八路街道')")
    start, end = moving.bounding_box(), onto.bounding_box()
    assert start and end
    with page.expect_response("**/move/") as answer:
        page.mouse.move(start["x"] + 10, start["y"] + 8)
        page.mouse.down()
        page.mouse.move(start["x"] + 14, start["y"] - 10, steps=8)
        page.mouse.move(end["x"] + 12, end["y"] + end["height"] / 2, steps=12)
        page.wait_for_timeout(300)
        page.mouse.up()
    assert answer.value.status == 200, answer.value.request.post_data  # its body is nobody's: asking for it would wait
    assert Grid.objects.get(pk=town.other_community.pk).parent == town.other_street
    assert Lineage.objects.get().old == town.other_community
    assert desk.faults == []


def outline_of(page: Page) -> list[list[float]]:
    return json.loads(page.locator("textarea[name=outline]").input_value())["coordinates"][0]  # type: ignore[no-any-return]


def drag_westernmost_corner(page: Page, dx: int, dy: int) -> None:
    """Drag the handle of the outline's westernmost (of two, the southern) corner by some pixels.

    The map may still be settling when the mouse comes down; then the corner stays, and a person tries again.
    """
    before = outline_of(page)
    for _ in range(5):
        _drag_once(page, dx, dy)
        if outline_of(page) != before:
            return
        page.wait_for_timeout(300)


def _drag_once(page: Page, dx: int, dy: int) -> None:
    boxes = [box for handle in page.locator(".leaflet-editing-icon").all() if (box := handle.bounding_box())]
    corner = min(boxes, key=lambda box: (round(box["x"]), -box["y"]))
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(corner["x"] + dx, corner["y"] + dy, steps=8)
    page.mouse.up()


def test_an_outline_is_drawn_on_the_map_among_its_neighbours(live_site: str, town: Town, window: Window) -> None:
    desk = window(width=1366, height=1000)
    page = sign_in(desk, town, f"/admin/grids/boundary/{town.cell.pk}/change/")
    expect(page.locator(".leaflet-editing-icon").first).to_be_visible()
    before = outline_of(page)
    west = min(corner[0] for corner in before)

    drag_westernmost_corner(page, 80, -60)
    after = outline_of(page)
    changed = [corner for corner in after if corner not in before]
    assert len(changed) in (1, 2)  # the corner, once more where the ring closes
    assert west < changed[0][0] < west + SIDE
    page.locator("input[name=_save]").click()
    page.wait_for_url("**/admin/grids/boundary/")
    assert Boundary.objects.get(grid=town.cell).area_m2 < Boundary.objects.get(grid=town.next_cell).area_m2

    page = desk.go(f"/admin/grids/boundary/{town.cell.pk}/change/")
    expect(page.locator(".leaflet-editing-icon").first).to_be_visible()
    drag_westernmost_corner(page, -150, 0)
    page.locator("input[name=_save]").click()
    expect(page.locator(".errorlist")).to_contain_text("边界超出园田社区")
    assert desk.faults == []
