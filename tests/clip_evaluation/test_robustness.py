"""mCE and relative robustness, worked by hand."""

import pytest

from clip_evaluation.robustness import Accuracies, robustness

MODEL = Accuracies(clean=0.8, corrupted={"blur": [0.8, 0.7, 0.6, 0.5, 0.4], "noise": [0.4] * 5})
REFERENCE = Accuracies(clean=0.6, corrupted={"blur": [0.5, 0.4, 0.3, 0.2, 0.1], "noise": [0.2] * 5})


def test_by_hand() -> None:
    result = robustness(MODEL, n=100, chance=0.1, reference=REFERENCE)
    assert {kind: f.value for kind, f in result.corrupted.items()} == pytest.approx(
        {"blur": 0.6, "noise": 0.4}
    )
    assert result.mean_corrupted.value == pytest.approx(0.5)
    assert result.relative == pytest.approx(0.4 / 0.7)
    assert result.mce == pytest.approx((2 / 3.5 + 3 / 4) / 2)
    assert result.relative_mce == pytest.approx((1 / 1.5 + 2 / 2) / 2)


def test_against_itself() -> None:
    result = robustness(MODEL, n=100, chance=0.1, reference=MODEL)
    assert (result.mce, result.relative_mce) == pytest.approx((1, 1))


def test_what_is_undefined_is_null() -> None:
    alone = robustness(MODEL, n=100, chance=0.8)
    assert (alone.relative, alone.mce, alone.relative_mce) == (None, None, None)
    perfect = Accuracies(clean=1, corrupted={"blur": [1] * 5, "noise": [1] * 5})
    assert robustness(MODEL, n=100, chance=0.1, reference=perfect).mce is None


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Accuracies(clean=0.5, corrupted={}), "no corrupted"),
        (Accuracies(clean=0.5, corrupted={"blur": [0.5]}), "1 severities of blur"),
        (Accuracies(clean=50, corrupted={"blur": [0.5] * 5}), "clean"),
        (Accuracies(clean=0.5, corrupted={"blur": [float("nan")] * 5}), "blur"),
    ],
)
def test_errors(model: Accuracies, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        robustness(model, n=1, chance=0)
    with pytest.raises(ValueError, match="other corruptions"):
        robustness(MODEL, n=1, chance=0, reference=Accuracies(clean=1, corrupted={"fog": [1] * 5}))
