import doctest
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes import phrase_checks
from recipes.base import BadReply
from recipes.phrase_checks import bare, check_phrases, is_hollow, is_noun_phrase, tidy_phrase
from recipes.phrases import find_phrases

SUGAR_CREPE = Path(__file__).parents[3] / "shared" / "data" / "sugar_crepe" / "data"


def test_examples() -> None:
    assert doctest.testmod(phrase_checks).failed == 0


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("A Dog", "a dog"),
        ("- a dog", "a dog"),
        ("-- a dog.", "a dog"),
        ("1. a dog", "a dog"),
        ("(2) a dog", "a dog"),
        ("10: a dog", "a dog"),
        ("- 3. a  dog;", "a dog"),
        ("\u2022\ta dog", "a dog"),
        ('"a dog"', "a dog"),
        ("3 dogs", "3 dogs"),
        ("t-shirt", "t-shirt"),
        ("-", ""),
        ("", ""),
    ],
)
def test_what_is_taken_off_a_phrase(text: str, tidy: str) -> None:
    assert tidy_phrase(text) == tidy


THINGS = """
person | cell phone | a tall giraffe | a red double-decker bus | two people | several parked cars | 2 dogs |
the blue sky | a slice of pizza | a glass of red wine | a pair of scissors | a group of people |
a snow-covered mountain | a stop sign | a hot dog | a photo frame | a video game controller | his black hat |
a red and white flag | a black and white striped shirt | the man's left hand | the front wheel | a park |
a cutting board | fallen leaves | a gold watch | a soda can | a counter top | a parking lot | caf\u00e9 tables
"""
NO_THINGS = """
a dog and a cat | a man in a blue shirt | a woman wearing a hat | a dog is running | sits on a bench |
a dog sits on a bench | it is sunny | there is a cat | running | no dog | a stock photo | a photo of a dog |
a dog, a cat | a dog (brown) | <b>a dog</b> | {"a": "dog"} | the word "stop" | dog @home | a dog. a cat |
a dog; cats | www.example.com | IMG_0032.jpg | a red
"""


def listed(texts: str) -> list[str]:
    return [text.strip() for text in texts.split("|")]


@pytest.mark.parametrize("phrase", listed(THINGS))
def test_one_thing_is_a_noun_phrase(phrase: str) -> None:
    assert is_noun_phrase(phrase)
    assert not is_hollow(phrase)


@pytest.mark.parametrize("phrase", listed(NO_THINGS))
def test_anything_else_is_none(phrase: str) -> None:
    assert not is_noun_phrase(phrase)


@pytest.mark.parametrize(
    "phrase",
    ["", "red", "the background", "two large objects", "a green area", "a pair of things", "a photo"],
)
def test_hollow_phrases(phrase: str) -> None:
    assert is_hollow(phrase)


def test_captions_are_no_noun_phrases_and_their_phrases_are() -> None:
    if not SUGAR_CREPE.is_dir():
        pytest.skip("SugarCrepe's captions are not there")
    file = SUGAR_CREPE / "replace_obj.json"
    captions = [row["caption"] for row in json.loads(file.read_text()).values()]
    whole = sum(is_noun_phrase(tidy_phrase(caption)) for caption in captions)
    assert whole <= 0.01 * len(captions)
    phrases = [phrase for caption in captions for phrase in find_phrases([caption], "u")]
    assert sum(map(is_noun_phrase, phrases)) >= 0.98 * len(phrases)


def no_fault(phrase: str) -> str | None:
    return "bad" if "bad" in phrase else None


def test_each_phrase_is_kept_or_counted() -> None:
    found = ["A dog.", "the dog", "- a cat", "a bad cat", "no cow", "a $40 ring", "a bird", "a hen", "a cow"]
    kept, dropped = check_phrases(found, "", "Ring, $40", no_fault, 3)
    assert kept == ["a dog", "a cat", "a bird"]
    assert dropped == Counter({"repeated": 1, "bad": 1, "not to be seen": 2, "too many": 2})


def test_openings_go_and_what_then_repeats() -> None:
    found = ["The image shows a big dog", "a big dog", "we can see a big cat"]
    kept, dropped = check_phrases(found, "", "", no_fault, 9)
    assert kept == ["a big dog", "a big cat"]
    assert +dropped == Counter({"repeated": 1})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (["I'm sorry, but I can't help with that."], "refusal"),
        (["a dog and a cat and a dog and a cat and a dog and a cat"], "looping_reply"),
        (["one two three four five six seven eight nine"], "prompt_leak"),
        (["ein roter Bus", "zwei Personen", "der Himmel", "das Gras und die Lampe", "ein Fenster"],
         "wrong_language"),
        (["un bus rouge", "deux personnes", "une table en bois", "le ciel bleu", "un chien", "une lampe"],
         "wrong_language"),
        (["\u4e00\u53ea\u72d7", "\u6c99\u53d1"], "wrong_language"),
    ],
)  # fmt: skip
def test_what_spoils_all(found: list[str], reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        check_phrases(found, "Zero one two three four five six seven eight nine ten.", "", no_fault, 9)
    assert caught.value.reason == reason


@settings(deadline=None)
@given(st.lists(st.text(max_size=40) | st.sampled_from([*listed(THINGS), *listed(NO_THINGS)]), max_size=12))
def test_any_phrases(found: list[str]) -> None:
    try:
        kept, dropped = check_phrases(found, "", "", no_fault, 5)
    except BadReply:
        return
    assert len(kept) <= 5
    assert len(kept) + dropped.total() == len(found)
    assert min(dropped.values()) >= 0
    assert len({bare(phrase) for phrase in kept}) == len(kept)
    for phrase in kept:
        is_noun_phrase(phrase)


@pytest.mark.parametrize("piece", ["- ", "1. ", "a ", "dog ", "of ", "'", ","])
def test_a_long_phrase_is_read_in_bounded_time(piece: str) -> None:
    phrase = tidy_phrase(piece * 20_000)
    assert len(bare(phrase)) <= 20_000 * len(piece)
    assert not is_noun_phrase(f"{phrase} is")
