import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.laclip import PAIRS, LaClip
from schemas.annotation import Fields
from schemas.facts import Facts

RECIPE = LaClip()
FACTS = Facts(index=0, uid="u", key="k", alt_text="Two dogs in Paris, 2019", language="en")


def test_a_good_reply_gives_its_rewrites_without_repeats_and_without_the_alt_text() -> None:
    rewrites = [" In Paris, 2019: two dogs. ", "In paris, 2019:  two dogs.", "A pair of dogs, Paris 2019"]
    text = json.dumps({"rewrites": [*rewrites, "two DOGS in Paris, 2019"]})
    fields = RECIPE.parse(text, FACTS)
    assert fields == {"rewrites": ["In Paris, 2019: two dogs.", "A pair of dogs, Paris 2019"]}
    assert isinstance(fields, Fields)
    assert fields.dropped == {"rewrites": {"repeated": 1, "the alt text again": 1}}


def test_rewrites_that_lose_numbers_or_names_go_and_the_rest_stays() -> None:
    rewrites = [
        "Two dogs in Paris.",
        "Two dogs in France, 2019.",
        "Two dogs in Paris 2019!",
        "This picture shows a pair of dogs in Paris in 2019.",
    ]
    fields = RECIPE.parse(json.dumps({"rewrites": rewrites}), FACTS)
    assert fields == {"rewrites": ["A pair of dogs in Paris in 2019."]}
    assert isinstance(fields, Fields)
    assert fields.dropped == {"rewrites": {"number or name lost": 2, "the alt text again": 1}}


@pytest.mark.parametrize(
    ("alt_text", "rewrite", "why"),
    [
        ("A dog on a sofa", "...", "under two words"),
        ("A dog on a sofa", "none", "under two words"),
        ("A dog on a sofa", "A dog, for $99, on a sofa", "number added"),
        ("A dog on a sofa", "A sofa with a dog in 2019", "number added"),
        ("Two dogs", "2 dogs together", None),
        ("First snow of 1,000 years", "1st snow in 1000 years", None),
        ("Deux chiens", "2 chiens ensemble", None),
    ],
)
def test_what_says_nothing_or_adds_a_number_goes(alt_text: str, rewrite: str, why: str | None) -> None:
    facts = replace(FACTS, alt_text=alt_text, language="fr" if alt_text == "Deux chiens" else "en")
    good = f"{alt_text} in the end"
    fields = RECIPE.parse(json.dumps({"rewrites": [good, rewrite]}), facts)
    assert fields["rewrites"] == ([good] if why else [good, rewrite])
    assert isinstance(fields, Fields)
    assert fields.dropped == ({"rewrites": {why: 1}} if why else {})


def test_marks_of_a_list_go() -> None:
    text = json.dumps({"rewrites": ["1. A sofa with a dog", "- Dog on a couch", "**Caption:** dog on sofa"]})
    facts = replace(FACTS, alt_text="A dog on a sofa")
    assert RECIPE.parse(text, facts) == {
        "rewrites": ["A sofa with a dog", "Dog on a couch", "Dog on sofa"],
    }
    cat = replace(FACTS, alt_text="\u732b\u306e\u5199\u771f", language="ja")
    assert RECIPE.parse('{"rewrites": ["\u5199\u771f\u306e\u732b"]}', cat)["rewrites"] == [
        "\u5199\u771f\u306e\u732b"
    ]
    dated = replace(FACTS, alt_text="3. Oktober in Berlin", language="de")
    assert RECIPE.parse('{"rewrites": ["3. Oktober, Berlin"]}', dated) == {"rewrites": ["3. Oktober, Berlin"]}


