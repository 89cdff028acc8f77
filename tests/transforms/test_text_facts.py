import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.text_facts import PATTERN_CHARS, measure_text


def test_words_and_characters() -> None:
    facts = measure_text("  a\tred car\n")
    assert (facts.words, facts.chars) == (3, 12)
    assert (measure_text("").words, measure_text("").chars, measure_text("").repetition) == (0, 0, 0.0)


def test_marks() -> None:
    facts = measure_text("<b>see</b> example.com")
    assert (facts.has_html, facts.has_url, facts.is_file_name) == (True, True, False)
    assert measure_text("IMG_0032.jpg").is_file_name


@pytest.mark.parametrize(
    ("text", "repetition"),
    [
        ("a b c", 0.0),
        ("a b c d", 0.0),
        ("a a a a a", 1 / 2),
        ("a b c d a b c d", 1 / 5),
        ("sale " * 103, 99 / 100),
        ("one two three four five six seven eight", 0.0),
    ],
)
def test_repetition(text: str, repetition: float) -> None:
    assert measure_text(text).repetition == pytest.approx(repetition)


def test_long_texts_are_counted_whole_and_looked_at_in_part() -> None:
    facts = measure_text("word " * PATTERN_CHARS + "<b>")
    assert (facts.words, facts.chars) == (PATTERN_CHARS + 1, 5 * PATTERN_CHARS + 3)
    assert not facts.has_html


@settings(deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_any_text_is_measured(text: str) -> None:
    facts = measure_text(text)
    assert facts.words == len(text.split())
    assert facts.chars == len(text)
    assert (facts.language is None) == (not any(c.isalpha() for c in text))
    assert 0 <= facts.repetition < 1
    assert 0 <= facts.language_probability <= 1


def test_lone_surrogates_are_measured() -> None:
    assert measure_text("two dogs \ud800 are playing").language == "en"
