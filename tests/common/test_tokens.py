"""The palette, computed: every pair of words and ground that the style sheets use is at least 4.5 : 1."""

import re
from itertools import product
from pathlib import Path

import pytest

from apps.common.embedded import paths

TOKENS = Path(paths.project_dir()) / "static" / "app" / "tokens.css"
BLOCK = re.compile(r"(?:@media ([^{]+)\{\s*)?:root \{([^}]*)\}")
TOKEN = re.compile(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})")

GROUNDS = ("bg", "card", "sunk")
WORDS = ("fg", "muted", "link", "bad", "ok", "warn", "paused")
PAIRS = [
    *product(WORDS, GROUNDS),
    ("on-primary", "primary"),
    ("on-primary", "primary-strong"),
    ("fg", "primary-soft"),
    ("ok", "ok-soft"),
    ("warn", "warn-soft"),
    ("bad", "bad-soft"),
    ("fg", "bad-soft"),
    ("fg", "warn-soft"),
    ("paused", "paused-soft"),
    ("grave", "grave-soft"),
    ("on-ink", "ink"),
    ("on-ink", "ink-active"),
    ("on-ink-muted", "ink"),
    ("primary", "card"),
    ("card", "bad"),  # the badge
]
EDGES = [*product(("edge", "focus", "primary"), ("bg", "card"))]  # what one must see, but not read


def palettes() -> dict[str, dict[str, str]]:
    blocks = {
        (where or "light").strip(): dict(TOKEN.findall(body)) for where, body in BLOCK.findall(TOKENS.read_text())
    }
    light = blocks.pop("light")
    dark = light | blocks["(prefers-color-scheme: dark)"]
    plain = light | blocks["(prefers-contrast: more)"]
    both = (
        dark | blocks["(prefers-contrast: more)"] | blocks["(prefers-contrast: more) and (prefers-color-scheme: dark)"]
    )
    return {"light": light, "dark": dark, "more contrast": plain, "dark, more contrast": both}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def weak(palette: dict[str, str], pairs: list[tuple[str, str]], least: float) -> dict[tuple[str, str], float]:
    measured = {(one, other): contrast(palette[one], palette[other]) for one, other in pairs}
    return {pair: round(ratio, 2) for pair, ratio in measured.items() if ratio < least}


def test_black_on_white_is_twenty_one_to_one() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21


@pytest.mark.parametrize("name", list(palettes()))
def test_every_word_can_be_read_on_its_ground(name: str) -> None:
    palette = palettes()[name]
    weak = {
        (a, b): round(contrast(palette[a], palette[b]), 2) for a, b in PAIRS if contrast(palette[a], palette[b]) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("name", list(palettes()))
def test_every_edge_of_a_control_can_be_seen(name: str) -> None:
    palette = palettes()[name]
    weak = {
        (a, b): round(contrast(palette[a], palette[b]), 2) for a, b in EDGES if contrast(palette[a], palette[b]) < 3
    }
    assert not weak
