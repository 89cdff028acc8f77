"""Paired differences against exact tests and plain resampling."""

import numpy as np
import pytest

from clip_evaluation.compare import compare, mcnemar, paired_bootstrap
from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure


def successes(both: int, only_a: int, only_b: int, none: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.array([True] * both + [True] * only_a + [False] * only_b + [False] * none)
    b = np.array([True] * both + [False] * only_a + [True] * only_b + [False] * none)
    return a, b


def test_mcnemar_in_closed_form() -> None:
    # 2 (C(8, 0) + C(8, 1)) / 2^8, and 2 / 2^5.
    assert mcnemar(*successes(9, 1, 7, 3)) == pytest.approx(2 * 9 / 256)
    assert mcnemar(*successes(0, 5, 0, 0)) == pytest.approx(2 / 32)
    assert mcnemar(*successes(4, 3, 3, 0)) == 1
    assert mcnemar(*successes(4, 0, 0, 2)) == 1
    assert 0 < mcnemar(*successes(0, 20_000, 21_000, 0)) < 1e-5


def test_bootstrap_against_the_normal_interval() -> None:
    rng = np.random.default_rng(0)
    difference = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.7, 0.2], size=2000)
    low, high = paired_bootstrap(difference)
    half = 1.96 * difference.std() / np.sqrt(2000)
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.002)


def test_bootstrap_of_clusters_against_plain_resampling() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), rng.integers(1, 6, size=40))
    difference = rng.normal(size=40)[clusters] + 0.1 * rng.normal(size=len(clusters))
    members = [difference[clusters == c] for c in range(40)]
    plain = [np.concatenate([members[c] for c in rng.integers(0, 40, size=40)]).mean() for _ in range(2000)]
    assert paired_bootstrap(difference, clusters) == pytest.approx(
        np.percentile(plain, [2.5, 97.5]), abs=0.04
    )


def test_figures_side_by_side() -> None:
    a, b = successes(30, 2, 18, 50)
    chance = 0.2
    comparison = compare(
        {"top": mean_figure(a, chance=chance), "macro": Figure(value=0.1, n=3), "old": Figure(value=1, n=1)},
        {"top": mean_figure(b, chance=chance), "macro": Figure(value=0.4, n=3), "new": Figure(value=1, n=1)},
    )
    top, macro = comparison.rows
    assert (top.a, top.b, top.difference, top.chance) == pytest.approx((0.32, 0.48, 0.16, 0.2))
    assert top.p_value == pytest.approx(mcnemar(a, b))
    assert top.better == "b"
    assert macro.difference == pytest.approx(0.3)
    assert (macro.low, macro.p_value, macro.better) == (None, None, "")
    assert (comparison.only_a, comparison.only_b) == (("old",), ("new",))


def test_lower_is_better() -> None:
    worse = mean_figure(np.array([1.0] * 50 + [0.0] * 50), chance=None, lower_is_better=True)
    good = mean_figure(np.array([0.0] * 90 + [1.0] * 10), chance=None, lower_is_better=True)
    (row,) = compare({"error": worse}, {"error": good}).rows
    assert row.better == "b"


def test_only_the_same_items_are_paired() -> None:
    items = np.array([1.0, 0, 1, 1])
    plain = mean_figure(items, chance=None)
    clustered = mean_figure(items, chance=None, clusters=np.array([0, 0, 1, 1]))
    fewer = mean_figure(items[:3], chance=None)
    for other in (clustered, fewer):
        (row,) = compare({"x": plain}, {"x": other}).rows
        assert row.low is None
    (row,) = compare({"x": plain}, {"x": plain}, same_items=False).rows
    assert row.low is None
    (row,) = compare({"x": clustered}, {"x": clustered}).rows
    assert (row.low, row.high, row.p_value) == (0, 0, None)


def test_a_model_without_a_difference_is_seldom_called_better() -> None:
    rng = np.random.default_rng(2)
    called = 0
    for _ in range(200):
        a, b = (mean_figure(rng.random(150) < 0.5, chance=None) for _ in range(2))
        called += compare({"x": a}, {"x": b}).rows[0].better != ""
    assert called <= 20
