import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.reply import drop_repeats, quote_data, read_object, read_strings

BAD_JSON = [
    "[1]",
    "{",
    "null",
    "3",
    '{"a": 1} and more',
    "[" * 100_000,
    '{"a": ' * 20_000,
    '{"b": []}',
    '{"a": [], "b": []}',
    '{"a": ' + "9" * 5_000 + "}",
    '{"a": "' + "x" * 70_000 + '"}',
]


@pytest.mark.parametrize("text", BAD_JSON, ids=range(len(BAD_JSON)))
def test_anything_but_the_object_asked_for_is_a_bad_reply(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"])
    assert caught.value.reason == "bad_reply"
    assert len(caught.value.value) <= 120


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_white_space_is_an_empty_reply(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"])
    assert caught.value == BadReply("empty_reply", "")


@pytest.mark.parametrize("text", ['{"a": [1]}', '```json\n{"a": [1]}\n```', '\n```\n{"a": [1]}\n```\n'])
def test_a_code_fence_is_taken_off(text: str) -> None:
    assert read_object(text, ["a"]) == {"a": [1]}


@pytest.mark.parametrize(
    "value",
    [
        "a dog",
        {"0": "x"},
        None,
        [1],
        [None],
        [["x"]],
        ["ab\x00c"],
        ["a\nb"],
        ["\ud800"],
        ["  "],
        ["x" * 11],
        ["x"] * 4,
    ],
    ids=repr,
)
def test_strings_that_are_none(value: object) -> None:
    with pytest.raises(BadReply) as caught:
        read_strings(value, "tags", max_items=3, max_chars=10)
    assert caught.value.reason == "bad_reply"
    caught.value.value.encode()


def test_strings_are_trimmed() -> None:
    assert read_strings([" a dog ", "b"], "tags", 3, 10) == ["a dog", "b"]


def test_repeats_go_and_the_first_stays() -> None:
    kept = drop_repeats(["Red car", "a", "red  CAR", "b", "A"])
    assert list(kept.items()) == [("red car", "Red car"), ("a", "a"), ("b", "b")]


@given(st.text())
def test_quoted_data_is_one_line_of_json_that_encodes(text: str) -> None:
    quoted = quote_data(text)
    assert not set(quoted) & set("\n\r")
    quoted.encode()
    assert json.loads(quoted) == text.encode("utf-8", "replace").decode()


def test_quoted_data_is_bounded_and_survives_surrogates() -> None:
    assert json.loads(quote_data("x" * 5_000)) == "x" * 2_000
    assert json.loads(quote_data("a\ud800b")) == "a?b"
