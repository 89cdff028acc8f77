"""Probabilities sum to 1, and a small case worked by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_evaluation.language_model import UNKNOWN, tokenize, train

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=5)


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 3), WORDS)
def test_probabilities_sum_to_one(texts: list[list[str]], order: int, context: list[str]) -> None:
    model = train([" ".join(words) for words in texts], order=order)
    history = tuple(context[: order - 1])
    words = [*model.vocabulary, UNKNOWN, "</s>"]
    assert sum(model.probability(word, history) for word in words) == pytest.approx(1)


def test_by_hand() -> None:
    model = train(["a b", "a a"], order=2)
    # Without context: a 3, b 1, end 2 of 6, three kinds; 4 words with the unknown and the end.
    bottom = 1 / 4
    p_b = (1 + 3 * bottom) / (6 + 3)
    assert model.probability("b", ()) == pytest.approx(p_b)
    # After a: b, a and the end once each, three kinds.
    assert model.probability("b", ("a",)) == pytest.approx((1 + 3 * p_b) / (3 + 3))
    assert model.probability("b", ("z",)) == pytest.approx(p_b)
    p_a = (3 + 3 * bottom) / 9
    p_end = (2 + 3 * bottom) / 9
    first, second = (2 + 1 * p_a) / 3, (1 + 1 * p_end) / 2
    expected = (math.log2(first) + math.log2((1 + 3 * p_b) / 6) + math.log2(second)) / 3
    assert model.score("A b") == pytest.approx(expected)


def test_what_was_read_is_more_plausible() -> None:
    model = train(["a cat sits on the mat", "a dog sits on the rug"] * 5, order=3)
    assert model.score("a cat sits on the rug") > model.score("rug the on sits cat a")
    assert model.score("zzz") < model.score("a cat")
    assert math.isfinite(model.score(""))


def test_tokens() -> None:
    assert tokenize("Größe: 3-D!") == ["größe", ":", "3", "-", "d", "!"]
    assert len(tokenize("x " * 10_000)) == 512


def test_errors() -> None:
    with pytest.raises(ValueError, match="texts"):
        train([], order=3)
    with pytest.raises(ValueError, match="order"):
        train(["a"], order=0)
