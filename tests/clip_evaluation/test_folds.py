"""Folds are balanced, whole and repeatable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_evaluation.folds import assign_folds, shuffle_labels


@given(st.lists(st.integers(0, 2), min_size=5, max_size=60), st.integers(2, 5), st.integers(0, 99))
def test_classes_are_spread_evenly(labels: list[int], folds: int, seed: int) -> None:
    values = np.array(labels)
    fold = assign_folds(values, folds=folds, seed=seed)
    for label in set(labels):
        counts = np.bincount(fold[values == label], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(fold, minlength=folds)) <= len(set(labels))


@given(st.lists(st.integers(0, 9), min_size=30, max_size=60), st.integers(0, 99))
def test_clusters_stay_whole(clusters: list[int], seed: int) -> None:
    values = np.array([*range(10), *clusters])
    fold = assign_folds(values % 2, folds=3, seed=seed, clusters_N=values)
    for cluster in set(clusters):
        assert len(set(fold[values == cluster])) == 1
    assert set(fold) == {0, 1, 2}
    np.testing.assert_array_equal(fold, assign_folds(values % 2, folds=3, seed=seed, clusters_N=values))


def test_errors() -> None:
    with pytest.raises(ValueError, match="2 clusters"):
        assign_folds(np.zeros(6, dtype=np.int64), folds=3, clusters_N=np.array([0, 0, 0, 1, 1, 1]))
    with pytest.raises(ValueError, match="1 folds"):
        assign_folds(np.zeros(6, dtype=np.int64), folds=1)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_clusters_are_shuffled_whole(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(sum(sizes))
    clusters = np.repeat(np.arange(len(sizes)), sizes)[order]
    labels = rng.integers(0, 3, size=len(clusters))
    mixed = shuffle_labels(labels, clusters, rng)
    before, after = (
        sorted(tuple(values[clusters == c].tolist()) for c in range(len(sizes))) for values in (labels, mixed)
    )
    assert before == after  # the same tuples, of other clusters


def test_every_order_of_single_rows_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    found = {tuple(shuffle_labels(np.arange(3), np.arange(3), rng).tolist()) for _ in range(100)}
    assert len(found) == 6
