"""A small line chart as SVG: no script, nothing foreign, readable in print and by a screen reader.

Written by hand: the chart libraries at hand either draw bitmaps with a hundred megabytes of dependencies, or put a
script from somebody else's server into every picture.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 960, 420, 64, 56, 40, 16
COLOURS: Final = ("#1f5fa8", "#2e7d32", "#b3261e", "#8a6d00")
GRID_LINES: Final = 5


def line_chart(title: str, lines: Mapping[str, Sequence[float]], labels: Mapping[int, str]) -> str:
    """Draw the lines over one scale. `labels`: what stands under which point, by its place."""
    top = _round_up(max((value for line in lines.values() for value in line), default=1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="13"><title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    parts += [_rule(top * step / GRID_LINES, top) for step in range(GRID_LINES + 1)]
    count = max((len(line) for line in lines.values()), default=1)
    parts += [
        f'<text x="{_x(place, count):.1f}" y="{HEIGHT - 14}" text-anchor="middle" fill="#444">{escape(label)}</text>'
        for place, label in labels.items()
    ]
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(place, count):.1f},{_y(value, top):.1f}" for place, value in enumerate(values))
        dash = f' stroke-dasharray="{3 + 4 * number} 3"' if number else ""  # not by colour alone
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{points}"/>')
        parts.append(
            f'<g transform="translate({LEFT + 190 * number},42)"><line x2="28" y1="-4" y2="-4" stroke="{colour}" '
            f'stroke-width="2"{dash}/><text x="34">{escape(name)}</text></g>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _rule(value: float, top: float) -> str:
    y = _y(value, top)
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{value:,.0f}</text>'
    )


def _x(place: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, count - 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _round_up(value: float) -> float:
    """A scale that ends on a round number."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next((size * step for step in (1, 2, 2.5, 5, 10) if size * step >= value), size * 10)
