"""Logistic regression against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from clip_evaluation import logistic
from clip_evaluation.logistic import fit_logistic


def data(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, size=150)])
    return rng.normal(size=(classes, 6))[labels] + rng.normal(size=(len(labels), 6)), labels


@pytest.mark.parametrize("classes", [3, 5])
@pytest.mark.parametrize("l2", [1e-3, 1.0])
def test_against_scikit_learn(classes: int, l2: float) -> None:
    features, labels = data(classes)
    ours = fit_logistic(features, labels, classes=classes, l2=l2)
    theirs = LogisticRegression(C=1 / (l2 * len(labels)), tol=1e-10, max_iter=10_000).fit(features, labels)
    assert ours.converged
    np.testing.assert_allclose(ours.weights_GC[:-1], theirs.coef_.T, atol=1e-4)
    shift = ours.logits(features) - theirs.decision_function(features)
    np.testing.assert_allclose(shift - shift[:, :1], 0, atol=5e-4)


def test_two_classes_without_an_intercept() -> None:
    features, labels = data(2)
    ours = fit_logistic(features, labels, classes=2, l2=0.02, intercept=False)
    # Two columns w and -w cost 2 x l2 / 2 (d / 2)^2 each for d = 2 w: half of scikit-learn's penalty on d.
    theirs = LogisticRegression(C=1 / (0.01 * len(labels)), fit_intercept=False, tol=1e-10).fit(
        features, labels
    )
    np.testing.assert_allclose(ours.weights_GC[:-1, 1] - ours.weights_GC[:-1, 0], theirs.coef_[0], atol=1e-4)
    np.testing.assert_array_equal(ours.weights_GC[-1], 0)


def test_tiles_and_starts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = data(3)
    whole = fit_logistic(features, labels, classes=3, l2=0.01)
    monkeypatch.setattr(logistic, "_TILE_ELEMENTS", 70)
    tiled = fit_logistic(features, labels, classes=3, l2=0.01, start_GC=np.full((7, 3), 0.3))
    np.testing.assert_allclose(tiled.weights_GC[:-1], whole.weights_GC[:-1], atol=1e-5)
    expected = features @ whole.weights_GC[:-1] + whole.weights_GC[-1]
    np.testing.assert_allclose(whole.logits(features), expected, rtol=1e-5)


def test_sparse_features_are_the_same() -> None:
    features, labels = data(3)
    features[np.abs(features) < 1.5] = 0
    dense = fit_logistic(features, labels, classes=3, l2=0.01)
    sparse = fit_logistic(torch.from_numpy(features).to_sparse_coo(), labels, classes=3, l2=0.01)
    np.testing.assert_allclose(sparse.weights_GC, dense.weights_GC, atol=1e-5)


def test_errors() -> None:
    with pytest.raises(ValueError, match="positive"):
        fit_logistic(np.eye(2), np.array([0, 1]), classes=2, l2=0)
    with pytest.raises(ValueError, match="labels"):
        fit_logistic(np.eye(2), np.array([0]), classes=2, l2=1)
