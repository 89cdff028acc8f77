import doctest
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes import cloc_phrases
from recipes.base import BadReply
from recipes.cloc_phrases import MAX_LISTED, MAX_WORDS, ClocPhrases
from recipes.hygiene import words_of
from recipes.phrase_checks import bare
from recipes.phrases import MAX_PHRASE_CHARS, MAX_PHRASES, find_phrases
from recipes.wording.visual import measure
from schemas.annotation import Fields
from schemas.facts import COLOURS, Facts, WrittenFacts

RECIPE = ClocPhrases()
FACTS = Facts(index=0, uid="u", key="k", alt_text="Sofa sale, 90 cm", language="en")


def reply(phrases: Any) -> str:
    return json.dumps({"phrases": phrases})


def told(alt_text: str = "", language: str | None = "en", **written: Any) -> WrittenFacts:
    return WrittenFacts(
        index=0, uid="u", key="k", alt_text=alt_text, language=language, written=json.dumps(written)
    )


def test_examples() -> None:
    assert doctest.testmod(cloc_phrases).failed == 0


def test_a_good_reply_gives_its_phrases() -> None:
    phrases = ["a brown dog", "two wine glasses", "a bowl of soup"]
    fields = RECIPE.parse(reply(phrases), FACTS)
    assert fields == {"phrases": phrases}
    assert isinstance(fields, Fields)
    assert fields.dropped == {}
    assert RECIPE.parse(f"```json\n{reply(phrases)}\n```", FACTS) == fields


def test_nothing_to_be_seen_is_an_answer() -> None:
    assert RECIPE.parse(reply([]), FACTS) == {"phrases": []}


def test_what_cannot_be_used_goes_and_is_counted() -> None:
    fields = RECIPE.parse(
        reply(
            [
                "- A Brown Dog.",
                "the brown dog",
                "a dog sits on a sofa",
                "the background",
                "a stock photo",
                "a 90 cm sofa",
                "no cat",
                "a big old red round wooden garden table leg end",
                "abcdefghijklmnopqrstuvwxyz" * 3,
                "a red\u0007 sofa",
            ]
        ),
        FACTS,
    )
    assert fields == {"phrases": ["a brown dog", "a red sofa"]}
    assert isinstance(fields, Fields)
    assert fields.dropped == {
        "phrases": {
            "repeated": 1,
            "no noun phrase": 2,  # a clause, and `no cat`
            "names nothing": 2,
            "not to be seen": 1,
            "too long": 2,
        }
    }


def test_a_model_that_cannot_count_loses_only_the_surplus() -> None:
    nouns = [f"{letter}{ending}oo" for letter in "bcdfgk" for ending in ("ar", "el", "in", "or", "un")]
    phrases = [f"a {noun}" for noun in nouns]
    fields = RECIPE.parse(reply(phrases), FACTS)
    assert fields["phrases"] == phrases[:MAX_PHRASES]
    assert isinstance(fields, Fields)
    assert fields.dropped == {"phrases": {"too many": 10}}


