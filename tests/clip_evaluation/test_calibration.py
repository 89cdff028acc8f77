"""Calibration against brute force, scikit-learn, and models whose calibration is known."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from sklearn.metrics import log_loss

from clip_evaluation.calibration import (
    adaptive_edges,
    calibration,
    calibration_error,
    reliability,
    temperature_scaling,
)
from clip_evaluation.temperature import fit_temperature


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def drawn_from_itself(rows: int, seed: int, spread: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels drawn from their own probabilities: a perfectly calibrated model."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(rows, 5))
    labels = (softmax(logits).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    return logits, labels


def brute_ece(confidence: np.ndarray, correct: np.ndarray, edges: np.ndarray) -> float:
    total = 0.0
    for number, (low, high) in enumerate(pairwise(edges)):
        mine = [
            i for i, c in enumerate(confidence) if low < c <= high or (number == 0 and c == low) or
            (number == len(edges) - 2 and c > high)
        ]  # fmt: skip
        if mine:
            total += len(mine) / len(confidence) * abs(correct[mine].mean() - confidence[mine].mean())
    return total


CONFIDENCES = st_np.arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 20).map(lambda i: i / 20))


@given(CONFIDENCES, st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_ece_against_brute_force(confidence: np.ndarray, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    correct = rng.integers(0, 2, size=len(confidence)).astype(np.float64)
    for edges in (np.linspace(0, 1, bins + 1), adaptive_edges(confidence, bins)):
        assert np.all(np.diff(edges) > 0)
        error = calibration_error(confidence, correct, edges)
        assert error == pytest.approx(brute_ece(confidence, correct, edges), abs=1e-12)
        table = list(reliability(confidence, correct, edges))
        assert sum(bin_.n for bin_ in table) == len(confidence)
        again = sum(bin_.n * abs(bin_.accuracy - bin_.confidence) for bin_ in table) / len(confidence)
        assert error == pytest.approx(again, abs=1e-12)
        mixed = rng.permutation(len(confidence))
        assert calibration_error(confidence[mixed], correct[mixed], edges) == pytest.approx(error, abs=1e-12)


def test_adaptive_bins_hold_equally_many() -> None:
    confidence = np.random.default_rng(0).random(1000)
    edges = adaptive_edges(confidence, 10)
    assert [bin_.n for bin_ in reliability(confidence, confidence, edges)] == [100] * 10


def test_a_calibrated_model() -> None:
    logits, labels = drawn_from_itself(20_000, 0)
    result = calibration(logits, labels)
    assert result.ece.value < 0.02
    assert result.ece.value < 2.5 * result.ece_floor.value
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.03)
    assert result.nll.value == pytest.approx(log_loss(labels, softmax(logits)))
    brier = ((softmax(logits) - np.eye(5)[labels]) ** 2).sum(axis=1)
    assert result.brier.value == pytest.approx(brier.mean())
    assert result.accuracy.value == (logits.argmax(axis=1) == labels).mean()
    assert (result.nll.chance, result.brier.chance) == (math.log(5), 0.8)


def test_an_overconfident_model_is_mended_by_its_temperature() -> None:
    logits, labels = drawn_from_itself(8000, 1)
    result = temperature_scaling(3 * logits[:4000], labels[:4000], 3 * logits[4000:], labels[4000:])
    assert result.after.temperature == pytest.approx(3, abs=0.15)
    assert result.before.ece.value > 0.1
    assert result.after.ece.value < 0.04
    assert result.after.accuracy == result.before.accuracy  # the order of classes does not change


def test_the_temperature_minimises_the_nll() -> None:
    logits, labels = drawn_from_itself(300, 2, spread=5)
    labels = np.where(np.arange(300) % 3 == 0, 0, labels)
    best = fit_temperature(logits, labels)
    grid = best * np.exp(np.linspace(-0.5, 0.5, 101))
    losses = [log_loss(labels, softmax(logits / t)) for t in grid]
    assert int(np.argmin(losses)) == 50


def test_temperatures_without_a_minimum() -> None:
    logits = np.array([[2.0, 1.0], [0.0, 3.0]])
    assert fit_temperature(logits, np.array([0, 1])) == 1e-6  # all right: the sharper the better
    assert fit_temperature(logits, np.array([1, 0])) == 1e6  # all wrong
    assert fit_temperature(np.zeros((2, 2)), np.array([1, 0])) == 1e6  # nothing to scale


def test_equal_logits_have_chance_level() -> None:
    result = calibration(np.zeros((10, 4)), np.zeros(10, dtype=np.int64))
    assert result.nll.value == pytest.approx(result.nll.chance)
    assert result.brier.value == pytest.approx(result.brier.chance)
    assert result.accuracy.value == pytest.approx(0.25)
    assert result.ece.value == pytest.approx(0)


def test_large_logits_stay_finite() -> None:
    result = calibration(np.array([[1e4, 0.0], [0.0, 1e4]]), np.array([0, 0]))
    assert result.nll.value == pytest.approx(5e3)
    assert result.brier.value == pytest.approx(1)


def test_errors() -> None:
    labels = np.array([0, 1])
    with pytest.raises(ValueError, match="NaN or infinite"):
        calibration(np.array([[0, np.nan], [0, 1]]), labels)
    with pytest.raises(ValueError, match="temperature"):
        calibration(np.eye(2), labels, temperature=0)
    with pytest.raises(ValueError, match="two or more classes"):
        calibration(np.ones((2, 1)), labels)
