"""The negatives of generated captions are checked against a small world that says what is true."""

import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.wording.contrasts import write_contrasts
from schemas.facts import COLOURS, Facts

ROOT = Path(__file__).parents[3]


def facts(alt_text: str, uid: str = "u", **changes: object) -> Facts:
    shares = {"blue": 0.6, "white": 0.3, "grey": 0.1}
    base = Facts(
        index=0,
        uid=uid,
        key="k",
        alt_text=alt_text,
        width=400,
        height=300,
        language="en",
        colour_shares=tuple(shares.get(c, 0.0) for c in COLOURS),
        colour_grid=bytes(range(200, 65, -5)),
        brightness=120.0,
        contrast=50.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_hand_worked() -> None:
    assert write_contrasts(facts("A man in a green suit to the left of a wall")) == {
        "long_positive": [
            "A man in a green suit to the left of a wall",
            "The picture is in landscape format.",
        ],
        "long_negative": [
            "A man in a green suit to the right of a wall",
            "The picture is in portrait format.",
        ],
        "short_positive": ["man", "green suit", "wall", "mostly blue"],
        "short_negative": ["woman", "pink suit", "mostly yellow"],
    }


def test_a_caption_without_anything_to_swap_gets_a_clause() -> None:
    fields = write_contrasts(facts("Ribbon cutting."))
    assert fields["long_positive"][0] == "Ribbon cutting, in a mostly blue picture."
    assert re.fullmatch(
        r"Ribbon cutting, in a mostly (yellow|pink|orange|red|brown) picture\.", fields["long_negative"][0]
    )
    two = write_contrasts(facts("Nice. Ribbon cutting."))
    assert re.match(r"Nice\. Ribbon cutting\. (Most|The)", two["long_positive"][0])


@pytest.mark.parametrize("text", ["IMG_0032.jpg", "https://a.org/b.png", ""])
def test_no_text_leaves_the_measured_sentences(text: str) -> None:
    fields = write_contrasts(facts(text))
    assert 1 <= len(fields["long_positive"]) <= 2
    assert all(
        "picture" in s or "colour" in s or "brightest" in s or "light" in s for s in fields["long_positive"]
    )
    assert fields["short_positive"] == ["mostly blue"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ein Haus am See", "de"),
        ("Roos en Lieke in de bus", "nl"),
        ("大阪城の桜", "ja"),
        ("大阪城の桜", None),
    ],
)
def test_another_language_gets_no_long_fields(text: str, language: str | None) -> None:
    fields = write_contrasts(facts(text, language=language, language_probability=0.9))
    assert fields["long_positive"] == fields["long_negative"] == []
    assert fields["short_positive"] == ["mostly blue"]


def test_a_language_guessed_wrongly_is_no_hindrance() -> None:
    fields = write_contrasts(facts("Purple Orchid Flower", language="it", language_probability=0.9))
    assert fields["long_negative"][0] != fields["long_positive"][0]
    assert fields["long_positive"][0] == "Purple Orchid Flower"


OBJECTS = [
    "dog",
    "cat",
    "horse",
    "car",
    "bus",
    "chair",
    "guitar",
    "piano",
    "pizza",
    "cup",
    "umbrella",
    "apple",
]
SIDES = {"to the left of": -1, "to the right of": 1, "above": 2, "below": -2}
CAPTION = re.compile(r"an? (\w+) ([\w ]+?) (to the left of|to the right of|above|below) an? (\w+) ([\w ]+)")


def is_true(sentence: str, first: tuple[str, str], side: int, second: tuple[str, str]) -> bool:
    """Evaluate a caption in a world of two things, either of which may be named first."""
    match = CAPTION.fullmatch(sentence)
    assert match, sentence
    said = ((match[1], match[2]), SIDES[match[3]], (match[4], match[5]))
    return said in ((first, side, second), (second, -side, first))


