"""What is made of word scores: by hand, and against a search over all thresholds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvlm_workers.clip_words import (
    EPSILON,
    WordScore,
    WordScores,
    calibrate,
    f_clipscore_grad,
    find_words,
    misaligned,
)
from schemas.errors import RunError


def scores(*values: float, cosine: float | None = 0.25) -> WordScores:
    words = tuple(WordScore(word="w", start=n, end=n + 1, score=value) for n, value in enumerate(values))
    return WordScores(words=words, cosine=cosine)


def test_the_papers_threshold() -> None:
    assert EPSILON == -5e-5
    found = misaligned(scores(1e-4, -4.4e-4, -5e-5, -4.9e-5, -6e-5))
    assert [word.start for word in found] == [1, 4]
    assert [word.start for word in misaligned(scores(0.2, 0.1, 0.3), 0.25)] == [0, 1]


def test_f_clipscore_by_hand() -> None:
    assert f_clipscore_grad(scores(1e-4, -4e-4, -1e-5, -2e-4)) == pytest.approx(-6e-4 * 0.75)
    assert f_clipscore_grad(scores(1e-4, -1e-5)) == 0
    assert f_clipscore_grad(scores(-0.5, 0.5, cosine=-1.0), 0.0) == pytest.approx(-1.0)
    assert f_clipscore_grad(WordScores(words=(), cosine=None)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red cat.", ["A", "red", "cat"]),
        ('the dog\'s well-known 2-piece toy, "no"!', ["the", "dog's", "well-known", "2-piece", "toy", "no"]),
        ("rock 'n' roll -- it\u2019s", ["rock", "n", "roll", "it\u2019s"]),
        ("élan_vital 3.5 ... 🙂", ["élan", "vital", "3", "5"]),
        ("", []),
        (" ?!", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in find_words(text)] == words


def test_calibration_by_hand() -> None:
    # Of four changed words three lie under -2, where of five true ones one does: J = 3/4 - 1/5.
    found = calibrate([-3.0, -1.0, 0.0, 1.0, 2.0], [-5.0, -4.0, -2.5, 0.5])
    assert found.epsilon == -1.75
    assert (found.sensitivity, found.specificity) == (0.75, 0.8)
    assert found.youden_j == pytest.approx(0.55)


def test_calibration_of_words_that_lie_apart() -> None:
    found = calibrate([1e-4, 2e-4], [-4e-4, -2e-4])
    assert (found.epsilon, found.youden_j) == (pytest.approx(-5e-5), 1.0)
    assert calibrate([3.0], [1.0]).epsilon == 2.0  # a threshold may be above 0


def test_of_equal_thresholds_the_lowest() -> None:
    assert calibrate([-1.0, 1.0], [-2.0, 0.0]).epsilon == -1.5


def test_where_nothing_can_be_told_no_word_is_misaligned() -> None:
    for true, changed in (([1.0, 2.0], [3.0, 4.0]), ([1.0], [1.0]), ([1.0, 2.0], [2.0, 1.0])):
        found = calibrate(true, changed)
        assert (found.epsilon, found.sensitivity, found.specificity) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("true", "changed", "says"),
    [
        ([], [1.0], "of true words there are 0 among 0; give more pairs"),
        ([1.0], [], "of changed words there are 0 among 0"),
        ([1.0, math.nan], [1.0], "of true words there are 1 among 2"),
        ([1.0], [-math.inf], "of changed words there are 0 among 1"),
    ],
)
def test_scores_that_calibrate_nothing(true: list[float], changed: list[float], says: str) -> None:
    with pytest.raises(RunError, match=says):
        calibrate(true, changed)


FEW = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=12)
ANY = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


@given(true=FEW | ANY, changed=FEW | ANY)
def test_no_threshold_is_better(true: list[float], changed: list[float]) -> None:
    def youden(epsilon: float) -> float:
        return float(np.mean(np.array(changed) < epsilon) - np.mean(np.array(true) < epsilon))

    found = calibrate(true, changed)
    values = [*true, *changed]
    assert found.youden_j == pytest.approx(youden(found.epsilon), abs=1e-12)
    assert found.sensitivity == pytest.approx(np.mean(np.array(changed) < found.epsilon))
    best = max(youden(epsilon) for epsilon in [*values, math.inf])
    assert found.youden_j == pytest.approx(best, abs=1e-12)
    assert all(youden(epsilon) < best - 1e-12 for epsilon in values if epsilon < found.epsilon)  # the lowest
