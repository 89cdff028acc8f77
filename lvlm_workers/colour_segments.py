"""Coherent colour segments of a picture, found without a model.

Endings of names are shapes: h and w of the picture, n segments, s pixels of seams, p pairs of pixels that lie
in different segments; 2 is low and high, 3 are the channels of a colour, 4 the neighbours of a pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.segmentation import felzenszwalb

from schemas.boxes import Box
from schemas.colour_names import colour_table
from schemas.facts import COLOURS

MAX_SEGMENTS = 50
"""Of a picture; the best scores are kept."""

_TOLERANCE = 3.1
"""Felzenszwalb's k for colours of CIELAB over 100: a segment of n pixels grows over differences of 310 / n
delta E more than its own largest. Set, as the other numbers, on rendered scenes (`benchmarks.regions`)."""
_LEAST_SHARE = 1 / 700
"""Of the picture; smaller segments go into a neighbour."""
_SEAM_PX = 2.0
"""Narrower ones are seams, where two colours mix."""
_ROUNDS = 2
"""In each, the segments beside a seam grow into it by a pixel."""
_RIM_SHARE = 0.2
_GROUND_SHARE = 0.1
"""A segment that has so much of the picture's rim and so much of its area is background,"""
_GROUND_DELTA_E = 12.0
"""and so is any of nearly the same colour."""
_FULL_DELTA_E = 40.0
"""Difference to the surroundings that counts as full contrast; 2.3 is just seen (Mahy et al. 1994)."""

