"""Intervals of 95 % for means of items in 0..1, also where items come in clusters."""

import math

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(value: float, n: float, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's score interval of a share `value` of `n` items (E. B. Wilson 1927, JASA 22).

    `n` need not be whole: an effective sample size may be given. For items that are fractions (a tie counts
    1/2) it is conservative, as their variance is at most value (1 - value). `z` is the normal quantile.
    """
    if n <= 0:
        raise ValueError(f"an interval needs items, but n is {n}")
    centre = value + z**2 / (2 * n)
    half = z * math.sqrt(max(0.0, value * (1 - value)) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    low = 0.0 if value == 0 else max(0.0, (centre - half) / scale)  # but for rounding
    return low, 1.0 if value == 1 else min(1.0, (centre + half) / scale)


def wilson_of_variance(value: float, variance: float, units: float) -> tuple[float, float]:
    """Return Wilson's interval with the effective sample size of a share with this variance."""
    return wilson(value, effective_size(value, variance, units))


def effective_size(value: float, variance: float, units: float) -> float:
    """Return the number of independent items whose share `value` has this variance.

    That of clustered samples (Kish 1965, Survey Sampling, section 5.4). Where all items agree there is no
    variance, and the `units` that are independent are counted.
    """
    return value * (1 - value) / variance if variance > 0 and 0 < value < 1 else units


def cluster_variance(influence_N: NDArray[np.float64], clusters_N: NDArray[np.int64]) -> float:
    """Return the variance of an estimate from the influence of each item on it, summed by cluster.

    The "sandwich" estimate with the correction C / (C - 1) for C clusters (Liang & Zeger 1986, Biometrika
    73). 0 for one cluster.
    """
    number = len(np.unique(clusters_N))
    return _squares(influence_N, clusters_N) * number / (number - 1) if number > 1 else 0.0


def _squares(influence_N: NDArray[np.float64], clusters_N: NDArray[np.int64]) -> float:
    _, index_N = np.unique(clusters_N, return_inverse=True)
    sums_C = np.bincount(index_N, weights=influence_N)
    return float(sums_C @ sums_C)


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


def macro_figure(
    items_N: NDArray[np.floating] | NDArray[np.bool_],
    strata_N: NDArray[np.int64],
    *,
    chance: float | None,
    clusters: NDArray[np.int64] | None = None,
) -> Figure:
    """Return the plain mean of the means of strata (classes, types) of items in 0..1, with its interval.

    The variance is that of a stratified sample, a cluster's influences summed over all strata. A stratum of
    one cluster does not show its own variance: such strata are taken together, which overstates it (Cochran
    1977, Sampling Techniques, section 5A.12); one alone gets the largest there is, 1/4.
    """
    clusters_N = np.arange(len(items_N)) if clusters is None else clusters
    _, stratum_N = np.unique(strata_N, return_inverse=True)
    counts_S = np.bincount(stratum_N)
    means_S = np.bincount(stratum_N, weights=items_N) / counts_S
    units_S = np.bincount(np.unique(np.stack([stratum_N, clusters_N]), axis=1)[0])
    single_S = units_S == 1
    about_S, swell_S = means_S.copy(), np.sqrt(units_S / np.maximum(units_S - 1, 1))
    number = int(single_S.sum())
    about_S[single_S] = means_S[single_S].mean() if number else 0.0
    swell_S[single_S] = math.sqrt(number / max(number - 1, 1))
    deviation_N = (np.asarray(items_N, dtype=np.float64) - about_S[stratum_N]) * swell_S[stratum_N]
    if number == 1:
        deviation_N[single_S[stratum_N]] = 0.5
    variance = _squares(deviation_N / counts_S[stratum_N] / len(counts_S), clusters_N)
    value = float(means_S.mean())
    low, high = wilson_of_variance(value, variance, len(counts_S) ** 2 / float((1 / units_S).sum()))
    return Figure(value=value, n=len(items_N), chance=chance, low=low, high=high)
