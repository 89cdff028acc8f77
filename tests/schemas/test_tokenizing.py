"""Texts that come to a tokenizer are short, and can be encoded."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.tokenizing import cut_text

ANY = st.text(st.characters(exclude_categories=()), max_size=30)


@given(ANY, st.integers(0, 40))
def test_a_beginning_without_lone_surrogates(text: str, chars: int) -> None:
    kept = ["?" if 0xD800 <= ord(char) < 0xE000 else char for char in text[:chars]]
    assert cut_text(text, chars) == "".join(kept)
