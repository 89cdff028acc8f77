"""Score pictures along the direction from bad ones to good ones.

RAVE (Gaintseva et al. 2024, arXiv 2404.01889): v = norm(norm(mean(good)) - norm(mean(bad))), of a CLIP's
embeddings of unit length; a picture's score is its cosine with v. What else sets the two sets of pictures
apart is in v as well, so look at the words next to it (`nearest_words`) before use.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.unit_vectors import unit_vectors

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityDirection:
    """A direction, and of how many pictures it was made.

    Args:
        direction: (E,) of unit length.
        good: pictures it points to.
        bad: pictures it points away from.
    """

    direction: Floats
    good: int
    bad: int


def sum_units(embeddings: NDArray[np.floating]) -> tuple[Floats, int]:
    """Return the sum (E,) of embeddings (N, E) at unit length, and their number.

    Those that are not finite or all 0 are left out. Sums and numbers of parts add up to those of all.
    """
    units = unit_vectors(embeddings)
    units = units[units.any(axis=1)]
    return units.sum(axis=0), len(units)


def fit_direction(good: tuple[Floats, int], bad: tuple[Floats, int]) -> QualityDirection:
    """Return the direction from what `sum_units` says of bad pictures to that of good ones.

    Raises:
        ValueError: there are none of either, or both have the same mean direction.
    """
    for name, (_, number) in (("good", good), ("bad", bad)):
        if not number:
            raise ValueError(f"there are no {name} pictures to take a direction from")
    difference = unit_vectors(good[0][None])[0] - unit_vectors(bad[0][None])[0]
    length = float(np.linalg.norm(difference))
    if length < 1e-6:
        raise ValueError("good and bad pictures have the same mean; nothing sets them apart")
    return QualityDirection(direction=difference / length, good=good[1], bad=bad[1])


def score_quality(direction: QualityDirection, embeddings: NDArray[np.floating]) -> Floats:
    """Return the cosine of each picture (N, E) with the direction; NaN where it has no embedding."""
    units = unit_vectors(embeddings)
    scores: Floats = units @ direction.direction
    scores[~units.any(axis=1)] = np.nan
    return scores


def nearest_words(
    direction: QualityDirection, embeddings: NDArray[np.floating], words: Sequence[str], number: int
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the words next to what counts as good, and those next to bad, nearest first with cosines.

    The mean of all words is taken off before: in a CLIP's space texts lie far from pictures, all to the same
    side (Liang et al. 2022, arXiv 2203.02053).

    Args:
        embeddings: (V, E) of the words by the text tower of the same CLIP.

    Raises:
        ValueError: words and embeddings differ in number.
    """
    if len(words) != len(embeddings):
        raise ValueError(f"{len(words)} words have {len(embeddings)} embeddings; give one for each")
    units = unit_vectors(embeddings)
    known = np.flatnonzero(units.any(axis=1))
    centred = unit_vectors(units[known] - units[known].mean(axis=0)) if len(known) else units[known]
    cosines = centred @ direction.direction
    told = [(words[n], float(cosine)) for n, cosine in zip(known.tolist(), cosines, strict=True)]
    good = sorted(told, key=lambda one: (-one[1], one[0]))[:number]
    return good, sorted(told, key=lambda one: (one[1], one[0]))[:number]


def direction_json(direction: QualityDirection) -> str:
    """Return a direction as JSON."""
    return json.dumps(
        {"direction": direction.direction.tolist(), "good": direction.good, "bad": direction.bad}
    )


def read_direction(text: str) -> QualityDirection:
    """Return what `direction_json` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        told = json.loads(text)
        vector, good, bad = np.array(told["direction"], np.float64), int(told["good"]), int(told["bad"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no quality direction: {error}; make one with `fit_direction`") from error
    if vector.ndim != 1 or not math.isclose(float(np.linalg.norm(vector)), 1, abs_tol=1e-6):
        raise ValueError("the quality direction is no vector of unit length; make one with `fit_direction`")
    return QualityDirection(direction=vector, good=good, bad=bad)
