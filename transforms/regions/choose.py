"""Which of the boxes that a detector found become regions of a sample."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recipes.content import stem
from recipes.hygiene import words_of
from recipes.wording.plain import plain
from schemas.boxes import Box, area
from schemas.choosing import Choosing
from schemas.regions import Region
from transforms.regions.soft_nms import BAD_BOX, BAD_SCORE, DECAYED, LOW_SCORE, NO_AREA, soft_nms

NO_PHRASE = "no phrase"
TOO_SMALL = "smaller than the least area"
OVER_LIMIT = "more regions than the limit"
REASONS = (NO_PHRASE, BAD_BOX, BAD_SCORE, NO_AREA, TOO_SMALL, LOW_SCORE, DECAYED, OVER_LIMIT)
"""Why a box becomes no region."""

DIGITS = 6
"""Decimals of published boxes and scores: a thousandth of a pixel; processors differ in far lower ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The regions, best first, and how many boxes are none and why; both together are all boxes."""

    regions: tuple[Region, ...]
    dropped: Mapping[str, int]


def choose(found: Sequence[Region], choosing: Choosing) -> Chosen:
    """Return the regions that are worth keeping of what a detector found in one picture.

    Boxes are cut to the picture and rounded. A region without a `raw_score` counts as sure (1) where boxes
    are compared. The `score` of the input is not read.

    Raises:
        ValueError: a setting of `soft_nms` is out of range.
    """
    dropped: Counter[str] = Counter()
    fit: list[Region] = []
    for region, fault in _checked(found, choosing):
        dropped.update([fault] if fault else [])
        fit += [] if fault else [region]
    labels, alike = _alike([region.phrase for region in fit], choosing)
    left = soft_nms(
        np.array([region.box for region in fit], np.float64),
        np.array([1.0 if region.raw_score is None else region.raw_score for region in fit], np.float64),
        labels,
        alike,
        method=choosing.method,
        sigma=choosing.sigma,
        overlap=choosing.overlap,
        floor=choosing.min_decayed,
    )
    dropped.update(left.dropped)
    regions = [
        _scored(fit[i], score) for i, score in zip(left.index_k.tolist(), left.score_k.tolist(), strict=True)
    ]
    dropped[OVER_LIMIT] = max(0, len(regions) - choosing.max_regions)
    return Chosen(
        regions=tuple(regions[: choosing.max_regions]),
        dropped={why: dropped[why] for why in REASONS if dropped[why]},
    )


def likeness(one: str, other: str) -> float:
    """Return how much two phrases name the same: shared over all words (Jaccard); 0 where the heads differ.

    Articles, endings and common synonyms do not count.

    >>> likeness("a brown dog", "the brown dogs"), likeness("a dog", "a brown dog")
    (1.0, 0.5)
    >>> likeness("a brown dog", "a brown cat")
    0.0
    """
    ours, theirs = _stems(one), _stems(other)
    if not ours or not theirs or ours[-1] != theirs[-1]:
        return 1.0 if ours == theirs else 0.0
    return len({*ours} & {*theirs}) / len({*ours} | {*theirs})


@lru_cache(4096)
def _stems(phrase: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in plain(words_of(phrase)).split())


def _checked(found: Sequence[Region], choosing: Choosing) -> Iterator[tuple[Region, str | None]]:
    """Yield each region, cut to the picture, and what speaks against it."""
    for region in found:
        box = region.box
        score = 1.0 if region.raw_score is None else region.raw_score
        fault = None
        if not region.phrase.strip():
            fault = NO_PHRASE
        elif not all(map(math.isfinite, box)):
            fault = BAD_BOX
        elif not math.isfinite(score):
            fault = BAD_SCORE
        elif not area(cut := _cut(box)) > 0:
            fault = NO_AREA
        elif area(cut) < choosing.min_area:
            fault = TOO_SMALL
        elif score < choosing.min_score:
            fault = LOW_SCORE
        else:
            region = Region(box=cut, phrase=region.phrase, raw_score=region.raw_score)
        yield region, fault


def _cut(box: Box) -> Box:
    x0, y0, x1, y1 = (round(min(1.0, max(0.0, float(side))), DIGITS) for side in box)
    return (x0, y0, x1, y1)


def _alike(
    phrases: Sequence[str], choosing: Choosing
) -> tuple[NDArray[np.int64] | None, NDArray[np.bool_] | None]:
    """Return the number of each phrase, and which numbers are alike; nothing where all boxes are rivals."""
    if choosing.rivals == "all":
        return None, None
    numbers = {phrase: number for number, phrase in enumerate(dict.fromkeys(phrases))}
    alike = [[likeness(one, other) >= choosing.same_phrase for other in numbers] for one in numbers]
    return np.array([numbers[phrase] for phrase in phrases], np.int64), np.array(alike, bool)


def _scored(region: Region, score: float) -> Region:
    raw = None if region.raw_score is None else round(float(region.raw_score), DIGITS)
    return Region(box=region.box, phrase=region.phrase, score=round(score, DIGITS), raw_score=raw)