_ROWS = ("upper", "", "lower")
_COLUMNS = ("left", "", "right")
_Floats = NDArray[np.float64]
_Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment: its box in 0..1, what it looks like, and how much it stands out, 0..1."""

    box: Box
    phrase: str
    score: float


def find_segments(rgb_hw3: NDArray[np.uint8]) -> list[Segment]:
    """Return the segments of a picture that are not its background, best first, at most 50.

    The picture is split by colour in CIELAB (Felzenszwalb and Huttenlocher 2004,
    doi 10.1023/B:VISI.0000022288.19776.77), narrow seams are given to the colours on their sides, and what is
    large and has much of the rim is background, with whatever has its colour. A score is contrast times
    solidity: the mean difference to the colours across the outline (CIE76, 40 is full), times the share that
    the segment fills of its hull of eight sides. A phrase names the basic colour term that most of the pixels
    have, and the place of the centre of the box.
    """
    high, wide = rgb_hw3.shape[:2]
    lab_hw3 = rgb2lab(rgb_hw3)
    least = max(1, round(high * wide * _LEAST_SHARE))
    split_hw = felzenszwalb(lab_hw3 / 100, scale=_TOLERANCE * 255, sigma=0, min_size=least)
    label_hw, is_seam_n = _fill_seams(split_hw, lab_hw3)
    label = label_hw.ravel()
    area_n, mean_n3 = _means(label_hw, lab_hw3)
    contrast_n = _contrasts(label_hw, mean_n3)
    shown = np.flatnonzero(~(is_seam_n | _background(label_hw, area_n, mean_n3)))
    x_n2, y_n2, hull_n = _extents(label_hw)
    score_n = np.minimum(1, contrast_n / _FULL_DELTA_E) * np.minimum(1, area_n / hull_n)
    names = _colours(rgb_hw3, label)
    found = []
    for n in shown.tolist():
        (left, right), (top, bottom) = x_n2[n].tolist(), y_n2[n].tolist()
        box = tuple(round(side, 6) for side in (left / wide, top / high, right / wide, bottom / high))
        found.append(
            Segment(box=box, phrase=f"{names[n]} area, {place(box)}", score=round(float(score_n[n]), 4))
        )
    return sorted(found, key=lambda segment: (-segment.score, segment.box))[:MAX_SEGMENTS]


def place(box: Box) -> str:
    """Return where the centre of a box lies in 3 x 3 cells of the picture.

    >>> place((0.0, 0.7, 0.2, 1.0)), place((0.4, 0.0, 0.6, 0.1)), place((0.0, 0.0, 1.0, 1.0))
    ('lower left', 'top', 'centre')
    """
    x0, y0, x1, y1 = box
    column, row = min(2, int((x0 + x1) * 1.5)), min(2, int((y0 + y1) * 1.5))
    if column == 1:
        return ("top", "centre", "bottom")[row]
    return f"{_ROWS[row]} {_COLUMNS[column]}".strip()


def _fill_seams(label_hw: _Ints, lab_hw3: _Floats) -> tuple[_Ints, NDArray[np.bool_]]:
    """Return the segments, with pixels of seams given to those beside by colour, and which are still seams.

    A seam is narrow, by its area and the length of its outline within the picture.
    """
    area_n, mean_n3 = _means(label_hw, lab_hw3)
    one_p, other_p = _pairs(label_hw)
    outline_n = np.bincount(one_p, minlength=len(area_n)) + np.bincount(other_p, minlength=len(area_n))
    is_seam_n = 2 * area_n < _SEAM_PX * outline_n
    label_hw, rounds = label_hw.copy(), _ROUNDS if is_seam_n.any() else 0
    for _ in range(rounds):
        framed = np.pad(label_hw, 1, constant_values=is_seam_n.argmax())
        y_s, x_s = np.nonzero(is_seam_n[label_hw])
        beside_4s = np.stack(
            [framed[y_s + 1 + down, x_s + 1 + right] for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0))]
        )
        delta_4s = ((mean_n3[beside_4s] - lab_hw3[y_s, x_s]) ** 2).sum(axis=2)
        delta_4s[is_seam_n[beside_4s]] = np.inf
        nearest_s = delta_4s.argmin(axis=0)
        reached = np.isfinite(delta_4s.min(axis=0))
        label_hw[y_s[reached], x_s[reached]] = beside_4s[nearest_s, np.arange(len(y_s))][reached]
    is_there_n = np.bincount(label_hw.ravel(), minlength=len(area_n)) > 0
    return (is_there_n.cumsum() - 1)[label_hw], is_seam_n[is_there_n]


def _means(label_hw: _Ints, lab_hw3: _Floats) -> tuple[_Ints, _Floats]:
    """Return the area and the mean colour of each segment; of one without pixels, 0."""
    label = label_hw.ravel()
    area_n = np.bincount(label)
    sum_n3 = np.stack([np.bincount(label, lab_hw3[..., i].ravel()) for i in range(3)], axis=1)
    return area_n, sum_n3 / np.maximum(1, area_n)[:, None]


def _contrasts(label_hw: _Ints, mean_n3: _Floats) -> _Floats:
    """Return the mean delta E across the outline of each segment."""
    one_p, other_p = _pairs(label_hw)
    delta_p = np.sqrt(((mean_n3[one_p] - mean_n3[other_p]) ** 2).sum(axis=1))
    count = len(mean_n3)
    length_n = np.bincount(one_p, minlength=count) + np.bincount(other_p, minlength=count)
    sum_n = np.bincount(one_p, delta_p, count) + np.bincount(other_p, delta_p, count)
    return np.asarray(sum_n / np.maximum(1, length_n), np.float64)


def _pairs(label_hw: _Ints) -> tuple[_Ints, _Ints]:
    """Return the segments of all two pixels, one beside or below the other, that lie in different ones."""
    one = np.concatenate([label_hw[:, :-1].ravel(), label_hw[:-1].ravel()])
    other = np.concatenate([label_hw[:, 1:].ravel(), label_hw[1:].ravel()])
    differs = np.flatnonzero(one != other)
    return one[differs], other[differs]


def _background(label_hw: _Ints, area_n: _Ints, mean_n3: _Floats) -> NDArray[np.bool_]:
    rim = np.concatenate([label_hw[0], label_hw[-1], label_hw[:, 0], label_hw[:, -1]])
    rim_n = np.bincount(rim, minlength=len(area_n)) / len(rim)
    is_ground_n = (rim_n >= _RIM_SHARE) & (area_n >= _GROUND_SHARE * label_hw.size)
    for mean_3 in mean_n3[is_ground_n]:
        is_ground_n |= ((mean_n3 - mean_3) ** 2).sum(axis=1) < _GROUND_DELTA_E**2
    return is_ground_n


def _extents(label_hw: _Ints) -> tuple[_Ints, _Ints, _Floats]:
    """Return the sides of each box, the far ones exclusive, and the area of each hull with eight sides."""
    label = label_hw.ravel()
    y, x = np.divmod(np.arange(label.size), label_hw.shape[1])
    x_n2, y_n2, down_n2, up_n2 = (_range(label, values) for values in (x, y, x + y, x - y))
    (x0, x1), (y0, y1) = x_n2.T, y_n2.T
    corners = (down_n2[:, 0] - x0 - y0, x1 + y1 - down_n2[:, 1], up_n2[:, 0] - x0 + y1, x1 - y0 - up_n2[:, 1])
    far = np.array([0, 1])
    hull_n = (x1 - x0 + 1) * (y1 - y0 + 1) - sum(corner**2 / 2 for corner in corners)
    return x_n2 + far, y_n2 + far, np.asarray(hull_n, np.float64)


def _range(label: _Ints, values: _Ints) -> _Ints:
    """Return the least and the largest value of each segment."""
    count = int(label.max()) + 1
    low_n, high_n = np.full(count, values.max()), np.full(count, values.min())
    np.minimum.at(low_n, label, values)
    np.maximum.at(high_n, label, values)
    return np.stack([low_n, high_n], axis=1)


def _colours(rgb_hw3: NDArray[np.uint8], label: _Ints) -> list[str]:
    """Return the name of the colour that most pixels of each segment have."""
    red, green, blue = (rgb_hw3[..., i].ravel().astype(np.intp) >> 4 for i in range(3))
    named = colour_table()[red << 8 | green << 4 | blue]
    count = int(label.max()) + 1
    votes = np.bincount(label * len(COLOURS) + named, minlength=count * len(COLOURS))
    return [COLOURS[name] for name in votes.reshape(count, -1).argmax(axis=1).tolist()]
