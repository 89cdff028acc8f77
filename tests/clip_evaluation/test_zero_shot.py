"""Zero-shot accuracies against scikit-learn and hand-worked cases."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

from clip_evaluation.intervals import wilson
from clip_evaluation.zero_shot import class_embeddings, fill_templates, zero_shot


def test_templates() -> None:
    assert fill_templates(["a photo of a {}.", "{}"], "cat {}") == ["a photo of a cat {}.", "cat {}"]
    with pytest.raises(ValueError, match="exactly once"):
        fill_templates(["a photo"], "cat")
    with pytest.raises(ValueError, match="template"):
        fill_templates([], "cat")


def test_a_class_is_the_mean_of_its_unit_templates() -> None:
    # (3, 0) and (0, 0.5) have the same say, however long they are.
    texts = np.array([[[3.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [1.0, 0.0]]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(class_embeddings(texts), [[half, half], [1, 0]], rtol=1e-6)
    with pytest.raises(ValueError, match="class embedding 0 is zero"):
        class_embeddings(np.array([[[1.0, 0.0], [-1.0, 0.0]]]))
    with pytest.raises(ValueError, match="shape"):
        class_embeddings(np.zeros((2, 2)))


def test_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    classes = rng.normal(size=(12, 16))
    labels = rng.integers(0, 12, size=200)
    images = classes[labels] + 3 * rng.normal(size=(200, 16))
    result = zero_shot(images, classes, labels)
    scores = images @ (classes / np.linalg.norm(classes, axis=1, keepdims=True)).T
    assert result.top1.value == pytest.approx(top_k_accuracy_score(labels, scores, k=1))
    assert result.top5 is not None
    assert result.top5.value == pytest.approx(top_k_accuracy_score(labels, scores, k=5))
    balanced = balanced_accuracy_score(labels, scores.argmax(axis=1))
    assert result.mean_per_class.value == pytest.approx(balanced)
    assert np.mean([value for value in result.per_class if value is not None]) == pytest.approx(balanced)
    assert result.majority == np.bincount(labels).max() / 200
    assert (result.top1.chance, result.top5.chance) == (1 / 12, 5 / 12)


def test_a_collapsed_model_has_chance_level() -> None:
    labels = np.zeros(10, dtype=np.int64)  # an argmax would give it 100 %
    result = zero_shot(np.ones((10, 3)), np.ones((8, 3)), labels)
    assert result.top5 is not None
    assert (result.top1.value, result.top5.value) == pytest.approx((1 / 8, 5 / 8))
    assert (
        zero_shot(np.ones((10, 3)), np.ones((5, 3)), labels).top5 is None
    )  # it would be 1 whatever they are
    assert result.per_class[1:] == (None,) * 7


def test_errors() -> None:
    images, classes = np.eye(3), np.eye(3)
    with pytest.raises(ValueError, match="labels reach from 0 to 3"):
        zero_shot(images, classes, np.array([0, 1, 3]))
    with pytest.raises(ValueError, match="3 rows need"):
        zero_shot(images, classes, np.array([0, 1]))
    with pytest.raises(ValueError, match="widths"):
        zero_shot(images, np.eye(4), np.array([0, 1, 2]))


def test_the_interval_of_the_mean_over_classes() -> None:
    rng = np.random.default_rng(0)
    recall, covered = np.array([0.2, 0.6, 0.9]), 0
    labels = np.repeat([0, 1, 2], [10, 20, 40])
    for _ in range(200):
        hits = rng.random(70) < recall[labels]
        mean = zero_shot(
            np.eye(3)[np.where(hits, labels, (labels + 1) % 3)], np.eye(3), labels
        ).mean_per_class
        assert mean.low is not None
        assert mean.high is not None
        covered += mean.low <= recall.mean() <= mean.high
    assert 180 <= covered <= 198
    # All right, or all of a class wrong, is no certainty: as many items decide.
    for truth, value in (([0, 0, 1, 1], 1.0), ([0, 0, 0, 0], 1.0)):
        mean = zero_shot(np.eye(2)[truth], np.eye(2), np.array(truth)).mean_per_class
        assert (mean.value, mean.low, mean.high) == (value, *wilson(1.0, 4))
    one_class_wrong = zero_shot(np.eye(2)[[0, 0, 0, 0]], np.eye(2), np.array([0, 0, 1, 1])).mean_per_class
    assert (one_class_wrong.low, one_class_wrong.high) == wilson(0.5, 4)
