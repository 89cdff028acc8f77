"""AUROC against all pairs and scikit-learn; its interval by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from clip_evaluation.auroc import auroc

SCORES = st.lists(st.integers(0, 4), min_size=1, max_size=12)


@settings(max_examples=40)
@given(SCORES, SCORES)
def test_it_counts_pairs(positive: list[int], negative: list[int]) -> None:
    pairs = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative]
    figure = auroc(np.array(positive, dtype=float), np.array(negative, dtype=float))
    assert figure.value == pytest.approx(np.mean(pairs))
    labels = [1] * len(positive) + [0] * len(negative)
    assert figure.value == pytest.approx(roc_auc_score(labels, positive + negative))
    assert figure.low is not None
    assert figure.high is not None
    assert 0 <= figure.low <= figure.value + 1e-12
    assert figure.value - 1e-12 <= figure.high <= 1


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    truth = 0.7602499389065233  # Phi(1 / sqrt 2)
    for _ in range(500):
        figure = auroc(rng.normal(1, 1, size=60), rng.normal(0, 1, size=90))
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= truth <= figure.high
    assert 0.92 <= covered / 500 <= 0.98


def test_copies_bring_no_knowledge() -> None:
    rng = np.random.default_rng(1)
    positive, negative = rng.normal(0.5, 1, size=30), rng.normal(0, 1, size=30)
    once = auroc(positive, negative, positive_clusters=np.arange(30), negative_clusters=np.arange(30, 60))
    copied = auroc(
        np.repeat(positive, 4),
        np.repeat(negative, 4),
        positive_clusters=np.repeat(np.arange(30), 4),
        negative_clusters=np.repeat(np.arange(30, 60), 4),
    )
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high))


def test_errors() -> None:
    some = np.array([1.0])
    with pytest.raises(ValueError, match="negative scores"):
        auroc(some, np.array([]))
    with pytest.raises(ValueError, match="positive scores"):
        auroc(np.array([np.nan]), some)
    with pytest.raises(ValueError, match="both sides"):
        auroc(some, some, positive_clusters=np.array([0]))