def test_plain_lines_are_understood() -> None:
    text = (
        '"Two dogs in Paris, 2019" => "In 2019, a pair of dogs in Paris."\nTwo => dogs => Paris 2019: dogs.'
    )
    assert RECIPE.parse(text, FACTS) == {
        "rewrites": ["In 2019, a pair of dogs in Paris.", "Paris 2019: dogs."]
    }


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        ("I'm sorry, but I can't rewrite that.", "refusal"),
        ("Two dogs in Paris, two dogs in Paris, two dogs in Paris, 2019", "looping_reply"),
        ("Keep every name, number and place. Add nothing that the caption does not say.", "prompt_leak"),
        ("A lighthouse in Brittany as evening falls.", "prompt_leak"),
        ("Deux chiens dans la ville de Paris avec une balle, 2019", "wrong_language"),
        ("2019 年在 Paris 的两只狗正在公园里玩耍着球呢", "wrong_language"),
    ],
)
def test_what_spoils_a_reply_of_a_model(rewrite: str, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(json.dumps({"rewrites": ["A pair of dogs, Paris 2019.", rewrite]}), FACTS)
    assert caught.value.reason == reason


def test_a_rewrite_is_in_the_language_of_its_caption() -> None:
    german = replace(FACTS, alt_text="Zwei Hunde auf dem Platz, 2019", language="de")
    text = json.dumps({"rewrites": ["Auf dem Platz und mit dem Ball: zwei Hunde, 2019."]})
    assert RECIPE.parse(text, german) == json.loads(text)
    japanese = replace(FACTS, alt_text="大阪城の写真", language="ja")
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(json.dumps({"rewrites": ["A photo of Osaka Castle."]}), japanese)
    assert caught.value.reason == "wrong_language"


@given(st.text(), st.sampled_from(["stop", "length"]), st.text(max_size=30))
def test_any_text_is_a_reply_or_a_bad_one(text: str, finish_reason: str, alt_text: str) -> None:
    facts = replace(FACTS, alt_text=alt_text)
    for whole in (text, f"{text} => {text}", json.dumps({"rewrites": [text, text[:5]]})):
        try:
            fields = RECIPE.parse(whole, facts, finish_reason=finish_reason)
        except BadReply as error:
            error.value.encode()
        else:
            assert all(0 < len(one) <= 400 for one in fields["rewrites"])
            if whole.startswith('{"rewrites"') and isinstance(fields, Fields):
                dropped = sum(fields.dropped.get("rewrites", {}).values())
                assert len(fields["rewrites"]) + dropped == 2
            json.dumps(fields, ensure_ascii=False).encode()


@given(st.lists(st.sampled_from(["park", "street", "garden", "boat"]), min_size=1, max_size=4, unique=True))
def test_a_valid_reply_stays_as_it_is(places: list[str]) -> None:
    fields = {"rewrites": [f"In 2019, a pair of dogs near a {place} in Paris." for place in places]}
    assert RECIPE.parse(json.dumps(fields), FACTS) == fields


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"rewrites": []}', "empty_reply"),
        ('{"rewrites": ["Two dogs in Paris, 2019"]}', "bad_reply"),
        ("", "empty_reply"),
        ('{"rewrites": ["a", "b", "c", "d", "e"]}', "bad_reply"),
        ('{"rewrites": ["a", ""]}', "bad_reply"),
        ('{"rewrites": "a"}', "bad_reply"),
        ("Two dogs => a pair of dogs", "bad_reply"),
    ],
)
def test_bad_replies(text: str, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(text, FACTS)
    assert caught.value.reason == reason


@pytest.mark.parametrize("changes", [{"alt_text": "IMG_1.jpg"}, {"alt_text": "Ein Haus", "language": "de"}])
def test_nothing_to_rewrite_is_no_failure(changes: dict[str, str]) -> None:
    facts = replace(FACTS, **changes)  # type: ignore[arg-type]
    assert RECIPE.by_rule(facts) == {"rewrites": []}
    assert RECIPE.parse('{"rewrites": []}', facts) == {"rewrites": []}


def test_three_different_pairs_are_shown_and_all_are_drawn_evenly() -> None:
    counts = dict.fromkeys((source for source, _ in PAIRS), 0)
    for n in range(1_200):
        prompt = RECIPE.prompt(replace(FACTS, uid=str(n)))
        shown = re.findall(r'^"(.*)" => "', prompt, re.MULTILINE)
        assert len(set(shown)) == len(shown) == 3
        for source in shown:
            counts[source] += 1
        assert prompt.endswith('\n\nCaption: "Two dogs in Paris, 2019"')
    # 300 expected of each; six standard deviations of a binomial are about 90.
    assert all(abs(count - 300) < 90 for count in counts.values()), counts


def test_the_pairs_keep_numbers_and_invent_no_names() -> None:
    written = {"3": "three", "6": "six"}
    for source, target in PAIRS:
        for number in re.findall(r"\d+", source):
            assert number in target or written[number] in target.lower()
        for name in re.findall(r"(?<=\s)[A-Z][a-z]+", target):
            assert name in source


@given(st.text(), st.text(max_size=4))
def test_what_rules_write_parses_to_itself(text: str, uid: str) -> None:
    facts = replace(FACTS, alt_text=text, uid=uid)
    fields = RECIPE.by_rule(facts)
    assert RECIPE.parse(json.dumps(fields), facts) == fields
    assert all(1 <= len(r) <= 400 for r in fields["rewrites"])
    RECIPE.prompt(facts).encode()


@pytest.mark.parametrize("alt_text", ["", " ", "IMG_1234.jpg", "https://example.com/a", "Buy now!"])
def test_a_model_is_not_asked_about_an_alt_text_that_says_nothing(alt_text: str) -> None:
    assert RECIPE.known(replace(FACTS, alt_text=alt_text)) == {"rewrites": []}
    assert RECIPE.known(replace(FACTS, alt_text="\u732b")) is None
    assert RECIPE.known(FACTS) is None
