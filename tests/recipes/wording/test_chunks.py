import doctest
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.wording import chunks
from recipes.wording.chunks import MAX_WORDS, noun_phrases


def test_examples() -> None:
    assert doctest.testmod(chunks).failed == 0


CASES: dict[str, list[str]] = {
    # Agreement: a noun or a verb.
    "a dog watches people": ["a dog", "people"],
    "two dogs watch a cat": ["dogs", "a cat"],
    "a gold watch": ["a gold watch"],
    "a teddy bear on a chair": ["a teddy bear", "a chair"],
    "teddy bears on a chair": ["teddy bears", "a chair"],
    "the man rides past": ["the man"],
    # Participles: before a noun or after it.
    "a parked car": ["a parked car"],
    "a car parked near a broken fence": ["a car", "a broken fence"],
    "a snow covered mountain": ["a snow covered mountain"],
    "a woman riding waves": ["a woman", "waves"],
    "a frying pan and cutting boards": ["a frying pan", "cutting boards"],
    "a red bed": ["a red bed"],
    # A negation governs the next phrase, and no other.
    "a man without a hat on a bench": ["a man", "a bench"],
    "no dogs. A cat": ["a cat"],
    # Adjectives at the end, or alone, name nothing.
    "a bowl full of soup": ["a bowl", "soup"],
    "T-Shirt Black Large": ["t-shirt"],
    "large and small": [],
}


@pytest.mark.parametrize("sentence", CASES)
def test_hand_worked(sentence: str) -> None:
    assert [" ".join(words) for words in noun_phrases(sentence)] == CASES[sentence]


WORDS = st.sampled_from(
    [
        "a", "the", "Red", "small", "dog", "dogs", "watches", "riding", "parked", "top", "not", "no", "Photo",
        "7", "o'clock's", "left", ",", ".", ";", "\u2014", "\ud800", "parking", "lot", "of", "in",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=100))
def test_phrases_are_runs_of_the_sentence_in_its_order(sentence: str) -> None:
    left = re.sub(r"[\s,]+", " ", sentence.lower())
    for words in noun_phrases(sentence):
        assert 0 < len(words) <= MAX_WORDS + 1
        phrase = " ".join(words)
        assert phrase in left
        left = left[left.index(phrase) + len(phrase) :]
