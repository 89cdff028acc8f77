import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.clip_tokens import fits
from recipes.compress import Compress, CompressAltText, CompressFused, keeps_meaning, shorten
from recipes.kept import english_names, lost, numbers
from schemas.facts import Facts, WrittenFacts

RECIPE = Compress()
LONG = (
    "A brown dog with a green collar lies on a large red leather sofa in a bright living room. "
    "To the left of the sofa stands a tall brass lamp with a white shade next to a wooden table. "
    "In the background, 3 framed pictures of mountains hang in a row on a pale yellow wall in Paris."
)
GOOD = (
    "Brown dog with green collar on large red leather sofa in bright living room, tall brass lamp with white "
    "shade, wooden table, 3 framed pictures of mountains, yellow wall, Paris."
)
DATA = Path(__file__).parents[3] / "shared" / "data"


def facts(recaption: str | None = LONG, **fields: str | None) -> WrittenFacts:
    written = json.dumps({"recaption": recaption} | fields)
    return WrittenFacts(index=0, uid="u", key="k", alt_text="alt", language="en", written=written)


def reply(text: Any = GOOD) -> str:
    return json.dumps({"compressed": text})


def test_a_good_reply_gives_its_text() -> None:
    assert not fits(LONG)
    assert fits(GOOD)
    assert RECIPE.parse(reply(), facts()) == {"compressed": GOOD}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{GOOD} The dog is brown and has a collar.", "over_budget"),
        (GOOD.replace("Paris", "it"), "lost_names"),
        (GOOD.replace("3", "some"), "lost_names"),
        ("3 framed pictures of mountains in Paris.", "lost_meaning"),
        ("A black cat, 3 white chairs and a blue vase near two windows of an old kitchen in Paris, "
         "seen from the garden on a rainy morning.", "lost_meaning"),
        ("一只狗在沙发上 3 Paris", "wrong_language"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("", "bad_reply"),
        ({}, "bad_reply"),
    ],
)  # fmt: skip
def test_what_spoils_a_reply(text: Any, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        RECIPE.parse(reply(text), facts())
    assert caught.value.reason == reason


def test_a_text_that_fits_is_not_asked_about_and_stays() -> None:
    assert RECIPE.known(facts("A dog.")) == {"compressed": "A dog."}
    assert RECIPE.known(facts("dog " * 600)) == {"compressed": "dog " * 600}  # a prompt would cut it
    assert RECIPE.known(facts(None)) == RECIPE.known(facts("")) == {"compressed": None}
    assert RECIPE.known(facts()) is None


def test_else_the_original() -> None:
    for reason in ("lost_meaning", "cut_reply"):
        assert RECIPE.fallback(facts(), reason) == {"compressed": LONG}


def test_what_is_shortened() -> None:
    fused, alt_text = CompressFused(), CompressAltText()
    assert fused.original(facts(fused="F")) == "F"
    assert fused.original(facts(fused=None)) == LONG
    assert RECIPE.original(facts(fused="F")) == LONG
    assert alt_text.original(facts(fused="F")) == "alt"
    assert {recipe.fields for recipe in (RECIPE, fused, alt_text)} == {("compressed",)}
    assert len({recipe.name for recipe in (RECIPE, fused, alt_text)}) == 3


def test_rules_leave_out_sentences_that_name_nothing() -> None:
    first, second, third = LONG.replace(". ", ".|").split("|")
    assert RECIPE.by_rule(facts()) == {"compressed": f"{first} {third}"}
    named = LONG.replace("sofa stands", "Ikea sofa stands")
    assert RECIPE.by_rule(facts(named)) == {"compressed": named}  # each of the last two has a name
    tail = "The wall has a pattern of leaves."
    text = f"{second} {first.replace('brown dog', 'Labrador')} The room is neat and tidy. {tail}"
    assert not fits(text)
    assert shorten(text) == f"{second} {first.replace('brown dog', 'Labrador')}"
    assert RECIPE.by_rule(facts("A dog.")) == {"compressed": "A dog."}
    assert RECIPE.by_rule(facts(None)) == {"compressed": None}


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["A red car.", "Paris", "x" * 30, "12", "é", "不"])).map(" ".join)
)
@settings(max_examples=60)
def test_what_rules_write_parses_to_itself(text: str) -> None:
    fields = RECIPE.by_rule(facts(text))
    assert RECIPE.parse(json.dumps(fields), facts(text)) == fields


@given(st.text(), st.text(max_size=600), st.sampled_from(["stop", "length"]))
@settings(max_examples=60)
def test_any_text_is_a_reply_or_a_bad_one(text: str, original: str, finish_reason: str) -> None:
    RECIPE.prompt(facts(original)).encode()
    for whole in (text, reply(text), reply(f"{GOOD} {text}")):
        for of in (facts(original), facts(), Facts(index=0, uid="u", key="k")):
            try:
                fields = RECIPE.parse(whole, of, finish_reason=finish_reason)
            except BadReply as error:
                error.value.encode()
            else:
                assert list(fields) == ["compressed"]


def five_captions() -> list[list[str]]:
    found = []
    for path in sorted((DATA / "coco_open" / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            records = [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
        found += [record["captions"][:5] for record in records if len(record["captions"]) >= 5]
    return [[caption.strip().rstrip(".") + "." for caption in five] for five in found]


@pytest.mark.skipif(not DATA.is_dir(), reason="real captions are not here")
def test_real_captions_are_kept_or_lost() -> None:
    """Five people's captions of a picture, as one text: one of them is too little, another picture's are
    something else, and the text without its function words is the same."""
    captions = five_captions()
    texts = [" ".join(five) for five in captions]
    n = len(texts)
    assert n > 100
    terse = [
        " ".join(w for w in text.split() if w.lower() not in ("a", "the", "of", "is", "are"))
        for text in texts
    ]
    assert all(keeps_meaning(short, text) for short, text in zip(terse, texts, strict=True))
    assert sum(keeps_meaning(five[0], text) for five, text in zip(captions, texts, strict=True)) <= 0.02 * n
    assert not any(keeps_meaning(texts[i - 1], texts[i]) for i in range(n))


@pytest.mark.skipif(not DATA.is_dir(), reason="real alt texts are not here")
def test_rules_on_real_alt_texts_keep_every_name_and_number() -> None:
    path = DATA / "alt_text" / "test_files" / "test_10000.parquet"
    texts = [text for text in pq.read_table(path)["TEXT"].to_pylist() if text and not fits(text)]
    assert len(texts) > 100
    shorter = [(text, short) for text in texts if (short := shorten(text)) != text]
    assert shorter
    for text, short in shorter:
        assert fits(short)
        assert not lost(short, numbers(text) | english_names(text))
