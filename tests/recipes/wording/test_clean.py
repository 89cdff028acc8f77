import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.wording.clean import MAX_CHARS, clean

CASES = {
    "Two red foxes in the snow &amp; ice | Shutterstock": "Two red foxes in the snow & ice",
    "<a href='http://a.org/x'>Yale Hospital </a>Ribbon Ceremony.": "Yale Hospital Ribbon Ceremony.",
    "A dog &lt;b&gt;runs&lt;/b&gt;": "A dog runs",
    "A dog <img src=x": "A dog",
    "IMG_0032.jpg": "",
    "https://example.com/a/b.png": "",
    "www.example.com": "",
    "Scorching June 14 for Alabama.jpg": "Scorching June 14 for Alabama",
    "Blue sofa - Buy now! Free shipping": "Blue sofa",
    "Portrait of a woman Stock Photo": "Portrait of a woman",
    "Hand made mug - Etsy": "Hand made mug",
    "Mountain lake 1920x1080": "Mountain lake",
    "Mountain lake (1920 x 1080 px)": "Mountain lake",
    "House for sale in 39 Main Road , Gatehead": "House in 39 Main Road, Gatehead",
    "Wow!!! What a cat...": "Wow! What a cat.",
    "two-red-cats-on-sofa": "two red cats on sofa",
    '"""22"" Balloon"': "22 Balloon",
    "  a\u200b dog\x00 \u202eruns\n": "a dog runs",
    "1234 5678": "",
    "...": "",
    "Kettle (www.shop.com)": "Kettle",
    "A red car": "A red car",
}


@pytest.mark.parametrize("text", CASES)
def test_hand_worked(text: str) -> None:
    assert clean(text) == CASES[text]


def test_a_long_text_ends_with_a_sentence_or_a_word() -> None:
    assert clean("A dog runs. " * 100) == ("A dog runs. " * 25).strip()
    assert clean("dog " * 200) == ("dog " * 75).strip()
    assert len(clean("x" * 5_000)) == MAX_CHARS


PIECES = st.lists(
    st.sampled_from(
        [*"ab <>&;./-_\"()|1x!,:'@#", "www.", "http://", ".jpg", "&lt;", "Etsy", "word", "2000x300"]
    )
)


@given(st.text() | PIECES.map("".join))
def test_nothing_is_added_and_nothing_odd_is_left(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= MAX_CHARS
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\ud800-\udfff]|  ", cleaned)
    cleaned.encode()
    source = html.unescape(html.unescape(text))
    for word in re.findall(r"[^\W_]+", cleaned):
        assert word in source


@pytest.mark.parametrize(
    "text", ["<" * 4_000, "&lt;" * 1_000, "a." * 2_000, "(" * 4_000, "- " * 2_000, "1x" * 2_000, "@a" * 2_000]
)
def test_hostile_repetition_ends(text: str) -> None:
    assert len(clean(text)) <= MAX_CHARS
