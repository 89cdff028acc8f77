"""Intervals against published values and simulations."""

import numpy as np
import pytest

from clip_evaluation.intervals import (
    cluster_variance,
    macro_figure,
    mean_figure,
    wilson,
    wilson_of_variance,
)


def test_wilson_against_published_values() -> None:
    # Newcombe 1998 (Statistics in Medicine 17), table I, method 3.
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ):
        assert wilson(successes / n, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1.0, 29)[0] == pytest.approx(0.8830, abs=5e-5)


def test_wilson_is_the_root_of_the_score_equation() -> None:
    low, high = wilson(0.3, 50)
    for end in (low, high):
        assert abs(0.3 - end) / np.sqrt(end * (1 - end) / 50) == pytest.approx(1.959963984540054)


def test_single_clusters_give_the_binomial_variance() -> None:
    items = np.array([1.0, 0, 0, 1, 1, 0, 1, 1])
    variance = cluster_variance((items - items.mean()) / len(items), np.arange(len(items)))
    assert variance == pytest.approx(items.var(ddof=1) / len(items))


def test_copies_of_an_item_bring_no_knowledge() -> None:
    items = np.array([1.0, 0, 0, 1, 1, 0, 1, 1])
    once = mean_figure(items, chance=0.5, clusters=np.arange(8))
    copied = mean_figure(np.repeat(items, 5), chance=0.5, clusters=np.repeat(np.arange(8), 5))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    naive = mean_figure(np.repeat(items, 5), chance=0.5)
    assert naive.low is not None
    assert copied.low is not None
    assert naive.low > copied.low


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        rates = rng.beta(2, 2, size=60)  # clusters whose rates differ around 0.5
        items = rng.random((60, 4)) < rates[:, None]
        figure = mean_figure(items.ravel(), chance=None, clusters=np.repeat(np.arange(60), 4))
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 0.5 <= figure.high
    assert 0.92 <= covered / 400 <= 0.98


def test_without_variance_the_units_count() -> None:
    assert wilson_of_variance(1.0, 0.0, 7) == wilson(1.0, 7)


def test_errors() -> None:
    with pytest.raises(ValueError, match="shape"):
        mean_figure(np.array([]), chance=None)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        mean_figure(np.array([0.0, 2.0]), chance=None)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        mean_figure(np.array([0.0, np.nan]), chance=None)
    with pytest.raises(ValueError, match="clusters"):
        mean_figure(np.array([0.0, 1.0]), chance=None, clusters=np.array([0]))
    with pytest.raises(ValueError, match="n is 0"):
        wilson(0.5, 0)


def test_an_interval_holds_its_value() -> None:
    assert wilson(0.0, 111)[0] == 0.0
    assert wilson(1.0, 111)[1] == 1.0


def test_strata_of_single_items_are_a_plain_sample() -> None:
    items = np.array([1.0, 0, 0, 1, 1, 0, 1, 1])
    figure = macro_figure(items, np.arange(8), chance=0.1)
    p = items.mean()
    assert (figure.value, figure.low, figure.high) == pytest.approx((p, *wilson(p, 7)))  # n - 1


def test_stratified_variance_by_hand() -> None:
    # Two strata, 3 of 4 and 1 of 2 right: p (1 - p) / (n - 1) of each, over 4; the lone third one gets 1/4.
    items, strata = np.array([1.0, 1, 1, 0, 1, 0]), np.array([0, 0, 0, 0, 1, 1])
    variance = (0.75 * 0.25 / 3 + 0.25 / 1) / 4
    figure = macro_figure(items, strata, chance=None)
    assert (figure.value, figure.low, figure.high) == pytest.approx(
        (0.625, *wilson_of_variance(0.625, variance, 1))
    )
    figure = macro_figure(np.append(items, 1.0), np.append(strata, 2), chance=None)
    variance = (0.75 * 0.25 / 3 + 0.25 / 1 + 1 / 4) / 9
    assert (figure.value, figure.low, figure.high) == pytest.approx(
        (0.75, *wilson_of_variance(0.75, variance, 1))
    )
