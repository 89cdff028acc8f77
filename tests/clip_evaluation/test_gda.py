"""The discriminant against closed forms, the paper's own formula, and Bayes' rule."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from clip_evaluation import gda
from clip_evaluation.gda import fit_discriminant, gda_probe
from clip_evaluation.linear_probe import Split
from clip_evaluation.similarity import unit_rows
from clip_evaluation.zero_shot import zero_shot


def gaussians(rows: int, seed: int, width: int = 5, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    classes = 3
    fixed, rng = np.random.default_rng(7), np.random.default_rng(seed)
    means, mix = fixed.normal(size=(classes, width)), fixed.normal(size=(width, width))
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, size=rows)])
    return means[labels] + rng.normal(size=(len(labels), width)) @ mix * noise, labels


def test_the_papers_formula() -> None:
    rows, labels = gaussians(40, 0)
    means = np.stack([rows[labels == c].mean(axis=0) for c in range(3)])
    covariance = np.cov((rows - means[labels]).T)
    n, width = rows.shape
    precision = width * np.linalg.pinv((n - 1) * covariance + np.trace(covariance) * np.eye(width))
    ours = fit_discriminant(rows, labels, classes=3)
    scale = (n - 1) / width  # ours is the paper's times this
    np.testing.assert_allclose(ours.weights_DC, scale * precision @ means.T, rtol=1e-8)
    expected = -0.5 * scale * np.einsum("cd,de,ce->c", means, precision, means)
    np.testing.assert_allclose(ours.bias_C, expected, rtol=1e-8)


def test_with_many_rows_it_is_linear_discriminant_analysis() -> None:
    rows, labels = gaussians(20_000, 0)
    keep = (labels != 2) | (np.arange(len(labels)) % 4 == 0)  # classes of unequal size
    rows, labels = rows[keep], labels[keep]
    test, truth = gaussians(2000, 1)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(rows, labels)
    ours = fit_discriminant(rows, labels, classes=3).logits(test)
    log_odds = theirs.predict_log_proba(test) - np.log(theirs.priors_)  # ours are equally frequent
    np.testing.assert_allclose(ours - ours[:, :1], log_odds - log_odds[:, :1], atol=0.05)
    assert abs((ours.argmax(axis=1) == truth).mean() - (log_odds.argmax(axis=1) == truth).mean()) < 0.004


def test_a_rotation_changes_nothing() -> None:
    rows, labels = gaussians(30, 2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    plain = fit_discriminant(rows, labels, classes=3).logits(rows)
    turned = fit_discriminant(rows @ turn, labels, classes=3).logits(rows @ turn)
    np.testing.assert_allclose(turned, plain, rtol=1e-4, atol=1e-4)


def split(rows: int, seed: int, width: int, noise: float = 0.5) -> Split:
    values, labels = gaussians(rows, seed, width, noise)
    return Split(rows_ND=values, labels_N=labels)


def test_fewer_rows_than_dimensions() -> None:
    train, validation, test = (split(rows, seed, 64, noise=0.1) for seed, rows in enumerate((20, 30, 300)))
    result = gda_probe(train, validation, test, np.random.default_rng(0).normal(size=(3, 64)), scale=100)
    assert result.alone.top1.value > 0.9
    assert result.joined.top1.value > 0.9
    assert result.alpha > 0
    assert result.zero_shot.top1.chance == 1 / 3


def test_alpha_0_is_zero_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gda, "ALPHAS", (0.0,))
    train, validation, test = (split(40, seed, 16) for seed in range(3))
    classes = np.random.default_rng(1).normal(size=(3, 16))
    result = gda_probe(train, validation, test, classes, scale=100)
    assert result.joined == result.zero_shot == zero_shot(test.rows_ND, classes, test.labels_N)
    np.testing.assert_array_equal(result.joined.top1.items, result.zero_shot.top1.items)


def test_the_weight_is_in_the_papers_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gda, "ALPHAS", (0.0, 0.5))
    train, validation, test = (split(40, seed, 16) for seed in range(3))
    classes = np.random.default_rng(1).normal(size=(3, 16))
    result = gda_probe(train, validation, test, classes, scale=100)
    assert result.alpha == 0.5
    unit = unit_rows(train.rows_ND, "image").astype(np.float64)
    means = np.stack([unit[train.labels_N == c].mean(axis=0) for c in range(3)])
    covariance = np.cov((unit - means[train.labels_N]).T)
    precision = 16 * np.linalg.pinv((len(unit) - 1) * covariance + np.trace(covariance) * np.eye(16))
    rows = unit_rows(test.rows_ND, "image").astype(np.float64)
    bias = -0.5 * np.einsum("cd,de,ce->c", means, precision, means)
    logits = 100 * rows @ unit_rows(classes, "class").T + 0.5 * (rows @ precision @ means.T + bias)
    assert result.joined.top1.value == (logits.argmax(axis=1) == test.labels_N).mean()


def test_one_row_a_class_has_no_scatter() -> None:
    one = Split(rows_ND=np.eye(3), labels_N=np.arange(3))
    with pytest.raises(ValueError, match="two different rows"):
        gda_probe(one, one, one, np.eye(3), scale=100)
