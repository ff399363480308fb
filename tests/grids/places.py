"""Small drawn cities for the tests of this room: every cell a rectangle, so that anybody can see what is right."""

from datetime import UTC, date, datetime

from shapely import Polygon, box

from apps.grids.models import Grid, Tier
from apps.grids.services import CellRow, load_cells

NOW = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
SINCE = date(2012, 6, 1)
WEST, SOUTH, STEP = 113.0, 34.0, 0.01


def strip(first: int, count: int) -> Polygon:
    """A rectangle over `count` level-3 columns from column `first`, 0.01° each."""
    return box(WEST + first * STEP, SOUTH, WEST + (first + count) * STEP, SOUTH + STEP)


def middle(column: int) -> tuple[float, float]:
    """A point inside a level-3 column."""
    return WEST + (column + 0.5) * STEP, SOUTH + STEP / 2


def row(code: str, name: str, tier: Tier, parent: str | None, first: int, count: int) -> CellRow:
    """A cell over some columns."""
    return CellRow(code.ljust(15, "0"), name, tier, parent and parent.ljust(15, "0"), SINCE, False, strip(first, count))


def striped_city(districts: int = 2, fan: int = 2) -> dict[str, int]:
    """A city of `districts`, each with `fan` streets of `fan` communities of `fan` cells; ids by code."""
    width = fan**3
    rows = [row("410100", "郑州市", Tier.CITY, None, 0, districts * width)]
    for d in range(districts):
        district = f"4101{d + 2:02d}"
        rows.append(row(district, f"区{d}", Tier.DISTRICT, None, d * width, width))
        for s in range(fan):
            street = f"{district}{s + 1:03d}"
            start = d * width + s * fan * fan
            rows.append(row(street, f"街道{d}{s}", Tier.LEVEL1, district, start, fan * fan))
            for c in range(fan):
                community = f"{street}{c + 1:03d}"
                rows.append(row(community, f"社区{d}{s}{c}", Tier.LEVEL2, street, start + c * fan, fan))
                for n in range(fan):
                    code = f"{community}{n + 1:03d}"
                    rows.append(row(code, f"网格{d}{s}{c}{n}", Tier.LEVEL3, community, start + c * fan + n, 1))
    return load_cells(cells=rows[::-1], now=NOW)  # children first: the order of rows is free


def cell(code: str) -> Grid:
    """The live cell whose code begins so and goes on in zeros."""
    return Grid.objects.get(code=code.ljust(15, "0"), valid_to=None)
