"""What a page must be, measured in the browser: accessible, large enough to hit, narrow enough to read."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

TARGETS = """() => {
  const seen = [];
  const controls = 'a[href], button, summary, select, textarea, input:not([type=hidden])';
  for (const control of document.querySelectorAll(controls)) {
    if (control.matches('.skip')) continue;
    const hit = control.closest('label') || control;
    const box = hit.getBoundingClientRect();
    const style = getComputedStyle(hit);
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    if (hit.closest('details:not([open]) > :not(summary)')) continue;
    const what = (hit.innerText || hit.name || hit.outerHTML).trim().slice(0, 40);
    seen.push({what, width: box.width, height: box.height});
  }
  return seen;
}"""

WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

COVERED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = (element.closest('label') || element).getBoundingClientRect();
  const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const fixed = document.querySelector('.foot, .tabs');
  const isInside = fixed && fixed.contains(element);
  const isCovered = !isInside && fixed && middle && fixed.contains(middle);
  const isAway = box.bottom <= 0 || box.top >= innerHeight;
  return isCovered || isAway ? (element.innerText || element.name || element.outerHTML).slice(0, 60) : null;
}"""


def axe_faults(page: Page) -> list[str]:
    """Return rule and places of every violation that axe finds.

    The bar at the bottom lies in the page meanwhile: what it covers is covered only until somebody scrolls, and whether
    it ever covers the focus is asked by `covered_focus`.
    """
    page.evaluate("document.querySelectorAll('.tabs, .foot').forEach((bar) => { bar.style.position = 'static'; })")
    found: dict[str, Any] = Axe().run(page, options=RULES).response
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary'][:200]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def small_targets(page: Page, least: float) -> list[str]:
    """Return the controls in sight that are lower or narrower than `least` CSS pixels."""
    return [
        f"{seen['what']!r}: {seen['width']:.0f} × {seen['height']:.0f}"
        for seen in page.evaluate(TARGETS)
        if round(seen["width"]) < least or round(seen["height"]) < least
    ]


def overhang(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate(WIDER))


def covered_focus(page: Page, most: int = 60) -> list[str]:
    """Walk the page with the Tab key; return whatever has the focus while it lies under the bar or out of sight."""
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    covered = []
    for _ in range(most):
        page.keyboard.press("Tab")
        if (found := page.evaluate(COVERED)) is not None:
            covered.append(str(found))
    return covered
