"""Scores beside the texts that they are of, and marks on those that were mended."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.report_sample import published_view
from dataset_cards.report_scores import (
    TEXT_FIELDS,
    beside_texts,
    mended_texts,
    other_scores,
    scores_of_texts,
    single_scores,
)
from dataset_cards.report_text import TextRoom, embed_json
from dataset_cards.report_values import MAX_ITEMS

MENDED = {"recipe": "realign", "model": "m", "sentences": {"long_positive": [0, 2]}}
RECORD: dict[str, Any] = {
    "long_positive": ["One.", "Two.", "Three."],
    "long_negative": ["No one.", "", "No three."],
    "rewrites": ["A.", "B."],
    "scores": {
        "clip_alt": 0.5,
        "clip_masked": None,
        "text_printed": 0.25,
        "quality": -0.125,
        "clip_long_positive": [0.3127456789, None, -0.25],
        "clip_long_negative": [0.25, None, 0.125],
        "f_clipscore_grad_long_positive": [0.0, -5.1e-5, None],
        "context_tags": {"style": "photo", "background": "<b>"},
    },
    "provenance": {"realigned": MENDED},
}
NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
SCORES = NUMBERS | st.lists(NUMBERS, max_size=5) | st.dictionaries(st.text(max_size=3), NUMBERS, max_size=3)


def _room() -> TextRoom:
    return TextRoom(left=100_000)


def test_each_text_has_its_own_scores() -> None:
    assert beside_texts(RECORD, _room()) == {
        "long_positive": {
            "clip": [0.312746, None, -0.25],
            "f_clipscore_grad": [0.0, -5.1e-5, None],
            "realigned": [0, 2],
        },
        "long_negative": {"clip": [0.25, None, 0.125]},
    }
    assert single_scores(RECORD) == {"clip_alt": 0.5, "text_printed": 0.25, "quality": -0.125}


def test_what_is_no_number_is_told_as_text() -> None:
    beside = beside_texts(RECORD, _room())
    assert other_scores(RECORD, beside, _room()) == {
        "clip_masked": "none",
        "context_tags": "style photo, background <b>",
    }
    untagged = {"scores": {"context_tags": {}}}
    assert other_scores(untagged, {}, _room()) == {"context_tags": "none"}


def test_a_list_of_another_length_stands_beside_nothing() -> None:
    for cosines, told in (([0.25], "0.25"), ([0.25, None, 0.5, 1], "0.25, none, 0.5, 1")):
        record = RECORD | {"scores": {"clip_long_positive": cosines}, "provenance": {}}
        assert beside_texts(record, _room()) == {}
        assert other_scores(record, {}, _room()) == {"clip_long_positive": told}


def test_scores_follow_their_texts_where_the_list_holds_something_else() -> None:
    record = {
        "rewrites": ["A.", 7, "C."],
        "scores": {"clip_rewrites": [0.1, 0.2, 0.3]},
        "provenance": {"realigned": {"sentences": {"rewrites": [1, 2]}}},
    }
    assert beside_texts(record, _room()) == {"rewrites": {"clip": [0.1, 0.3], "realigned": [1]}}
    assert published_view(record, {}, _room())["texts"]["rewrites"] == ["A.", "C."]


def test_places_that_no_sentence_has_are_left_out() -> None:
    places = [2, True, -1, 3, 1.0, "0", None, 10**30]
    record = RECORD | {
        "provenance": {"realigned": MENDED | {"sentences": {"long_positive": places, "x": [0]}}}
    }
    assert mended_texts(record) == ["long_positive[2]"]
    for sentences in (None, [0], {"long_positive": 0}, {"long_positive": "0"}):
        mended = {"provenance": {"realigned": MENDED | {"sentences": sentences}}}
        assert mended_texts(RECORD | mended) == []


def test_the_one_who_mended_is_among_those_who_wrote() -> None:
    view = published_view(RECORD, {}, _room())
    sentences = "long_positive[0], long_positive[2]"
    assert view["who"] == {"realigned": {"recipe": "realign", "model": "m", "sentences": sentences}}
    assert view["recipes"] == ["realign"]


def test_scores_that_find_no_room_are_cut_like_texts() -> None:
    scores = {"clip_rewrites": [0.25] * 500, "clip_descriptions": [0.5] * 20}
    record = {"rewrites": ["x"] * 500, "descriptions": ["y"] * 20, "scores": scores}
    assert beside_texts(record, _room())["rewrites"] == {"clip": [0.25] * MAX_ITEMS}
    room = TextRoom(left=300)
    beside = beside_texts(record, room)
    assert beside == {"descriptions": {"clip": [0.5] * 20}}
    assert "more characters" in other_scores(record, beside, room)["clip_rewrites"]


@given(st.dictionaries(st.sampled_from([f"clip_{name}" for name in TEXT_FIELDS]), SCORES), SCORES)
def test_any_scores_can_be_shown(scores: dict[str, Any], mended: Any) -> None:
    record = RECORD | {
        "scores": scores,
        "provenance": {"realigned": {"sentences": {"long_positive": mended}}},
    }
    view = published_view(record, {}, _room())
    assert json.loads(embed_json(view)) == view
    for field, columns in view["beside"].items():
        assert {len(columns[kind]) for kind in columns if kind != "realigned"} <= {len(record[field])}
    assert all(math.isfinite(score) for _, score in scores_of_texts(view))
