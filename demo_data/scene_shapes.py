"""The outlines of the shapes that scenes are made of."""

import math
from collections.abc import Mapping

Point = tuple[float, float]


def _ellipse(count: int, radius: float = 1.0, centre: Point = (0.0, 0.0)) -> list[Point]:
    steps = (2 * math.pi * i / count for i in range(count))
    return [(centre[0] + radius * math.sin(a), centre[1] - radius * math.cos(a)) for a in steps]


def _star() -> list[Point]:
    radii = (1.0, 0.42)
    return [
        (radii[i % 2] * math.sin(math.pi * i / 5), -radii[i % 2] * math.cos(math.pi * i / 5))
        for i in range(10)
    ]


def _heart() -> list[Point]:
    # https://mathworld.wolfram.com/HeartCurve.html, the trigonometric curve.
    steps = [2 * math.pi * i / 120 for i in range(120)]
    return [
        (
            16 * math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
        )
        for t in steps
    ]


def _cross() -> list[Point]:
    quarter = [(-0.36, -1.0), (0.36, -1.0), (0.36, -0.36)]
    turns = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
    return [(a * x + b * y, c * x + d * y) for a, b, c, d in turns for x, y in quarter]


def _crescent() -> list[Point]:
    # The outer circle, and back along a second one, moved to the right, that meets it at 50 degrees.
    meet = math.radians(50)
    shift = 0.42
    inner_radius = math.hypot(math.cos(meet) - shift, math.sin(meet))
    inner_meet = math.atan2(math.sin(meet), math.cos(meet) - shift)
    outer = [meet + (2 * math.pi - 2 * meet) * i / 90 for i in range(91)]
    inner = [inner_meet + (2 * math.pi - 2 * inner_meet) * i / 90 for i in range(90, -1, -1)]
    points = [(math.cos(a), math.sin(a)) for a in outer]
    return points + [(shift + inner_radius * math.cos(a), inner_radius * math.sin(a)) for a in inner]


OUTLINES: Mapping[str, list[Point]] = {
    "circle": _ellipse(180),
    "square": [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
    "triangle": _ellipse(3),
    "star": _star(),
    "heart": _heart(),
    "ring": _ellipse(180),
    "diamond": [(0.0, -1.0), (0.72, 0.0), (0.0, 1.0), (-0.72, 0.0)],
    "hexagon": _ellipse(6),
    "cross": _cross(),
    "crescent": _crescent(),
}
"""Closed polygons, y down; their scale means nothing (see `outline`)."""
RING_HOLE = 0.52
"""Radius of a ring's hole as a share of its own."""


def outline(shape: str, turn: float = 0.0) -> list[Point]:
    """Return the shape's polygon, turned clockwise, its longer side 1 and its box beginning at (0, 0)."""
    cosine, sine = math.cos(turn), math.sin(turn)
    points = [(cosine * x - sine * y, sine * x + cosine * y) for x, y in OUTLINES[shape]]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    scale = max(max(x for x, _ in points) - left, max(y for _, y in points) - top)
    return [((x - left) / scale, (y - top) / scale) for x, y in points]