@pytest.mark.parametrize(
    ("phrases", "reason"),
    [
        (["a dog sits", "the scene"], "bad_reply"),
        ("a dog", "bad_reply"),
        ([["a dog"]], "bad_reply"),
        ([None], "bad_reply"),
        (["a dog"] * (MAX_LISTED + 1), "bad_reply"),
        (["a " * 201], "bad_reply"),
        (["I'm sorry, but I can't help with that."], "refusal"),
        (["\u4e00\u53ea\u72d7"], "wrong_language"),
        (["by a determiner, adjectives that can be seen and nouns"], "prompt_leak"),
    ],
)
def test_what_spoils_a_reply(phrases: Any, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(reply(phrases), FACTS)
    assert caught.value.reason == reason


def test_where_nothing_is_left_the_model_is_told_why() -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(reply(["it is red", "a cat sits", "objects"]), FACTS)
    assert caught.value.value == "no phrase is left: names nothing (1), no noun phrase (2)"
    assert "noun phrase" in caught.value.fault


def test_the_prompt_begins_alike_and_quotes_every_text() -> None:
    facts = told(
        'A "dog" <b>', recaption="A sofa.", fused=None, english="A dog.", long_positive=["A cat.", "A dog."]
    )
    head, _, texts = RECIPE.prompt(facts).rpartition("Texts: ")
    assert json.loads(texts) == ['A "dog" <b>', "A sofa.", "A dog.", "A cat."]
    assert "<" not in texts
    assert RECIPE.prompt(Facts(index=0, uid="", key="")) == head + "Texts: []"


def test_rules_take_the_noun_phrases_of_all_texts() -> None:
    facts = told("A cat, stock photo", recaption="A brown dog lies on a red sofa.", fused="A dog in Rome.")
    expected = find_phrases(["A cat, stock photo", "A brown dog lies on a red sofa.", "A dog in Rome."], "u")
    assert expected == ["a cat", "a brown dog", "a red sofa", "a dog", "rome"]
    assert RECIPE.by_rule(facts) == RECIPE.fallback(facts, "refusal") == {"phrases": expected}


def test_rules_leave_other_languages_and_empty_texts_out() -> None:
    facts = told("ein Hund auf dem Sofa", "de", recaption="A brown dog.")
    assert RECIPE.by_rule(facts) == {"phrases": ["a brown dog"]}
    for empty in (told("", None, recaption=None, long_positive=[]), Facts(index=0, uid="", key="")):
        assert RECIPE.by_rule(empty) == {"phrases": []}
        assert RECIPE.parse(json.dumps(RECIPE.by_rule(empty)), empty) == {"phrases": []}


def test_rules_look_for_no_things_in_measures_of_the_picture() -> None:
    red = tuple(float(colour == "red") for colour in COLOURS)
    measured = replace(FACTS, alt_text="", width=300, height=100, colour_shares=red, contrast=10.0)
    sentences = [one.positive for one in measure(measured)]
    assert len(sentences) > 2
    told_facts = replace(
        told(long_positive=[*sentences, "A dog."]),
        width=300, height=100, colour_shares=red, contrast=10.0,
    )  # fmt: skip
    assert RECIPE.by_rule(told_facts) == {"phrases": ["a dog"]}


TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(["a", "the", "red", "dog", "dogs", "runs", "photo", "of", "7", ",", ".", "no"]),
    max_size=12,
).map(" ".join)


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3), st.sampled_from([None, "en", "de"]))
def test_what_rules_write_passes(alt_text: str, sentences: list[str], language: str | None) -> None:
    facts = told(alt_text, language, long_positive=sentences, recaption=sentences[0] if sentences else None)
    fields = RECIPE.by_rule(facts)
    assert RECIPE.parse(json.dumps(fields), facts) == fields
    RECIPE.prompt(facts).encode()


@settings(deadline=None)
@given(
    st.lists(TEXTS, max_size=6) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5),
    st.text() | st.just(""),
    st.sampled_from(["stop", "length", "content_filter"]),
)
def test_any_reply_is_within_the_contract_or_a_bad_one(phrases: Any, text: str, finish_reason: str) -> None:
    for whole in (text, reply(phrases), f"{text}{reply(phrases)}"):
        try:
            fields = RECIPE.parse(whole, FACTS, finish_reason=finish_reason)
        except BadReply as error:
            error.value.encode()
            continue
        assert list(fields) == ["phrases"]
        check(fields["phrases"])
        assert isinstance(fields, Fields)
        lost = sum(fields.dropped.get("phrases", {}).values())
        assert len(fields["phrases"]) + lost == len(phrases)


def check(phrases: list[str]) -> None:
    assert len(phrases) <= MAX_PHRASES
    assert len({bare(phrase) for phrase in phrases}) == len(phrases)
    for phrase in phrases:
        phrase.encode()
        assert phrase == phrase.lower().strip() != ""
        assert len(phrase) <= MAX_PHRASE_CHARS
        assert len(words_of(phrase)) <= MAX_WORDS


@pytest.mark.parametrize("depth", [10, 500, 900, 950, 990, 1_000, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"phrases":', "}")])
def test_deep_json_is_a_bad_reply(depth: int, opening: str, closing: str) -> None:
    with pytest.raises(BadReply):
        RECIPE.parse('{"phrases": ' + opening * depth + "1" + closing * depth + "}", FACTS)
