import json
from typing import Any

import pytest

from recipes.base import BadReply
from recipes.detect import NO_PHRASES, Detect, asked_phrases
from schemas.annotation import Fields
from schemas.facts import Facts, WrittenFacts

DOG = Facts(index=0, uid="u", key="k", alt_text="A brown dog on a red sofa", language="en")


def told(alt_text: str = "A brown dog", **written: Any) -> WrittenFacts:
    return WrittenFacts(
        index=0, uid="u", key="k", alt_text=alt_text, language="en", written=json.dumps(written)
    )


def test_without_other_recipes_the_phrases_of_the_alt_text() -> None:
    assert asked_phrases(DOG) == ["brown dog", "red sofa"]
    assert json.loads(Detect().prompt(DOG)) == {"phrases": ["brown dog", "red sofa"]}


def test_alt_text_in_another_language_is_not_looked_for() -> None:
    german = Facts(index=0, uid="u", key="k", alt_text="A Hund in a Haus", language="de")
    assert asked_phrases(german) == []


def test_phrases_of_all_english_texts() -> None:
    facts = told(long_positive=["A tall tree stands here."], recaption="A white fence.", fused=None)
    assert asked_phrases(facts) == ["brown dog", "white fence", "tall tree"]


def test_phrases_of_other_recipes_stand_alone_each_once() -> None:
    facts = told(phrases=["the sky", "a dog", "a"], descriptions=["a wet nose", "dog"], recaption="A cat.")
    assert asked_phrases(facts) == ["sky", "dog", "a", "wet nose"]
    assert asked_phrases(told(phrases=[])) == []


def test_boxes_pass_as_they_are() -> None:
    reply = json.dumps({"regions": [{"box": [0, 0, 2, 1], "phrase": "dog", "score": 0.5}, {}]})
    assert Detect().parse(reply, DOG) == {
        "regions": [
            {"box": [0, 0, 2, 1], "phrase": "dog", "raw_score": 0.5},
            {"box": None, "phrase": None, "raw_score": None},
        ]
    }


def test_a_sample_that_nothing_was_looked_for_in_is_counted() -> None:
    fields = Detect().parse('{"regions": []}', told(phrases=[]))
    assert isinstance(fields, Fields)
    assert (fields, fields.dropped) == ({"regions": []}, {"regions": {NO_PHRASES: 1}})
    assert Detect().parse('{"regions": []}', DOG).dropped == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"regions": 1}', '{"regions": [1]}', '{"boxes": []}'])
def test_what_no_detector_says(text: str) -> None:
    with pytest.raises(BadReply):
        Detect().parse(text, DOG)
    assert Detect().fallback(DOG, "bad_reply") == {"regions": []}
