"""Pooled and within sentences, by hand."""

import numpy as np
import pytest

from clip_evaluation.statements import statements


def test_a_scorer_of_sentences_alone_is_at_chance_within() -> None:
    sentence = np.repeat(np.arange(4), 10)
    true = np.concatenate([np.arange(10) < often for often in (9, 7, 3, 10)])
    prior = np.repeat([0.9, 0.7, 0.3, 1.0], 10)
    result = statements(prior, true, sentence)
    assert result.pooled.value > 0.7
    assert result.within.value == 0.5
    assert (result.sentences, result.one_sided) == (4, 1)
    assert result.majority == 29 / 40
    assert result.within.n == 3


def test_by_hand() -> None:
    scores = np.array([3.0, 1, 2, 5, 5])
    true = np.array([True, False, True, True, False])
    result = statements(scores, true, np.array([0, 0, 0, 1, 1]))
    assert result.within.value == pytest.approx((1 + 0.5) / 2)
    assert result.pooled.value == pytest.approx((1 + 0 + 1 + 0 + 1 + 0.5) / 6)


def test_errors() -> None:
    true = np.array([True, False])
    with pytest.raises(ValueError, match="no sentence"):
        statements(np.array([1.0, 0.0]), true, np.array([0, 1]))
    with pytest.raises(ValueError, match="lengths"):
        statements(np.array([1.0]), true, np.array([0, 0]))
