import math

import numpy as np
import pytest

from transforms.selecting.bag_of_words import differences, fit_weights, gaps
from transforms.selecting.text_pairs import TextPair


def pair(positive: str, negative: str, n: int = 0) -> TextPair:
    return TextPair(uid=f"u{n}", place=0, positive=positive, negative=negative)


def test_differences_are_of_word_counts() -> None:
    found = differences([pair("a a cat", "A dog"), pair("same", "same"), pair("the the", "the")])
    assert np.diff(found.starts).tolist() == [3, 0, 1]
    assert sorted(found.counts[:3].tolist()) == [-1.0, 1.0, 1.0]
    assert found.counts[3] == 1.0
    again = found.chosen(np.array([2, 0]))
    assert again.counts.tolist() == [1.0, *found.counts[:3].tolist()]
    assert again.words.tolist() == [found.words[3], *found.words[:3].tolist()]


def test_exchanged_sentences_turn_the_sign() -> None:
    pairs = [pair("a red car", "a blue car"), pair("one", "two three")]
    weights = np.random.default_rng(0).normal(size=1 << 16).astype(np.float32)
    there = gaps(weights, differences(pairs))
    back = gaps(weights, differences([pair(one.negative, one.positive) for one in pairs]))
    np.testing.assert_allclose(there, -back, rtol=1e-12)


def test_finds_the_log_odds_of_bradley_and_terry() -> None:
    # Red wins over blue in 4 of 5 pairs: the odds are 4.
    pairs = [
        pair(f"a red w{n}", f"a blue w{n}", n) if n % 5 else pair(f"a blue w{n}", f"a red w{n}", n)
        for n in range(4000)
    ]
    weights = fit_weights(differences(pairs), seed=0)
    (found,) = gaps(weights, differences([pair("red", "blue")]))
    assert found == pytest.approx(math.log(4), abs=0.15)
    assert np.array_equal(weights, fit_weights(differences(pairs), seed=0))


def test_no_pairs_give_no_weights() -> None:
    nothing = differences([])
    assert not fit_weights(nothing, seed=0).any()
    assert gaps(fit_weights(nothing, seed=0), nothing).shape == (0,)
