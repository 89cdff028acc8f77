import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.content import content, share_in, stem


@pytest.mark.parametrize(
    "words",
    [
        "dog dogs dog's", "run runs running", "park parked parking parks", "puppy puppies", "grass grasses",
        "bus buses", "horse horses", "bake baked baking", "hill hills", "fill filled filling", "box boxes",
        "church churches", "brush brushes", "tree trees", "sit sits sitting",
    ],
)  # fmt: skip
def test_forms_of_one_word_have_one_stem(words: str) -> None:
    assert len(set(map(stem, words.split()))) == 1


@pytest.mark.parametrize("words", ["car cat", "red reed", "bus bush", "king kin", "glass glad", "his hiss"])
def test_other_words_have_others(words: str) -> None:
    one, other = words.split()
    assert stem(one) != stem(other)


def test_content_by_hand() -> None:
    assert content("The two Dogs are not running in a PARK.") == {"dog", "not", "run", "park"}
    assert content("一只狗 in 红") == {"一只", "只狗", "红"}
    assert content("...") == frozenset()


def test_shares_by_hand() -> None:
    assert share_in(content("a red car and a dog"), content("The cars are red.")) == 2 / 3
    assert share_in(content(""), content("a car")) == 1
    assert share_in(content("a car"), content("")) == 0


@given(st.text())
def test_any_text_has_content(text: str) -> None:
    assert share_in(content(text), content(text)) == 1
