"""A region of a picture, as `regions` of `KEY.json` holds it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.boxes import Box, area, read_box


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A box of the upright picture in 0..1, and what it shows.

    `raw_score` is the detector's confidence, null where it gives none; `score` is what the overlap with
    better boxes left of it (see `transforms.regions.choose`).
    """

    box: Box
    phrase: str
    score: float | None = None
    raw_score: float | None = None


def region_json(region: Region) -> dict[str, Any]:
    """Return a region as it stands in `KEY.json`.

    >>> region_json(Region(box=(0.0, 0.0, 0.5, 1.0), phrase="a dog", score=0.2, raw_score=0.4))
    {'box': [0.0, 0.0, 0.5, 1.0], 'phrase': 'a dog', 'score': 0.2, 'raw_score': 0.4}
    """
    return {
        "box": list(region.box),
        "phrase": region.phrase,
        "score": region.score,
        "raw_score": region.raw_score,
    }


def read_region(value: object) -> Region | None:
    """Return a region as untrusted JSON has it; None where it is none.

    A region has a box with an area inside 0..1 and a phrase; scores are finite numbers, null or not there.

    >>> read_region({"box": [0, 0, 0.5, 1], "phrase": "a dog", "score": 1})
    Region(box=(0.0, 0.0, 0.5, 1.0), phrase='a dog', score=1.0, raw_score=None)
    >>> read_region({"box": [0, 0, 2, 1], "phrase": "a dog"}) is None
    True
    """
    if not isinstance(value, Mapping):
        return None
    box, phrase = read_box(value.get("box")), value.get("phrase")
    if box is None or not all(0 <= side <= 1 for side in box) or area(box) <= 0:
        return None
    if not isinstance(phrase, str) or not phrase.strip():
        return None
    scores = [value.get(name) for name in ("score", "raw_score")]
    if not all(score is None or _is_finite(score) for score in scores):
        return None
    score, raw_score = (None if score is None else float(score) for score in scores)
    return Region(box=box, phrase=phrase, score=score, raw_score=raw_score)


def _is_finite(value: object) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    except OverflowError:  # a whole number of hundreds of digits
        return False
