import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.annotation import Annotation, Provenance
from schemas.facts import COLOURS, Facts
from transforms.publish.check_record import check_record
from transforms.publish.sample_json import encode_json, encode_mended, sample_json

FACTS = Facts(
    index=7,
    uid="u7",
    key="k7",
    url="http://example.org/7.jpg",
    alt_text="a red car",
    mended=("dotted_key",),
    source_json='{"license":"cc-by"}',
    sha256=bytes(range(32)),
    format="jpeg",
    mode="RGB",
    width=640,
    height=480,
    frames=1,
    phash=0x0F,
    colour_shares=(0.3, 0.04, 0.0, 0.3, 0.05, 0.0, 0.0, 0.31, 0.0, 0.0, 0.0),
    brightness=1.23456,
    contrast=2.0,
    sharpness=3.9996,
    entropy=4.0004,
    words=3,
    chars=9,
    language="en",
)
LONG = Annotation(
    index=7,
    uid="u7",
    fields={"long_positive": ["A red car."], "long_negative": ["A blue car."]},
    provenance=Provenance(
        recipe="hqclip", worker="openai", model="m", prompt_sha256="ff", seed=1, tokens_in=2, tokens_out=3
    ),
)
DENSE = replace(LONG, fields={"recaption": "A red car, parked."})
REGION = {"box": [0.1, 0.2, 0.5, 0.75], "phrase": "car", "score": 0.5, "raw_score": None}
BOXES = Annotation(index=7, uid="u7", fields={"regions": [REGION]}, provenance=None)

WHO = (
    '{"recipe":"hqclip","worker":"openai","model":"m","prompt_sha256":"ff","seed":1,"tokens_in":2,'
    '"tokens_out":3}'
)
EXPECTED = (
    '{"uid":"u7","url":"http://example.org/7.jpg","alt_text":"a red car","caption":"A red car.",'
    '"source":{"shard":"a/0.tar","key":"k7","json":{"license":"cc-by"}},'
    '"long_positive":["A red car."],"long_negative":["A blue car."],'
    '"short_positive":[],"short_negative":[],"rewrites":[],"recaption":"A red car, parked.","fused":null,'
    '"compressed":null,"english":null,"chinese":null,"phrases":[],"descriptions":[],'
    '"regions":[{"box":[0.1,0.2,0.5,0.75],"phrase":"car","score":0.5,"raw_score":null}],"scores":{},'
    '"facts":{"width":640,"height":480,"format":"jpeg","mode":"RGB","frames":1,"orientation":1,'
    '"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
    '"phash":"000000000000000f","brightness":1.235,"contrast":2.0,"sharpness":4.0,"entropy":4.0,'
    '"colours":["blue","black","red","orange"],"language":"en","words":3,"chars":9,"mended":["dotted_key"]},'
    f'"provenance":{{"long_positive":{WHO},"long_negative":{WHO},"recaption":{WHO}}}}}\n'
)


def test_bytes_by_hand() -> None:
    assert encode_json(sample_json(FACTS, "a/0.tar", [DENSE, LONG, BOXES])).decode() == EXPECTED


def test_nothing_asked_leaves_every_field_empty() -> None:
    record = sample_json(replace(FACTS, url=None, phash=None, colour_shares=()), "s", [])
    assert record["caption"] == "a red car"
    assert record["url"] is None
    assert record["facts"]["phash"] is None
    assert record["facts"]["colours"] == []
    assert all(record[name] == [] for name in ("long_positive", "short_negative", "rewrites", "regions"))
    assert all(record[name] is None for name in ("recaption", "fused", "compressed", "english", "chinese"))
    assert record["provenance"] == {}
    assert check_record(record) == []


def test_the_best_text_is_the_caption() -> None:
    texts = {"fused": "A red Saab, parked.", "compressed": "A red Saab."}
    record = sample_json(FACTS, "s", [DENSE, replace(LONG, fields=texts)])
    assert record["caption"] == "A red Saab."
    assert sample_json(FACTS, "s", [DENSE])["caption"] == "A red car, parked."
    assert check_record(record) == []


def test_fields_of_one_language_say_which() -> None:
    texts = {"english": "A red car.", "chinese": "一辆红色的汽车"}
    record = sample_json(FACTS, "s", [replace(LONG, fields=texts), DENSE])
    told = {name: who.get("language") for name, who in record["provenance"].items()}
    assert told == {"recaption": None, "english": "en", "chinese": "zh-Hans"}
    assert check_record(record) == []
    record["provenance"]["chinese"]["language"] = "zh"
    assert check_record(record) == ["provenance.chinese.language is 'zh', not 'zh-Hans'"]
    del record["provenance"]["chinese"]["language"]
    assert check_record(record) == ["lacks provenance.chinese.language"]
    record["provenance"]["chinese"]["language"] = "zh-Hans"
    record["provenance"]["recaption"]["language"] = "en"
    assert check_record(record) == ["has unknown provenance.recaption.language"]


def test_highest_bit_of_the_hash() -> None:
    assert sample_json(replace(FACTS, phash=2**64 - 1), "s", [])["facts"]["phash"] == "f" * 16


def test_what_json_and_utf8_cannot_hold_is_mended() -> None:
    region = {**REGION, "score": math.inf}
    facts = replace(FACTS, alt_text="a\ud800b", entropy=math.nan, key="k\udcff")
    record, _ = encode_mended(sample_json(facts, "s\udc80", [replace(BOXES, fields={"regions": [region]})]))
    assert record["alt_text"] == record["caption"] == "a\ufffdb"
    assert record["source"] == {"shard": "s\ufffd", "key": "k\ufffd", "json": {"license": "cc-by"}}
    assert record["facts"]["entropy"] is None
    assert record["regions"][0]["score"] is None
    assert json.loads(encode_json(record)) == record


def test_unicode_stays_readable() -> None:
    record = sample_json(replace(FACTS, alt_text="桜 \U0001f338 \x1b\u2028"), "s", [])
    assert "桜 \U0001f338".encode() in encode_json(record)
    assert json.loads(encode_json(record))["alt_text"] == "桜 \U0001f338 \x1b\u2028"


@pytest.mark.parametrize("value", [math.nan, "\ud800"])
def test_encode_refuses_what_was_not_mended(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the two errors are the standard library's own
        encode_json({"a": value})


@given(st.text(st.characters(), max_size=20), st.lists(st.text(st.characters(), max_size=20), max_size=3))
def test_any_text_makes_a_record_that_reads_back(alt_text: str, sentences: list[str]) -> None:
    written = Annotation(index=0, uid="u", fields={"rewrites": sentences})
    record, _ = encode_mended(sample_json(replace(FACTS, alt_text=alt_text), "s", [written]))
    assert json.loads(encode_json(record)) == record
    assert check_record(record) == []


def test_two_recipes_for_one_field() -> None:
    with pytest.raises(ValueError, match="two recipes write 'long_positive'"):
        sample_json(FACTS, "s", [LONG, LONG])


def test_a_field_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no field 'captions'"):
        sample_json(FACTS, "s", [Annotation(index=0, uid="u", fields={"captions": []})])


def test_colour_ties_go_by_the_order_of_colours() -> None:
    shares = tuple(1 / len(COLOURS) for _ in COLOURS)
    record = sample_json(replace(FACTS, colour_shares=shares), "s", [])
    assert record["facts"]["colours"] == list(COLOURS)
