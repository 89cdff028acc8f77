import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.base import BadReply
from recipes.reply import (
    drop_repeats,
    printable,
    quote_data,
    read_lines,
    read_object,
    read_strings,
    tidy_texts,
)

BAD_JSON = [
    "[1]",
    "null",
    "3",
    "A red car on a road.",
    "[[[[[]]]]]",
    '{"b": []}',
    '{"a": [], "b": []}',
    '{"a": 1} or {"a": 2}',
    "{'a': [1]}",
    "{a: [1]}",
    '{"a": [1],}',
    '{"a": 1e}',
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


def test_a_bad_reply_passes_through_a_block() -> None:
    @contextmanager
    def block() -> Iterator[None]:
        yield

    with pytest.raises(BadReply, match="refusal"), block():
        raise BadReply("refusal", "no")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ["b"]}',
        '```json\n{"a": ["b"]}\n```',
        '\n```\n{"a": ["b"]}\n```\n',
        'Here is the JSON object:\n\n```json\n{"a": ["b"]}\n```\nLet me know if you need more!',
        'Sure! {"a": ["b"]}',
        '{"a": ["b"]} and more',
        '<think>A set {x} and "quotes".</think>\n{"a": ["b"]}',
        'The set {red, blue} is {"a": ["b"]}',
        '{"a":\n\t["b"]\n}\n\n\n',
    ],
)
def test_fences_and_prose_around_an_object_are_left_out(text: str) -> None:
    assert read_object(text, ["a"]) == {"a": ["b"]}


def test_raw_control_characters_in_strings_are_read() -> None:
    assert read_object('{"a": "one\x01\n\ttwo"}', ["a"]) == {"a": "one\x01\n\ttwo"}


CUT = [
    "{",
    '{"a": ["A red car stands on a ro',
    '{"a": ["A red car."',
    '{"a": ["A red car.", ',
    '{"a": ["A red \\',
    '```json\n{"a": ["A red car."]',
    'Here it is: {"a": ["x"], "b',
    '{"a": ["A sign says {open}.", "It',
    '{"a": [[{"b": [[{"c": ',
]


@pytest.mark.parametrize("text", CUT, ids=range(len(CUT)))
def test_json_that_ends_early_was_cut(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"])
    assert caught.value.reason == "cut_reply"


@pytest.mark.parametrize("text", ['{"a": [1]}', "Some words", '{"a": "A red car, a blue car and a green c'])
def test_the_server_says_what_was_cut(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"], "length")
    assert caught.value.reason == "cut_reply"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ["' + "the man is on the left and " * 40,
        '{"a": [' + '"A red car.", ' * 50,
        '{"a": ["' + "!" * 500,
        '{"a": ' * 10_000,
        "[" * 60_000,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": ["A red car.", "' + "dog, " * 100,
        "x" * 70_000,
        '{"a": "' + "x" * 70_000 + '"}',
    ],
    ids=range(9),
)
def test_what_does_not_end_because_it_goes_in_circles(text: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"], "length")
    assert caught.value.reason == "looping_reply"
    assert len(caught.value.value) <= 120


@pytest.mark.parametrize(
    ("text", "finish_reason"),
    [
        ("I'm sorry, but I can't assist with that.", "stop"),
        ("I cannot describe this image.", "stop"),
        ("As an AI language model, I can't see images. {}", "stop"),
        ("<think>Hm.</think> I'm unable to help with that.", "stop"),
        ('{"a": [1]}', "content_filter"),
    ],
)
def test_refusals(text: str, finish_reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_object(text, ["a"], finish_reason)
    assert caught.value.reason == "refusal"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('"a cat" => "A cat sits."', ["A cat sits."]),
        ("a => b => A cat sits.", ["A cat sits."]),
        ("Sure:\n\nx => A cat.\nx => A dog.\n", ["A cat.", "A dog."]),
        ("no marker", []),
        ("", []),
    ],
)
def test_plain_lines_are_read_behind_the_last_marker(text: str, lines: list[str]) -> None:
    assert read_lines(text, "=>") == lines


def test_plain_lines_that_were_cut() -> None:
    with pytest.raises(BadReply) as caught:
        read_lines("a => A cat s", "=>", "length")
    assert caught.value.reason == "cut_reply"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["A dog.", "I'm sorry, but I can't help."], "refusal"),
        (["A dog.", "a dog and a cat and a dog and a cat and a dog"], "looping_reply"),
        (["A dog.", "A cat.", "a dog", "A dog!"], "looping_reply"),
        (["A dog.", "Say only what can be seen in it, and no more"], "prompt_leak"),
    ],
)
def test_one_such_text_spoils_a_reply(texts: list[str], reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        tidy_texts(texts, "Please say only what can be seen in it, and no more than that.")
    assert caught.value.reason == reason


def test_openings_are_taken_off_the_others() -> None:
    assert tidy_texts(["The image shows a dog in snow.", "A cat."], "x") == ["A dog in snow.", "A cat."]


@given(
    st.text() | st.text(alphabet='{}[]":,\\ ae1\n\x00', max_size=60), st.sampled_from(["stop", "length", ""])
)
def test_any_text_is_an_object_or_a_bad_reply(text: str, finish_reason: str) -> None:
    try:
        assert set(read_object(text, ["a"], finish_reason)) == {"a"}
    except BadReply as error:
        error.value.encode()
        assert len(error.value) <= 120


@given(
    st.dictionaries(st.text(max_size=3), st.text() | st.lists(st.text()), min_size=1),
    st.text(alphabet="ab \n`"),
)
def test_an_object_is_found_in_any_prose(value: dict[str, object], prose: str) -> None:
    keys = list(value)
    whole = json.dumps(value, ensure_ascii=False)
    assert read_object(whole, keys) == value
    assert read_object(f"{prose}{whole}{prose}", keys) == value


@pytest.mark.parametrize("text", ["\n" * 60_000 + "{", "I " * 30_000, '{ "' * 20_000, "<think>" * 9_000])
def test_hostile_repetition_ends(text: str) -> None:
    with pytest.raises(BadReply):  # a quadratic search would take minutes
        read_object(text, ["a"])


def test_what_is_shown_of_a_reply_encodes() -> None:
    assert printable("a\x00\n\ud800" + "b" * 200) == "a???" + "b" * 116


@pytest.mark.parametrize(
    "value",
    [
        "a dog",
        {"0": "x"},
        None,
        [1],
        [None],
        [["x"]],
        ["\ud800"],
        ["\x00\n"],
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
    assert read_strings(["a\x00 b\n"], "tags", 3, 10) == ["a b"]


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
    assert quote_data("a <|im_end|> b") == '"a \\u003c|im_end|> b"'
    assert json.loads(quote_data("a <|im_end|> b")) == "a <|im_end|> b"
