"""Boxes of regions: (x0, y0, x1, y1) in 0..1 of the upright picture, and what a crop makes of them."""

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float]

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def read_box(value: object) -> Box | None:
    """Return a box as untrusted JSON has it; None where it is no list of four finite numbers.

    >>> read_box([0, 0.5, 1, 1]), read_box([0, 0.5, 1, float("nan")]), read_box([0, 0.5, 1])
    ((0.0, 0.5, 1.0, 1.0), None, None)
    """
    if (
        not isinstance(value, list)
        or len(value) != 4
        or not all(type(side) in (int, float) for side in value)
    ):
        return None
    try:
        x0, y0, x1, y1 = map(float, value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return (x0, y0, x1, y1) if all(map(math.isfinite, (x0, y0, x1, y1))) else None


def area(box: Sequence[float]) -> float:
    """Return the area of a box; 0 where it has none.

    >>> area((0.25, 0.0, 0.75, 0.5))
    0.25
    """
    x0, y0, x1, y1 = box
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def crop_box(box: Sequence[float], window: Sequence[float], *, min_visible: float = 0.5) -> Box | None:
    """Return a box as it lies in a cropped picture; a resize, also one that squashes, changes nothing.

    Args:
        box: in 0..1 of the whole picture, finite.
        window: the part that the crop keeps, in 0..1 of the whole picture.
        min_visible: share of the box's area that must be left; else None, as its phrase would not hold.

    >>> crop_box((0.25, 0.25, 0.75, 0.75), (0.0, 0.0, 0.5, 1.0))
    (0.5, 0.25, 1.0, 0.75)
    >>> crop_box((0.25, 0.25, 0.75, 0.75), (0.0, 0.0, 0.4, 1.0)) is None
    True
    """
    x0, y0, x1, y1 = window
    left, right = max(box[0], x0), min(box[2], x1)
    top, bottom = max(box[1], y0), min(box[3], y1)
    visible = area((left, top, right, bottom))
    if visible <= 0 or visible < min_visible * area(box):
        return None
    wide, high = x1 - x0, y1 - y0
    return ((left - x0) / wide, (top - y0) / high, (right - x0) / wide, (bottom - y0) / high)
