"""mCE and relative robustness, worked by hand, and their intervals by drawing."""

import numpy as np
import pytest

from clip_evaluation.robustness import Accuracies, Robustness, robustness

ALONE = np.arange(10)


def share(right: float) -> np.ndarray:
    """Return the hits of ten pictures."""
    return (np.arange(10) < round(10 * right)).astype(np.float64)


MODEL = Accuracies(clean_N=share(0.8), corrupted={"blur": share(0.6), "noise": share(0.4)})
REFERENCE = Accuracies(clean_N=share(0.6), corrupted={"blur": share(0.3), "noise": share(0.2)})


def summarise(model: Accuracies, reference: Accuracies | None = None, chance: float = 0.1) -> Robustness:
    return robustness(model, chance=chance, clusters=ALONE, reference=reference)


def test_by_hand() -> None:
    result = summarise(MODEL, REFERENCE)
    values = {kind: figure.value for kind, figure in result.corrupted.items()}
    assert values == pytest.approx({"blur": 0.6, "noise": 0.4})
    assert result.mean_corrupted.value == pytest.approx(0.5)
    assert result.relative == pytest.approx(0.4 / 0.7)
    assert result.mce is not None
    assert result.mce.value == pytest.approx((4 / 7 + 6 / 8) / 2)
    assert result.mce.chance == pytest.approx((9 / 7 + 9 / 8) / 2)
    assert result.relative_mce is not None
    assert result.relative_mce.value == pytest.approx((2 / 3 + 4 / 4) / 2)
    assert result.relative_mce.chance is None
    for figure in (result.clean, result.mean_corrupted, *result.corrupted.values(), result.mce):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high


def test_against_itself() -> None:
    result = summarise(MODEL, MODEL)
    for figure in (result.mce, result.relative_mce):
        assert figure is not None
        assert (figure.value, figure.low, figure.high) == pytest.approx((1, 1, 1))


def test_what_is_undefined_is_null() -> None:
    alone = summarise(MODEL, chance=0.8)
    assert (alone.relative, alone.mce, alone.relative_mce) == (None, None, None)
    perfect = Accuracies(clean_N=share(1), corrupted={"blur": share(1), "noise": share(1)})
    result = summarise(MODEL, perfect)
    assert (result.mce, result.relative_mce) == (None, None)


def test_intervals_cover_the_truth() -> None:
    # A model that errs on half of the pictures the reference errs on, and in pairs of equal pictures.
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(150), 2)
    covered = clean = 0
    for _ in range(300):
        theirs = rng.random(150) < 0.6
        ours = theirs & (rng.random(150) < 0.5)
        start = rng.random(150) < 0.7
        model = Accuracies(clean_N=np.repeat(start, 2) * 1.0, corrupted={"blur": np.repeat(~ours, 2) * 1.0})
        other = Accuracies(clean_N=np.ones(300), corrupted={"blur": np.repeat(~theirs, 2) * 1.0})
        result = robustness(model, chance=0.1, clusters=clusters, reference=other)
        assert result.mce is not None
        assert result.mce.low is not None
        assert result.mce.high is not None
        assert result.clean.low is not None
        assert result.clean.high is not None
        covered += result.mce.low <= 0.5 <= result.mce.high
        clean += result.clean.low <= 0.7 <= result.clean.high
    assert 0.92 <= covered / 300 <= 0.98
    assert 0.92 <= clean / 300 <= 0.98


def test_errors() -> None:
    with pytest.raises(ValueError, match="no corrupted"):
        summarise(Accuracies(clean_N=share(1), corrupted={}))
    with pytest.raises(ValueError, match="'fog' was measured on one alone"):
        summarise(MODEL, Accuracies(clean_N=share(1), corrupted=dict(MODEL.corrupted) | {"fog": share(1)}))
    with pytest.raises(ValueError, match="measured on 9 pictures, not 10"):
        summarise(MODEL, Accuracies(clean_N=share(1)[1:], corrupted=MODEL.corrupted))
