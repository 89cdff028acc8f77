"""The area under the ROC curve, exact with ties, and its interval."""

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import cluster_variance, wilson_of_variance
from clip_evaluation.similarity import Floats


def placements(values: Floats, others: Floats) -> NDArray[np.float64]:
    """Return for each value the share of the others below it, ties counted one half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    return (below + not_above) / (2 * len(ordered))


def auroc(
    positive: Floats,
    negative: Floats,
    *,
    positive_clusters: NDArray[np.int64] | None = None,
    negative_clusters: NDArray[np.int64] | None = None,
) -> Figure:
    """Return the probability that a positive scores more than a negative, ties counted one half.

    It is Mann and Whitney's U / (m n). The interval is from DeLong's variance (DeLong et al. 1988, Biometrics
    44), or Obuchowski's where items come in clusters (1997, Biometrics 53), turned into an effective sample
    size for Wilson's interval, so that it stays within 0..1.

    Raises:
        ValueError: a side is empty, a score is NaN, or only one side has clusters.
    """
    for name, scores in (("positive", positive), ("negative", negative)):
        if scores.ndim != 1 or not scores.size or np.isnan(scores).any():
            raise ValueError(f"{name} scores must be a vector of numbers: shape {scores.shape}, or with NaN")
    if (positive_clusters is None) != (negative_clusters is None):
        raise ValueError("give the clusters of both sides or of none")
    of_positive, of_negative = placements(positive, negative), 1 - placements(negative, positive)
    value = float(of_positive.mean())
    influence = np.concatenate(
        [(of_positive - value) / len(of_positive), (of_negative - value) / len(of_negative)]
    )
    if positive_clusters is None or negative_clusters is None:
        variance = _delong(of_positive) + _delong(of_negative)
        units = min(len(positive), len(negative))
    else:
        clusters = np.concatenate([positive_clusters, negative_clusters])
        variance = cluster_variance(influence, clusters)
        units = len(np.unique(clusters))
    low, high = wilson_of_variance(value, variance, units)
    return Figure(value=value, n=len(positive) + len(negative), chance=0.5, low=low, high=high)


def _delong(placed: NDArray[np.float64]) -> float:
    return float(placed.var(ddof=1)) / len(placed) if len(placed) > 1 else 0.0
