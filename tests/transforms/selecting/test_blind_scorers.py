import numpy as np
import pytest

from transforms.selecting.blind_scorers import blind_accuracy, fit_scorers, score_gaps
from transforms.selecting.text_pairs import TextPair


def test_gap_of_length_is_in_words() -> None:
    pairs = [TextPair(uid=str(n), place=0, positive="one two three", negative="one two") for n in range(20)]
    assert score_gaps(fit_scorers(pairs, 0), pairs)[:, 0].tolist() == [1.0] * 20


def test_no_pair_is_scored_by_a_model_that_saw_it() -> None:
    # Words that stand in one sample alone, drawn at random: whoever saw a pair knows it, others guess.
    rng = np.random.default_rng(0)
    words = rng.integers(0, 10**9, (2000, 2))
    pairs = [
        TextPair(uid=str(n), place=0, positive=f"a w{one}", negative=f"a w{other}")
        for n, (one, other) in enumerate(words)
    ]
    found = blind_accuracy(pairs, seed=0)
    assert found["length"] == 0.5
    assert all(abs(share - 0.5) < 0.05 for share in found.values())


def test_the_ensemble_knows_which_sign_means_what() -> None:
    # Longer negatives are told by all but the scorer of lengths, which is always wrong.
    rng = np.random.default_rng(1)
    pairs = [
        TextPair(uid=str(n), place=0, positive=f"w{a} w{b}", negative=f"w{b} w{a} w{c}")
        for n, (a, b, c) in enumerate(rng.integers(0, 10**9, (500, 3)))
    ]
    found = blind_accuracy(pairs, seed=0)
    assert found["length"] == 0.0
    assert found["ensemble"] == 1.0


def test_there_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        blind_accuracy([], seed=0)
