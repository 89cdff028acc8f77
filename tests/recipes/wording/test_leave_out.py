import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.wording.leave_out import ATTRIBUTES, leave_out
from recipes.wording.tokens import tokenise

SUGAR_CREPE = Path(__file__).parents[4] / "shared" / "data" / "sugar_crepe" / "data"


@pytest.mark.parametrize(
    ("sentence", "suspects", "left"),
    [
        ("A small red circle", "red", "A small circle"),
        ("A small red circle", "small red circle", "A circle"),
        ("an orange car", "orange", "a car"),
        ("A red umbrella.", "red", "An umbrella."),
        ("A wooden utility pole by an old hourglass", "wooden old", "A utility pole by an hourglass"),
        ("Red cars on a road.", "red", "Cars on a road."),
        ("RED cars", "red", "CARS"),
        ("There are small boats in the harbour.", "small", "There are boats in the harbour."),
        ("A smiling young woman with a gold ring", "smiling young gold", "A woman with a ring"),
        ("Two large dogs, wearing red hats", "large red", "Two dogs, wearing hats"),
        ("The toy is a red car.", "red", "The toy is a car."),
        ("a boy's red hat", "red", "a boy's hat"),
        ("a very small brown dog", "brown", "a very small dog"),
    ],
)
def test_attributes_before_a_noun_go(sentence: str, suspects: str, left: str) -> None:
    assert leave_out(sentence, suspects.split()) == left


@pytest.mark.parametrize(
    ("sentence", "suspects"),
    [
        ("She peels an orange.", "orange"),  # the noun itself
        ("A table made of wood.", "wood"),
        ("The car is red.", "red"),  # all that is said
        ("The car is red today.", "red"),
        ("The bread gets old fast.", "old"),
        ("A red and white bus.", "red white"),  # joined to another
        ("A red, white and blue flag", "white blue"),
        ("A big, red ball", "big red"),
        ("A very small dog", "small"),
        ("A sky blue car, a hot pink one, an off white bag", "blue pink white"),  # a shade
        ("A black bear by a teddy bear", "black teddy"),  # a fixed pair
        ("An ice silver cone", "silver"),  # after a noun
        ("A Red Bull can, red Bull", "red"),  # names
        ("No red car on the road", "red"),  # denied
        ("A red-haired girl", "red"),  # half a word
        ("A dog runs on a road.", "dog runs road a"),  # no attributes
        ("Un chien rouge, eine rote Orange", "rouge orange"),
        ("", "red"),
        ("Red", "red"),
    ],
)
def test_words_that_a_sentence_needs_stay(sentence: str, suspects: str) -> None:
    assert leave_out(sentence, suspects.split()) == sentence


WORDS = ["a", "an", "the", "red", "orange", "small", "car", "umbrella", "is", "and", "no", "of", "in", "old"]


@given(st.lists(st.sampled_from([*WORDS, "A", "Red", "x,", "two", "There", "are", "by."]), max_size=12))
def test_only_suspects_go_and_no_more_can(words: list[str]) -> None:
    sentence, suspects = " ".join(words), {"red", "orange", "small", "car"}
    left = leave_out(sentence, suspects)
    assert leave_out(left, suspects) == left
    before, after = ([t.lower for t in tokenise(text)] for text in (sentence, left))
    gone = [word for word in set(before) if before.count(word) > after.count(word)]
    assert set(gone) - {"a", "an"} <= suspects & ATTRIBUTES
    articles = [[w for w in one if w in ("a", "an")] for one in (before, after)]
    assert len(articles[0]) == len(articles[1])
    assert [w for w in after if w not in ("a", "an", *suspects)] == [
        w for w in before if w not in ("a", "an", *suspects)
    ]


@given(st.text(), st.sets(st.sampled_from(sorted(ATTRIBUTES))))
def test_any_text_is_left_or_shortened(text: str, suspects: set[str]) -> None:
    assert len(leave_out(text, suspects)) <= len(text)


@pytest.mark.skipif(not SUGAR_CREPE.is_dir(), reason="SugarCrepe is not here")
def test_captions_lose_the_suspect_and_nothing_else() -> None:
    pairs = json.loads((SUGAR_CREPE / "replace_att.json").read_text()).values()
    gone = 0
    for caption in sorted({pair["caption"] for pair in pairs}):
        words = [token.lower for token in tokenise(caption)]
        for suspect in sorted(ATTRIBUTES.intersection(words)):
            left = [token.lower for token in tokenise(leave_out(caption, {suspect}))]
            gone += len(words) > len(left)
            kept = [w for w in words if w not in (suspect, "a", "an")]
            assert [w for w in left if w not in (suspect, "a", "an")] == kept
    assert gone > 300
