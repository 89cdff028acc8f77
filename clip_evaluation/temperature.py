"""The temperature that makes a model's probabilities fit the outcomes best.

Shapes: N rows, C classes.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.similarity import Floats
from clip_evaluation.zero_shot import check_labels

_TILE_ELEMENTS = 2**22
_LOWEST, _HIGHEST = 1e-6, 1e6


def fit_temperature(logits_NC: Floats, labels_N: NDArray[np.int64]) -> float:
    """Return the temperature with the smallest NLL (Guo et al. 2017, arXiv 1706.04599, section 4.2).

    The NLL is convex in 1 / T; its slope mean(E_p[z] - z_label) is brought to 0 by Newton's steps kept
    within a bracket. Without a minimum (all right, or worse than equal probabilities) it is the bound 1e-6
    or 1e6.

    Raises:
        ValueError: shapes differ, a label is no class, or a logit is not finite.
    """
    check_logits(logits_NC, labels_N)
    low, high, inverse = 1 / _HIGHEST, 1 / _LOWEST, 1.0
    if _slope(logits_NC, labels_N, low)[0] >= 0:
        return _HIGHEST
    if _slope(logits_NC, labels_N, high)[0] <= 0:
        return _LOWEST
    for _ in range(200):
        slope, curvature = _slope(logits_NC, labels_N, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / curvature if curvature > 0 else 0.0
        following = step if low < step < high else math.sqrt(low * high)
        if abs(following - inverse) <= 1e-12 * inverse:
            break
        inverse = following
    return 1 / inverse


def check_logits(logits_NC: Floats, labels_N: NDArray[np.int64]) -> None:
    """Check that logits are finite and fit their labels.

    Raises:
        ValueError: they are not, or do not.
    """
    if logits_NC.ndim != 2 or logits_NC.shape[1] < 2 or not len(logits_NC):
        raise ValueError(f"logits must have rows and two or more classes, not shape {logits_NC.shape}")
    check_labels(labels_N, len(logits_NC), logits_NC.shape[1])
    if not np.isfinite(logits_NC).all():
        raise ValueError("a logit is NaN or infinite; the model is broken")


def logit_tiles(logits_NC: Floats) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield (rows, their logits less the largest of the row) in tiles of bounded memory."""
    rows = max(1, _TILE_ELEMENTS // logits_NC.shape[1])
    for start in range(0, len(logits_NC), rows):
        part = slice(start, start + rows)
        tile = logits_NC[part].astype(np.float64)
        yield part, tile - tile.max(axis=1, keepdims=True)


def _slope(logits_NC: Floats, labels_N: NDArray[np.int64], inverse: float) -> tuple[float, float]:
    slope = curvature = 0.0
    for part, tile in logit_tiles(logits_NC):
        p = np.exp(tile * inverse)
        p /= p.sum(axis=1, keepdims=True)
        mean = (p * tile).sum(axis=1)
        slope += float((mean - np.take_along_axis(tile, labels_N[part, None], axis=1)[:, 0]).sum())
        curvature += float(((p * tile**2).sum(axis=1) - mean**2).sum())
    return slope / len(labels_N), curvature / len(labels_N)
