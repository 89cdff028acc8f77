"""Intervals against closed forms, an independent library, and simulated clusters."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.plan_interval import (
    Estimate,
    Ratio,
    Stratum,
    mean_interval,
    ratio,
    share_interval,
    t_quantile,
)

POSITIVE = st.floats(0.01, 1e6)
SIMULATED = 1500


def estimates() -> st.SearchStrategy[Estimate]:
    bounds = st.lists(POSITIVE, min_size=3, max_size=3).map(sorted)
    return bounds.map(lambda b: Estimate(low=b[0], value=b[1], high=b[2]))


@pytest.mark.parametrize("freedom", [7, 8, 12, 15, 31, 63, 500])
def test_students_quantile(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=0.0011)


@given(number=st.integers(1, 500), share=st.floats(0, 1))
def test_equal_clusters_give_wilsons_interval(number: int, share: float) -> None:
    hits = round(share * number)
    found = share_interval(Ratio(value=hits / number, variance=0.0, freedom=10**9), number)
    wilson = stats.binomtest(hits, number).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)


def test_a_mean_of_equal_clusters_is_known() -> None:
    found = ratio([Stratum(clusters=((6.0, 2.0), (9.0, 3.0), (3.0, 1.0)))])
    assert (found.value, found.variance, found.freedom) == (3.0, 0.0, 2)
    assert mean_interval(found) == Estimate.exact(3.0)


def test_a_mean_of_clusters_of_one_is_students() -> None:
    values = [3.0, 5.0, 10.0, 2.0, 8.0, 4.0, 4.0, 6.0]
    found = mean_interval(ratio([Stratum(clusters=tuple((v, 1.0) for v in values))]))
    low, high = stats.t.interval(0.95, 7, loc=np.mean(values), scale=stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((np.mean(values), low, high), abs=0.002)


def test_what_was_drawn_whole_adds_no_error() -> None:
    clusters = ((1.0, 2.0), (5.0, 6.0))
    found = ratio([Stratum(clusters=clusters, fraction=1.0)])
    assert (found.value, found.variance) == (0.75, 0.0)
    assert share_interval(found, 8, 1.0) == Estimate.exact(0.75)
    half = ratio([Stratum(clusters=clusters, fraction=0.5)])
    assert half.variance == pytest.approx(ratio([Stratum(clusters=clusters)]).variance / 2)


def test_nothing_is_between_nothing_and_all() -> None:
    assert ratio([]).value == 0.0
    assert share_interval(ratio([]), 0) == Estimate(value=0.0, low=0.0, high=1.0)


@given(number=st.integers(8, 64), size=st.integers(1, 40))
def test_none_seen_is_not_none_at_all(number: int, size: int) -> None:
    found = ratio([Stratum(clusters=((0.0, float(size)),) * number)])
    interval = share_interval(found, number * size)
    assert (interval.value, interval.low) == (0.0, 0.0)
    # The "rule of three" is 3 / n; Wilson's bound is t^2 / (n + t^2).
    squared = t_quantile(number - 1) ** 2
    assert interval.high == pytest.approx(squared / (number * size + squared))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
@pytest.mark.parametrize("alike", [0.01, 0.1, 0.3])
def test_95_of_100_intervals_hold_the_share(share: float, alike: float) -> None:
    """Shares a shard are beta: `alike` is the correlation of two samples of one shard."""
    draw = np.random.default_rng([int(100 * share), int(100 * alike)])
    held = naive = 0
    for _ in range(SIMULATED):
        a, b = share * (1 / alike - 1), (1 - share) * (1 / alike - 1)
        hits = draw.binomial(16, draw.beta(a, b, 16))
        found = share_interval(ratio([Stratum(clusters=tuple((float(h), 16.0) for h in hits))]), 256)
        held += found.low <= share <= found.high
        alone = share_interval(Ratio(value=hits.sum() / 256, variance=0.0, freedom=10**9), 256)
        naive += alone.low <= share <= alone.high
    assert 0.925 <= held / SIMULATED <= 0.975
    if alike == 0.3:  # single samples would promise far too much
        assert naive / SIMULATED < 0.7


def test_95_of_100_intervals_hold_a_ratio_of_uneven_clusters() -> None:
    draw = np.random.default_rng(5)
    held = 0
    for _ in range(SIMULATED):
        bottoms = draw.uniform(10, 30, 16)
        tops = bottoms * draw.normal(100, 25, 16)
        found = mean_interval(ratio([Stratum(clusters=tuple(zip(tops, bottoms, strict=True)))]))
        held += found.low <= 100 <= found.high
    assert 0.925 <= held / SIMULATED <= 0.975


@given(a=estimates(), factor=POSITIVE)
def test_a_known_factor_scales_the_bounds(a: Estimate, factor: float) -> None:
    expected = (a.low * factor, a.value * factor, a.high * factor)
    for found in (a.times(Estimate.exact(factor)), Estimate.exact(factor).times(a), a.scaled(factor)):
        assert (found.low, found.value, found.high) == pytest.approx(expected)


@given(a=estimates(), b=estimates())
def test_bounds_of_a_product_and_a_sum(a: Estimate, b: Estimate) -> None:
    product = a.times(b)
    assert product.value == pytest.approx(a.value * b.value)
    assert a.low * b.low * 0.999 <= product.low <= min(a.low * b.value, b.low * a.value) * 1.001
    assert max(a.high * b.value, b.high * a.value) * 0.999 <= product.high <= a.high * b.high * 1.001
    total = a.plus(b)
    assert (total.low, total.high) == (a.low + b.low, a.high + b.high)
    back = a.inverse().inverse()
    assert (back.low, back.value, back.high) == pytest.approx((a.low, a.value, a.high))


def test_independent_factors_add_in_squares() -> None:
    a = Estimate(value=10, low=10 * math.exp(-0.3), high=10 * math.exp(0.3))
    b = Estimate(value=2, low=2 * math.exp(-0.4), high=2 * math.exp(0.4))
    found = a.times(b)
    assert (found.low, found.value, found.high) == pytest.approx(
        (20 * math.exp(-0.5), 20, 20 * math.exp(0.5))
    )


def test_what_may_be_nothing_stays_so() -> None:
    a = Estimate(value=4, low=0, high=8)
    found = a.times(Estimate(value=3, low=2, high=4))
    assert (found.low, found.value) == (0.0, 12)
    assert Estimate(value=0, low=0, high=0.1).times(Estimate(value=10, low=9, high=20)) == Estimate(
        value=0, low=0, high=2.0
    )
