import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.wording.phrases import MAX_TAGS, find_tags
from recipes.wording.tokens import tokenise

CASES = {
    "A red car parked near an old wooden barn": ["red car", "car", "old wooden barn", "barn"],
    "Two brown dogs playing with a ball": ["brown dogs", "dogs", "ball"],
    "a man without a hat": ["man"],
    "there is no red block": [],
    "Cozy living room with fireplace, sofa and TV": ["cozy living room", "fireplace", "sofa", "tv"],
    "the of and": [],
    "iPhone 6 case EES-023": ["iphone", "case"],
    "Red car. red CAR": ["red car", "car"],
}


@pytest.mark.parametrize("text", CASES)
def test_hand_worked(text: str) -> None:
    assert find_tags(text, tokenise(text)) == CASES[text]


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "red",
                "dog,",
                "cat",
                ".",
                "no",
                "the",
                "on",
                "green",
                "house",
                "7",
                "running",
                "Z's",
            ]
        ),
        max_size=60,
    )
)
def test_tags_are_few_distinct_and_taken_from_the_text(words: list[str]) -> None:
    text = " ".join(words)
    tags = find_tags(text, tokenise(text))
    assert len(tags) == len(set(tags)) <= MAX_TAGS
    for tag in tags:
        assert tag == tag.lower()
        assert tag in text.lower()
