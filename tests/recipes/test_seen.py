from collections import Counter
from collections.abc import Set

import pytest

from recipes.hygiene import words_of
from recipes.seen import (
    check_pairs,
    check_tags,
    is_minimal,
    is_said,
    only_negates,
    same_but_digits,
    unseen_facts,
)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Silver chain, 17.7 grams", {"17.7"}),
        ("Chain of 17.7g", {"17.7"}),
        ("Now only $1,299.00!", {"1299.00"}),
        ("20 EUR or \u20ac15 or 12 \u20ac", {"20", "15", "12"}),
        ("Market square, Krakow, 1962", {"1962"}),
        ("a photo of the 1920s", {"1920", "1920s"}),
        ("Canon XJ-2200 camera", {"xj-2200"}),
        ("IMG_20190812", {"img_20190812"}),
        ('Shelf, 30 x 20 cm, 12" deep', {"20", "12"}),
        ("a 100-year-old oak", {"100-year-old"}),
        ("Two dogs and 3 cats", set()),
        ("Bus 14 in the snow", set()),
        ("Section 2 of the museum, room 305", set()),
        ("7 men in 2 boats", set()),
        ("Formula 1 car", set()),
        ("", set()),
    ],
)
def test_facts_that_no_picture_shows(text: str, facts: Set[str]) -> None:
    assert unseen_facts(text) == facts


@pytest.mark.parametrize(
    ("true", "false", "same"),
    [
        ("A chain of 17.7 grams.", "A chain of 20.1 grams.", True),
        ("3 dogs run.", "5 dogs run.", True),
        ("A bill of $10.", "A bill of $1,000.", True),
        ("The year 1962 on a wall", "the year 2020 on a wall", True),
        ("It is 12:30.", "It is 9:45.", True),
        ("Three dogs run.", "Five dogs run.", False),
        ("3 dogs run.", "3 cats run.", False),
        ("3 dogs run.", "3 dogs run.", False),
        ("3 red dogs run.", "4 blue dogs run.", False),
        ("A dog.", "2 dogs.", False),
    ],
)
def test_swaps_of_digits(true: str, false: str, same: bool) -> None:
    assert same_but_digits(true, false) is same


@pytest.mark.parametrize(
    ("true", "false", "negates"),
    [
        ("There is a dog on the grass.", "There is no dog on the grass.", True),
        ("The dog is running.", "The dog is not running.", True),
        ("The dog runs.", "The dog does not run.", True),
        ("A man with a hat.", "A man without a hat.", True),
        ("A dog lies on grass.", "No dog.", True),
        ("The sun is out.", "The sun isn't out.", True),
        ("A dog on the grass.", "A cat on the grass.", False),
        ("There is a dog.", "There is no dog but a horse.", False),
        ("No dog is here.", "No cat is here.", False),
        ("A man with a hat.", "A man with a hood.", False),
        ("A sign reads no parking.", "A sign reads no smoking.", False),
    ],
)
def test_bare_negations(true: str, false: str, negates: bool) -> None:
    assert only_negates(words_of(true), words_of(false)) is negates


@pytest.mark.parametrize(
    ("true", "false", "minimal"),
    [
        ("A red car stands on a road.", "A blue car stands on a road.", True),
        ("A dog chases a cat.", "A cat chases a dog.", True),
        ("A dog.", "A cow.", True),
        ("A dog sits under a tree.", "A dog sits on top of a tree.", True),
        ("Two men talk.", "Two women talk.", True),
        ("A dog sits under a tree.", "Several planes fly over the city.", False),
        ("A red car on a road.", "An open window with flowers in a wooden box.", False),
        ("Dogs.", "Cats.", False),
        ("A dog.", "A dog with a ball in its mouth", False),
        ("The sky is blue.", "Nothing of that kind", False),
    ],
)
def test_half_of_the_words_stay(true: str, false: str, minimal: bool) -> None:
    assert is_minimal(words_of(true), words_of(false)) is minimal


def test_each_pair_that_cannot_be_used_is_told_why() -> None:
    pairs = [
        ("A red car stands on a road.", "A blue car stands on a road.", None),
        ("a red car stands on a road", "A green car stands on a road.", "repeated"),
        ("A silver chain weighs 17.7 grams.", "A gold chain weighs 17.7 grams.", "fact of the alt text"),
        ("A silver chain is on a box.", "A silver chain of 17.7 g is on a bag.", "fact of the alt text"),
        ("3 dogs run.", "4 dogs run.", "digits alone"),
        ("A tree is tall.", "A tree is tall!", "same"),
        ("A house has a door.", "A red car stands on a road.", "negative is true"),
        ("A grey dog sits on a big sofa.", "The gray dog sits on the large couch.", "negative is true"),
        ("A dog chases a cat.", "A cat chases a dog.", None),
        ("There is a lamp.", "There is no lamp.", "negation alone"),
        ("The sky is blue.", "Several planes fly over a city.", "not minimal"),
        ("A chain of 20 grams lies here.", "A ring of 20 grams lies here.", None),
    ]
    checked = check_pairs([p for p, _, _ in pairs], [n for _, n, _ in pairs], "Silver chain 17.7 grams")
    assert list(zip(checked.positive, checked.negative, strict=True)) == [
        (p, n) for p, n, why in pairs if not why
    ]
    assert checked.dropped == Counter(why for *_, why in pairs if why)


def test_tags() -> None:
    assert check_tags(["dog", "no cat", "not red", "17.7 grams", "...", "3 chairs"], "17.7 grams") == [
        "dog",
        "3 chairs",
    ]
    assert is_said("red car", ["There is a Red car, parked."])
    assert not is_said("red car", ["A red, old cart."])
    assert not is_said("car", ["A cart and a scar."])
