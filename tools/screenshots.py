"""Take the pictures of docs/screenshots beside a running demo city: `python -m tools.screenshots http://127.0.0.1:8000`.

Needs Chromium and the packages of requirements-dev.txt. Every page is taken at 390 and 1366 px, in Chinese and English.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from apps.demo.accounts import DEMO_PASSWORD

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
SIZES = ((390, 844), (1366, 768))
LANGUAGES = ("zh-hans", "en")
PAGES = (  # account ("" = nobody), name of the picture, address
    ("", "login", "/login/"),
    ("leader", "phone", "/m/"),
    ("leader", "report", "/m/report"),
    ("dispatcher", "board", "/board/"),
    ("dispatcher", "issue", "first of the queue"),
    ("handler", "tasks", "/t/"),
    ("dispatcher", "accountability", "/accountability/"),
    ("inspector", "history", "/history/"),
    ("admin", "tree", "/admin/grids/grid/"),
)


def take_all(site: str) -> Iterator[str]:
    """Take every picture; yield the name of each file as it is written."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        for width, height in SIZES:
            for language in LANGUAGES:
                yield from _take(browser, site, (width, height), language)
        browser.close()


def _take(browser: Browser, site: str, size: tuple[int, int], language: str) -> Iterator[str]:
    for account, name, address in PAGES:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=language)
        context.add_cookies([{"name": "django_language", "value": language, "url": site}])
        page = context.new_page()
        if account:
            _sign_in(page, site, account)
        _open(page, site, address)
        file = FOLDER / f"{name}-{size[0]}-{language}.png"
        _save(page.screenshot(), file)
        context.close()
        yield file.name


def _sign_in(page: Page, site: str, account: str) -> None:
    page.goto(f"{site}/login/")
    page.fill("input[name=username]", account)
    page.fill("input[name=password]", DEMO_PASSWORD)
    page.click("form button[type=submit]:not([name=language])")
    page.wait_for_load_state()


def _open(page: Page, site: str, address: str) -> None:
    """Open an address; an issue is the first one of the board, chosen as a dispatcher would choose it."""
    is_issue = not address.startswith("/")
    page.goto(site + ("/board/" if is_issue else address))
    if is_issue:
        link = page.locator("a[href*='sel=']").first.get_attribute("href") or ""
        page.goto(f"{site}{link}" if link.startswith("/") else f"{site}/board/{link}")
    page.wait_for_timeout(800)


def _save(picture: bytes, file: Path) -> None:
    """As a PNG of 256 colours: a third of the bytes, no visible difference on pages like these."""
    Image.open(BytesIO(picture)).convert("RGB").quantize(256).save(file, optimize=True)


if __name__ == "__main__":
    for written in take_all(sys.argv[1].rstrip("/")):
        print(written)  # noqa: T201
