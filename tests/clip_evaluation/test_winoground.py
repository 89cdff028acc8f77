"""The three scores, and their chance levels by every order of four numbers."""

from itertools import permutations

import numpy as np
import pytest

from clip_evaluation.winoground import winoground


def test_chance_is_that_of_random_scores() -> None:
    every = np.array(list(permutations(range(4))), dtype=np.float64).reshape(24, 2, 2)
    result = winoground(every)
    for figure in (result.text, result.image, result.group):
        assert figure.value == pytest.approx(figure.chance)


def test_by_hand() -> None:
    # Captions differ between pictures, but picture 0 beats picture 1 for both captions: text, not image.
    text_only = [[0.9, 0.4], [0.8, 0.5]]
    both = [[0.9, 0.1], [0.2, 0.8]]
    tie = [[0.5, 0.5], [0.5, 0.5]]
    result = winoground(np.array([text_only, both, tie]))
    assert result.text.value == pytest.approx(2 / 3)
    assert result.image.value == pytest.approx(1 / 3)
    assert result.group.value == pytest.approx(1 / 3)


def test_errors() -> None:
    with pytest.raises(ValueError, match="shape"):
        winoground(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        winoground(np.full((1, 2, 2), np.nan))
