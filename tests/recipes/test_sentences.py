import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.sentences import sentence_ends, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("A dog", ["A dog"]),
        ("A dog.  A cat!", ["A dog.", "A cat!"]),
        ('He said "Go!" A cat?! So', ['He said "Go!"', "A cat?!", "So"]),
        ("3.5 m, v1.2.", ["3.5 m, v1.2."]),
        ("one\ntwo", ["one", "two"]),
        ("一只狗\u3002两只猫\u3002", ["一只狗\u3002", "两只猫\u3002"]),
        ("...", ["..."]),
    ],
)
def test_by_hand(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text() | st.text(alphabet='.!? "\na\u3002'))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
    assert list(sentence_ends(text)) == sorted(set(sentence_ends(text)))
