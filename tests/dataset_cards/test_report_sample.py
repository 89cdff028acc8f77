import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.report_sample import changed_texts, published_view, rejected_view
from dataset_cards.report_text import TextRoom, embed_json
from dataset_cards.report_values import MAX_ITEMS
from schemas.annotation import FIELDS

RECORD: dict[str, Any] = {
    "uid": "u1",
    "url": None,
    "alt_text": "a red car",
    "caption": "A red car stands.",
    "source": {"shard": "00000.tar", "key": "k1", "json": {}},
    **FIELDS,
    "long_positive": ["A red car stands.", "It is day."],
    "long_negative": ["A blue car stands.", "It is night."],
    "short_positive": ["car"],
    "short_negative": ["boat"],
    "recaption": "Dense.",
    "regions": [
        {"box": [0, 0.25, 0.5, 1], "phrase": "the car", "score": 0.5, "raw_score": None},
        {"box": [0, 0, 7, 1], "phrase": "outside", "score": 0.5, "raw_score": None},
    ],
    "scores": {
        "clip_alt": 0.25,
        "broken": "x",
        "nan": float("nan"),
        "clip_long_positive": [0.25, None],
        "context_tags": {"style": "photo"},
    },
    "facts": {"width": 640, "height": 480, "colours": ["red", "grey"], "language": None, "contrast": 3.25},
    "provenance": {"recaption": {"recipe": "recaption", "model": "m", "tokens_in": 7}},
}
PLACE = {"shard": "00001.tar", "key": "000000012"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def _room() -> TextRoom:
    return TextRoom(left=100_000)


def test_a_published_sample() -> None:
    assert published_view(RECORD, PLACE, _room()) == {
        "kind": "published",
        "uid": "u1",
        "shard": "00001.tar",
        "key": "000000012",
        "alt": "a red car",
        "caption": "A red car stands.",
        "pairs": [["A", ["red", "blue"], "car stands."], ["It is", ["day.", "night."]]],
        "texts": {"short_positive": ["car"], "short_negative": ["boat"], "recaption": ["Dense."]},
        "regions": [{"box": [0.0, 0.25, 0.5, 1.0], "phrase": "the car", "score": 0.5, "raw": None}],
        "beside": {"long_positive": {"clip": [0.25, None]}},
        "scores": {"clip_alt": 0.25},
        "others": {"context_tags": "style photo"},
        "facts": {"width": "640", "height": "480", "colours": "red, grey", "contrast": "3.25"},
        "who": {"recaption": {"recipe": "recaption", "model": "m", "tokens_in": "7"}},
        "source": "00000.tar: k1",
        "url": "",
        "fields": [
            "long_positive",
            "long_negative",
            "short_positive",
            "short_negative",
            "recaption",
            "regions",
        ],
        "recipes": ["recaption"],
    }


@given(st.dictionaries(st.sampled_from([*RECORD, "unknown"]), JSON))
def test_a_record_that_is_not_as_promised_is_shown_as_far_as_it_goes(broken: dict[str, Any]) -> None:
    view = published_view({**RECORD, **broken}, PLACE, _room())
    assert json.loads(embed_json(view)) == view
    changed_texts({**RECORD, **broken}, RECORD, _room())


def test_lists_and_texts_are_bounded() -> None:
    record = RECORD | {"rewrites": ["x"] * 500, "alt_text": "y" * 100_000}
    view = published_view(record, PLACE, TextRoom(left=20_000))
    assert view["texts"]["rewrites"] == ["x"] * MAX_ITEMS + ["… and 460 more"]
    assert view["alt"] == "y" * 6000 + "… (94,000 more characters)"
    assert len(embed_json(published_view(record, PLACE, TextRoom(left=300)))) < 5000


def test_a_rejected_sample() -> None:
    row = {"uid": "u", "shard": "a.tar", "key": "k\u202e", "stage": "dedup", "kind": "dropped",
           "reason": "near_duplicate", "value": "of <b>"}  # fmt: skip
    facts = {"alt_text": "two cats", "url": None, "width": 30, "language": "en"}
    assert rejected_view(row, facts, _room()) == {
        "kind": "dropped",
        "uid": "u",
        "shard": "a.tar",
        "key": "k[U+202E]",
        "stage": "dedup",
        "reason": "near_duplicate",
        "value": "of <b>",
        "alt": "two cats",
        "url": "",
        "facts": {"width": "30", "language": "en"},
    }
    assert rejected_view(row, {}, _room())["alt"] == ""


def test_changes_between_two_runs() -> None:
    there = RECORD | {
        "caption": "A red van stands.",
        "short_positive": [],
        "recaption": None,
        "regions": [{"box": [0, 0, 1, 1], "phrase": "the van"}],
    }
    here = RECORD | {"regions": RECORD["regions"][:1]}
    assert changed_texts(here, there, _room()) == {
        "caption": [["A red", ["van", "car"], "stands."]],
        "short_positive": [[["", "car"]]],
        "recaption": [[["", "Dense."]]],
        "regions": [["the", ["van", "car"]]],
    }
    assert changed_texts(RECORD, RECORD, _room()) == {}
