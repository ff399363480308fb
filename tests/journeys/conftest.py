"""A real Chromium against the real site."""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.chromium import chromium_path

# Playwright keeps an event loop in this thread; the tests' own rows are written between its calls, never inside
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
HASHED = re.compile(r"\.[0-9a-f]{12}\.")
LAST_LOOK: list[float] = []  # when a window was last closed
CATALOGUE_IS_FRESH_AFTER = 5.5  # the site's process keeps the last test's catalogue for five seconds


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; without one the journeys are skipped, visibly.

    One per module: while it lives, Playwright's event loop runs in this thread, and tests with a loop of their own
    could not run after it in the same process.
    """
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on this machine: the journeys in the browser were not walked")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """One browser window, and everything in it that should not happen: errors, refusals, requests abroad."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context = context
        self.site = site
        self.faults: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)

    def _said(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.faults.append(said.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.faults.append(f"foreign: {request.url}")
        if "/static/" in request.url and not HASHED.search(request.url):
            self.faults.append(f"not hashed: {request.url}")

    def go(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(self.site + path)
        return self.page


@pytest.fixture
def window(chromium: Browser, live_site: str) -> Iterator[Callable[..., Watched]]:
    """A factory of windows: width, language, and any option of Playwright's new_context."""
    opened: list[BrowserContext] = []

    def open_window(width: int = 390, height: int = 844, language: str = "zh-CN", **options: Any) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale=language, **options)
        context.set_default_timeout(15_000)
        opened.append(context)
        return Watched(context, live_site)

    yield open_window
    for context in opened:
        context.close()
    LAST_LOOK[:] = [time.monotonic()]
