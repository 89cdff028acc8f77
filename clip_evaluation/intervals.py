"""Intervals of 95 % for means of items in 0..1, also where items come in clusters."""

import math

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(value: float, n: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share `value` of `n` items (E. B. Wilson 1927, JASA 22).

    `n` need not be whole: an effective sample size may be given. For items that are fractions (a tie counts
    1/2) it is conservative, as their variance is at most value (1 - value).
    """
    if n <= 0:
        raise ValueError(f"an interval needs items, but n is {n}")
    centre = value + Z_95**2 / (2 * n)
    half = Z_95 * math.sqrt(max(0.0, value * (1 - value)) / n + Z_95**2 / (4 * n**2))
    scale = 1 + Z_95**2 / n
    low = 0.0 if value == 0 else max(0.0, (centre - half) / scale)  # but for rounding
    return low, 1.0 if value == 1 else min(1.0, (centre + half) / scale)


def wilson_of_variance(value: float, variance: float, units: float) -> tuple[float, float]:
    """Return Wilson's interval with the sample size at which independent items have this variance.

    The effective sample size of clustered samples (Kish 1965, Survey Sampling, section 5.4). Where all
    items agree there is no variance, and the `units` that are independent are counted.
    """
    return wilson(value, value * (1 - value) / variance if variance > 0 and 0 < value < 1 else units)


def cluster_variance(influence_N: NDArray[np.float64], clusters_N: NDArray[np.int64]) -> float:
    """Return the variance of an estimate from the influence of each item on it, summed by cluster.

    The "sandwich" estimate with the correction C / (C - 1) for C clusters (Liang & Zeger 1986, Biometrika
    73). 0 for one cluster.
    """
    _, index_N = np.unique(clusters_N, return_inverse=True)
    sums_C = np.bincount(index_N, weights=influence_N)
    number = len(sums_C)
    return float(sums_C @ sums_C) * number / (number - 1) if number > 1 else 0.0


def mean_figure(
    items: NDArray[np.floating] | NDArray[np.bool_],
    *,
    chance: float | None,
    clusters: NDArray[np.int64] | None = None,
    lower_is_better: bool = False,
) -> Figure:
    """Return the mean of items in 0..1 with its interval; items are kept for paired comparisons.

    Raises:
        ValueError: there are no items, some lie outside 0..1, or `clusters` has another length.
    """
    values = np.asarray(items, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"a mean needs a vector of items, but it has shape {values.shape}")
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"items must lie in 0..1, but reach from {values.min():g} to {values.max():g}")
    value = float(values.mean())
    if clusters is None:
        low, high = wilson(value, values.size)
    else:
        if clusters.shape != values.shape:
            raise ValueError(f"{clusters.size} clusters for {values.size} items; give one for each")
        variance = cluster_variance((values - value) / values.size, clusters)
        low, high = wilson_of_variance(value, variance, len(np.unique(clusters)))
    return Figure(
        value=value,
        n=values.size,
        chance=chance,
        low=low,
        high=high,
        lower_is_better=lower_is_better,
        items=values.astype(np.float32),
        clusters=clusters,
    )