def test_every_negative_is_false_in_a_world_where_the_caption_is_true() -> None:
    rng = random.Random(0)
    kinds = set()
    for n in range(600):
        first, second = ((rng.choice(COLOURS), rng.choice(OBJECTS)) for _ in range(2))
        side = rng.choice(list(SIDES))
        words = [f"{'an' if w[0][0] in 'aeiou' else 'a'} {' '.join(w)}" for w in (first, second)]
        caption = f"{words[0]} {side} {words[1]}"
        fields = write_contrasts(facts(caption, str(n)))
        assert fields["long_positive"][0] == caption
        assert is_true(caption, first, SIDES[side], second)
        negative = fields["long_negative"][0]
        assert not is_true(negative, first, SIDES[side], second), (caption, negative)
        match = CAPTION.fullmatch(negative)
        assert match
        for colour, thing in ((match[1], match[2]), (match[4], match[5])):
            assert re.search(rf"\b{'an' if colour[0] in 'aeiou' else 'a'} {colour} {thing}", negative)
        kinds.add((match[3] != side, match[1] != first[0], match[2] != first[1]))
        for tag in fields["short_negative"]:
            if not tag.startswith("mostly"):
                colour, _, thing = tag.partition(" ")
                world = {first, second}
                assert (colour, thing) not in world
                assert tag not in {thing for _, thing in world}
    assert {(True, False, False), (False, True, False), (False, False, True)} <= kinds


MEASURED_WORDS = """
    in a mostly picture the is most of main colour common has more than any other wider taller it tall
    wide landscape portrait format brightest part light strongest at on top bottom left right side corner
    middle brighter darker with lot overall dark bright contrast low high square
"""
MEASURED = set(MEASURED_WORDS.split()) | set(COLOURS)
PIECES = st.sampled_from(
    [
        "a",
        "the",
        "two",
        "red",
        "old",
        "dog",
        "Dogs",
        "man",
        "woman's",
        "Left",
        "on",
        "in",
        "front",
        "of",
        "sofa",
        "7",
        "$5",
        "not",
        "or",
        "beach",
        "&",
        "<",
        ">",
        "|",
        ".",
        ",",
        "!",
        '"',
        "'",
        "http://x.org",
        "I.jpg",
        "é",
        "大",
        "�",
        "\x00",
    ]
)


@given(
    st.lists(PIECES, max_size=15).map(" ".join) | st.text(),
    st.text(max_size=5),
    st.sampled_from(["en", "de", None]),
)
@settings(max_examples=300)
def test_the_promises_hold_for_any_text(text: str, uid: str, language: str | None) -> None:
    fields = write_contrasts(facts(text, uid, language=language))
    positive, negative = fields["long_positive"], fields["long_negative"]
    assert len(positive) == len(negative)
    known = set(re.findall(r"[^\W_]+", text.lower())) | MEASURED
    for true, false in zip(positive, negative, strict=True):
        assert true.casefold() != false.casefold()
        assert {
            w for w in re.findall(r"[^\W_]+", true.lower()) if w not in known and w not in text.lower()
        } == set()
    tags, false_tags = fields["short_positive"], fields["short_negative"]
    assert not set(tags) & set(false_tags)
    assert len(tags) == len(set(tags))
    assert all(tag == tag.lower() and tag not in text.lower() for tag in false_tags)
    assert fields == write_contrasts(facts(text, uid, language=language))


def test_another_process_with_another_hash_seed_writes_the_same() -> None:
    script = (
        "from schemas.facts import Facts\n"
        "from recipes.hqclip import HqClip\n"
        "from recipes.laclip import LaClip\n"
        "text = 'Two red dogs on a sofa near a tall man'\n"
        "for n in range(40):\n"
        "    f = Facts(index=0, uid=str(n), key='k', alt_text=text, language='en', width=4, height=3,\n"
        "              colour_shares=(.6, .4) + (0.,) * 9, colour_grid=bytes(range(27)), brightness=20.)\n"
        "    print(HqClip().by_rule(f), LaClip().by_rule(f), LaClip().prompt(f))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 10_000
