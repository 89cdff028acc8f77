"""A YAML that cannot be read is told by line, column and one sentence; places are counted by hand."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.yaml_errors import explain_yaml


def explained(text: str) -> tuple[str, str]:
    with pytest.raises((yaml.YAMLError, ValueError)) as raised:
        yaml.safe_load(text)
    return explain_yaml(raised.value, text)


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (
            "a: b\ninput: [x, y\nc: d\n",
            "line 3, column 2",
            "the bracket [ of line 2 is not closed before this",
        ),
        ("a: {b: c\n", "line 2, column 1", "the brace { of line 1 is not closed before this"),
        ("a: b\n\tc: d\n", "line 2, column 1", "a tab indents this line; use spaces"),
        ("shards: *.tar\n", "line 1, column 10", "a text that begins with * must be in quotes, as '*.tar'"),
        ("shards: *all\n", "line 1, column 9", "a text that begins with * must be in quotes, as '*.tar'"),
        ("a: @b\n", "line 1, column 4", "a text that begins with this character must be in quotes"),
        (
            "url: http: x\n",
            "line 1, column 10",
            "a second `: ` for one value; quote the value, or mend the indentation",
        ),
        ("a: 'x\nb: c\n", "line 3, column 1", "the quotation mark of line 1 is not closed"),
        ("a: 'it's'\n", "line 1, column 8", "text behind the end of a value; put the whole value in quotes"),
        (
            "a:\n  - b\n c: d\n",
            "line 3, column 2",
            "this line is not indented as those before it, from line 1 on",
        ),
        ("a: !x b\n", "line 1, column 4", "a tag such as !!name is not taken here; leave it out"),
        ("a: b\nc: \x00", "line 2, column 4", "the character U+0000 is not allowed; take it out"),
        (
            "a: 2020-13-99\n",
            "",
            "a value looks like a date or a number and is none (month must be in 1..12); put it in quotes",
        ),
    ],
)
def test_place_and_sentence(text: str, place: str, sentence: str) -> None:
    assert explained(text) == (place, sentence)


def test_what_is_nested_too_deep_is_said_so() -> None:
    assert explain_yaml(RecursionError("maximum recursion depth"), "[[[") == (
        "",
        "is nested too deep; give a configuration, not data",
    )


@given(st.text(alphabet="a: []{}*&!|>'\"\n\t-?#%@,\x00", max_size=30))
def test_any_text_that_is_no_yaml_has_one_line(text: str) -> None:
    try:
        yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        place, sentence = explain_yaml(error, text)
        assert sentence
        assert "\n" not in place + sentence
        assert "<unicode" not in sentence
