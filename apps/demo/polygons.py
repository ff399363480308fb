"""Convex polygons as lists of (x, y) in kilometres: cut, measure, divide. Pure, and free of libm.

Only + - * / are used, so the same plan comes out on every machine.
"""

from collections.abc import Sequence
from random import Random

Point = tuple[float, float]
Polygon = list[Point]

# Eight directions are enough to make a map that looks grown; (x, y) unit vectors written out, no sine needed.
DIRECTIONS: tuple[Point, ...] = (
    (1.0, 0.0),
    (0.9239, 0.3827),
    (0.7071, 0.7071),
    (0.3827, 0.9239),
    (0.0, 1.0),
    (-0.3827, 0.9239),
    (-0.7071, 0.7071),
    (-0.9239, 0.3827),
)
ELONGATED = 1.35
BISECTION_STEPS = 9


def area(polygon: Polygon) -> float:
    """Square kilometres, by the shoelace rule."""
    total = 0.0
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        total += x0 * y1 - x1 * y0
        x0, y0 = x1, y1
    return abs(total) / 2


def centroid(polygon: Polygon) -> Point:
    """The centre of mass; of a polygon without area, the mean of its corners."""
    twice, cx, cy = 0.0, 0.0, 0.0
    ox, oy = polygon[0]
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        cross = (x0 - ox) * (y1 - oy) - (x1 - ox) * (y0 - oy)
        twice += cross
        cx += (x0 + x1 - 2 * ox) * cross
        cy += (y0 + y1 - 2 * oy) * cross
        x0, y0 = x1, y1
    if abs(twice) < 1e-12:
        return sum(x for x, _ in polygon) / len(polygon), sum(y for _, y in polygon) / len(polygon)
    return ox + cx / (3 * twice), oy + cy / (3 * twice)


def clip(polygon: Polygon, a: float, b: float, c: float) -> Polygon:
    """The part of a convex polygon where a·x + b·y ≤ c."""
    result: Polygon = []
    if not polygon:
        return result
    x0, y0 = polygon[-1]
    d0 = a * x0 + b * y0 - c
    for x1, y1 in polygon:
        d1 = a * x1 + b * y1 - c
        if (d0 < 0 < d1) or (d1 < 0 < d0):
            t = d0 / (d0 - d1)
            result.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
        if d1 <= 0:
            result.append((x1, y1))
        x0, y0, d0 = x1, y1, d1
    return result


def extent(polygon: Polygon, direction: Point) -> tuple[float, float]:
    """The lowest and the highest projection of the polygon on a direction."""
    values = [direction[0] * x + direction[1] * y for x, y in polygon]
    return min(values), max(values)


def cut(polygon: Polygon, direction: Point, share: float) -> tuple[Polygon, Polygon]:
    """Cut across a direction so that the first part holds that share of the area (within a half per cent)."""
    a, b = direction
    low, high = extent(polygon, direction)
    wanted = area(polygon) * share
    part = polygon
    middle = high
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        part = clip(polygon, a, b, middle)
        if len(part) > 2 and area(part) > wanted:
            high = middle
        else:
            low = middle
    part = clip(polygon, a, b, middle)
    return part, clip(polygon, -a, -b, -middle)


def choose_direction(polygon: Polygon, rng: Random) -> Point:
    """Across the long side when the polygon is long, else anywhere: pieces stay compact, the map irregular."""
    lengths = []
    for direction in DIRECTIONS:
        low, high = extent(polygon, direction)
        lengths.append(high - low)
    longest = max(range(len(DIRECTIONS)), key=lambda index: lengths[index])
    if lengths[longest] > ELONGATED * min(lengths):
        return DIRECTIONS[longest]
    return DIRECTIONS[int(rng.random() * len(DIRECTIONS))]


def divide(polygon: Polygon, weights: Sequence[float], rng: Random) -> list[Polygon]:
    """Divide into one convex piece per weight, its area proportional to it; neighbours in the list stay near."""
    if len(weights) == 1:
        return [polygon]
    half = sum(weights) / 2
    index, running = 1, weights[0]
    while index < len(weights) - 1 and running + weights[index] / 2 < half:
        running += weights[index]
        index += 1
    first, second = cut(polygon, choose_direction(polygon, rng), running / (2 * half))
    return divide(first, weights[:index], rng) + divide(second, weights[index:], rng)


def power_cell(outline: Polygon, sites: Sequence[Point], weights: Sequence[float], index: int) -> Polygon:
    """The part of the outline that belongs to one site of a power diagram (weights in km²)."""
    px, py = sites[index]
    cell = outline
    for other, (qx, qy) in enumerate(sites):
        if other == index:
            continue
        right = qx * qx + qy * qy - px * px - py * py + weights[index] - weights[other]
        cell = clip(cell, 2 * (qx - px), 2 * (qy - py), right)
    return cell
