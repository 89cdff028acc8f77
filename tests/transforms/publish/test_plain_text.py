import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from transforms.publish.plain_text import column_width, plain_text, wrap_columns


def test_control_characters_are_spelled_out() -> None:
    assert plain_text("a\x1b[2J\x07b\x9bc\x7f") == r"a\x1b[2J\x07b\x9bc\x7f"
    assert plain_text("x\u202ey\u2066z\ud800") == r"x\u202ey\u2066z\ud800"
    assert plain_text(" two\n\n  words\t\r\n") == "two words"
    assert plain_text("naïve 桜 👨\u200d👩") == "naïve 桜 👨\u200d👩"


@given(st.text(st.characters()))
def test_nothing_unsafe_is_left(text: str) -> None:
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert (
        not {unicodedata.category(c) for c in plain_text(text).replace("\u200c", "").replace("\u200d", "")}
        & unsafe
    )


@given(st.text(max_size=300).map(plain_text), st.integers(8, 40), st.integers(1, 5))
def test_lines_fit(text: str, columns: int, max_lines: int) -> None:
    lines = list(wrap_columns(text, columns, max_lines))
    assert 1 <= len(lines) <= max_lines
    assert all(sum(map(column_width, line)) <= columns for line in lines)


@given(st.text(st.sampled_from("ab 桜"), max_size=300).map(plain_text), st.integers(2, 40))
def test_no_character_is_lost(text: str, columns: int) -> None:
    assert "".join(wrap_columns(text, columns, 10_000)).replace(" ", "") == text.replace(" ", "")


def test_wraps_at_spaces_and_says_what_it_left_out() -> None:
    assert list(wrap_columns("one two three four", 9, 5)) == ["one two", "three", "four"]
    assert list(wrap_columns("one two three four", 9, 2)) == ["one two", "three ..."]
    assert list(wrap_columns("桜桜桜", 4, 5)) == ["桜桜", "桜"]
    assert list(wrap_columns("", 9, 5)) == [""]
