"""Estimates from clusters of neighbouring samples, and how far they may be off.

Neighbours are alike (one crawl, one web site), so the differences between clusters carry the uncertainty, not
those between single samples. A total is estimated by the ratio of two sums over clusters; its variance is
that of the linearised residuals within each stratum (Cochran, Sampling Techniques, 3rd ed., 6.3 and 11).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, and the bounds between which the true one lies in 95 of 100 plans."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Return a figure that is known."""
        return cls(value=value, low=value, high=value)

    def times(self, other: "Estimate") -> "Estimate":
        """Return the product; the errors of the two are taken as independent factors.

        >>> Estimate(value=100, low=50, high=200).times(Estimate.exact(3))
        Estimate(value=300, low=150.0, high=600.0)
        """
        value = self.value * other.value
        if value <= 0:
            return Estimate(value=0.0, low=0.0, high=self.high * other.high)
        below = math.hypot(_log(self.low / self.value), _log(other.low / other.value))
        above = math.hypot(_log(self.high / self.value), _log(other.high / other.value))
        return Estimate(value=value, low=value * math.exp(-below), high=value * math.exp(above))

    def inverse(self) -> "Estimate":
        """Return one over an estimate that is over 0 throughout."""
        return Estimate(value=1 / self.value, low=1 / self.high, high=1 / self.low)

    def scaled(self, factor: float) -> "Estimate":
        """Return the estimate times a known number that is not negative."""
        return Estimate(value=self.value * factor, low=self.low * factor, high=self.high * factor)

    def plus(self, other: "Estimate") -> "Estimate":
        """Return the sum; the errors of the two are taken to go the same way."""
        return Estimate(value=self.value + other.value, low=self.low + other.low, high=self.high + other.high)

    def at_least(self, floor: "Estimate") -> "Estimate":
        """Return the larger of the two, figure by figure."""
        return Estimate(
            value=max(self.value, floor.value), low=max(self.low, floor.low), high=max(self.high, floor.high)
        )


def _log(factor: float) -> float:
    return math.log(factor) if factor > 0 else -math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The clusters drawn from one part of the whole: (top, bottom) of each, weighted, and the share drawn."""

    clusters: tuple[tuple[float, float], ...]
    fraction: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio of two sums, its variance, and the degrees of freedom of that."""

    value: float
    variance: float
    freedom: int


def t_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t (Cornish and Fisher's series: Abramowitz & Stegun 26.7.5).

    It is within 0.001 for 7 degrees of freedom and more, and too small by 0.13 for 2.

    >>> round(t_quantile(15), 3)
    2.131
    """
    terms = (
        (_Z**3 + _Z) / 4,
        (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96,
        (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384,
    )
    return _Z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def residual_variance(strata: Sequence[tuple[Sequence[float], float]]) -> tuple[float, int]:
    """Return the variance of the sum of clusters' residuals, and its degrees of freedom.

    A stratum that was drawn whole (fraction 1) adds nothing; of one cluster the residual's own square stands.
    """
    variance, freedom = 0.0, 0
    for residuals, fraction in strata:
        number = len(residuals)
        if fraction >= 1 or not number:
            continue
        centre = fmean(residuals) if number > 1 else 0.0
        spread = sum((residual - centre) ** 2 for residual in residuals)
        variance += (1 - fraction) * spread * number / max(number - 1, 1)
        freedom += number - 1
    return variance, max(freedom, 1)


def ratio(strata: Sequence[Stratum]) -> Ratio:
    """Return the ratio of the sums of tops and bottoms; 0 where the bottoms sum to nothing."""
    top = sum(t for stratum in strata for t, _ in stratum.clusters)
    bottom = sum(b for stratum in strata for _, b in stratum.clusters)
    if not bottom:
        return Ratio(value=0.0, variance=0.0, freedom=1)
    value = top / bottom
    residuals = [([(t - value * b) / bottom for t, b in s.clusters], s.fraction) for s in strata]
    variance, freedom = residual_variance(residuals)
    return Ratio(value=value, variance=variance, freedom=freedom)


def mean_interval(found: Ratio) -> Estimate:
    """Return a ratio that has no upper bound, with Student's interval."""
    half = t_quantile(found.freedom) * math.sqrt(found.variance)
    return Estimate(value=found.value, low=max(0.0, found.value - half), high=found.value + half)


def share_interval(found: Ratio, number: int, fraction: float = 0.0) -> Estimate:
    """Return a share with Wilson's interval for as many independent samples as the clusters are worth.

    These are p (1 - p) / variance, and no more than there are (Korn & Graubard, Survey Methodology 24, 1998,
    with Wilson's in place of Clopper's and Pearson's interval); `fraction` is the part of the whole that
    `number` samples are.
    """
    if fraction >= 1 or not number:
        return Estimate.exact(found.value) if number else Estimate(value=0.0, low=0.0, high=1.0)
    share = min(max(found.value, 0.0), 1.0)
    # Where all clusters differ in size only, the share is 0 or 1 and the variance rounding.
    worth = number / (1 - fraction)
    if found.variance and 0 < share < 1:
        worth = min(worth, share * (1 - share) / found.variance)
    a_worth = t_quantile(found.freedom) ** 2 / worth
    centre = (share + a_worth / 2) / (1 + a_worth)
    half = math.sqrt(a_worth * (share * (1 - share) + a_worth / 4)) / (1 + a_worth)
    return Estimate(
        value=share, low=min(share, max(0.0, centre - half)), high=max(share, min(1.0, centre + half))
    )
