"""Scores by their formulas, FPR by hand, and a planted outside."""

import numpy as np
import pytest

from clip_evaluation.ood import fpr95, ood_scores, out_of_distribution


def test_scores() -> None:
    rng = np.random.default_rng(0)
    images, classes = rng.normal(size=(7, 5)), rng.normal(size=(4, 5))
    cosines = (images / np.linalg.norm(images, axis=1, keepdims=True)) @ (
        classes / np.linalg.norm(classes, axis=1, keepdims=True)
    ).T
    scores = ood_scores(images, classes, scale=20)
    p = np.exp(cosines) / np.exp(cosines).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores["mcm"], p.max(axis=1), rtol=1e-6)
    np.testing.assert_allclose(scores["max_logit"], 20 * cosines.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(scores["energy"], np.log(np.exp(20 * cosines).sum(axis=1)), rtol=1e-5)


def test_fpr_by_hand() -> None:
    inside = np.arange(20.0)  # 19 of 20 reach 1
    assert fpr95(inside, np.array([0.5, 0.0, 1.0, 30.0])).value == 0.5
    assert fpr95(np.ones(20), np.ones(4)).value == 1  # ties count against the score
    assert fpr95(np.array([5.0]), np.array([4.0])).value == 0
    with pytest.raises(ValueError, match="0 outsiders"):
        fpr95(inside, np.array([]))


@pytest.mark.parametrize("n", [7, 20, 40, 61])
def test_fpr_takes_the_highest_threshold(n: int) -> None:
    rng = np.random.default_rng(n)
    inside, outside = rng.integers(0, 9, size=n).astype(float), rng.integers(0, 9, size=30).astype(float)
    enough = [t for t in inside if (inside >= t).mean() >= 0.95 - 1e-12]
    assert fpr95(inside, outside).value == pytest.approx((outside >= max(enough)).mean())


def test_pictures_of_no_class_score_less() -> None:
    rng = np.random.default_rng(1)
    classes = np.eye(10)[:4]
    inside = classes[rng.integers(0, 4, size=80)] + 0.1 * rng.normal(size=(80, 10))
    outside = np.eye(10)[5:9][rng.integers(0, 4, size=60)] + 0.1 * rng.normal(size=(60, 10))
    result = out_of_distribution(inside, outside, classes, scale=100.0)
    for found in (result.mcm, result.max_logit, result.energy):
        assert found.auroc.value > 0.99
        assert found.fpr95.value < 0.05
        assert (found.auroc.chance, found.fpr95.chance) == (0.5, 0.95)


def test_errors() -> None:
    with pytest.raises(ValueError, match="scale"):
        ood_scores(np.eye(2), np.eye(2), scale=0)
