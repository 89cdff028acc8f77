import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.publish.caption import choose_caption, estimate_clip_tokens

REAL_COUNTS = {
    "": 2,
    "a photo of a cat": 7,
    "A diagram of the Llanfairpwllgwyngyll railway station, 1987": 21,
    "HD-SDI to DVI Scaler Box - EXT-HDSDI-2-DVIS": 23,
    "STS4104T-FT LTS 4CH Tribrid DVR, Full HD 1080P, BNC/VGA/HDMI": 34,
    "The Apronista": 7,
    "a plate of polents a tomatoe and brocolli": 15,
    "don't stop: it's John's & we'll see!!!": 15,
    "Φωτογραφία Αρχείου: Two women in dressed as Santa": 43,
    "日本の桜と富士山": 16,
    "Ürümqi naïve café résumé": 13,
    "IMG_20190412_183045.JPG": 21,
    "xkcd qwrtzpsdfg": 11,
    "T.C DİCLE KALKINMA AJANSI KALKINMA AJANSLARI": 22,
    "$$$%%%^^^&&&": 11,
    "supercalifragilisticexpialidocious antidisestablishmentarianism": 17,
}
"""Lengths by CLIP's own vocabulary and merges, start and end included."""


@pytest.mark.parametrize(("text", "tokens"), REAL_COUNTS.items())
def test_never_under_the_real_count(text: str, tokens: int) -> None:
    assert tokens <= estimate_clip_tokens(text) <= 2.5 * tokens


def test_the_rule_by_hand() -> None:
    # 4 for start, end and spare; a | photo (2) | of | don (1) | 't (2 bytes) | 1 | 9 | !! (2) | xk (no vowel)
    assert estimate_clip_tokens("a photo of don't 19!! xk") == 4 + 1 + 2 + 1 + 1 + 2 + 1 + 1 + 2 + 2
    assert estimate_clip_tokens("é") == 4 + 2
    assert estimate_clip_tokens("\ud800") == 4 + 3


@given(st.text())
def test_is_bounded_by_the_bytes(text: str) -> None:
    assert 4 <= estimate_clip_tokens(text) <= 4 + len(text.lower().encode("utf-8", "surrogatepass"))


def test_the_first_positive_is_the_caption() -> None:
    assert choose_caption(["first", "second"], "alt") == "first"
    assert choose_caption(["", "  ", "second"], "alt") == "second"


def test_it_is_cut_at_a_word_where_it_does_not_fit() -> None:
    # "word" costs 2 of the 73 tokens that are left.
    assert choose_caption(["word " * 80, "other " * 90], "alt") == ("word " * 36).strip()


def test_alt_text_where_there_is_no_positive() -> None:
    assert choose_caption([], "a red car") == "a red car"
    assert choose_caption([], "") == ""
    assert choose_caption(["  "], " spaced  text ") == " spaced  text "
    assert choose_caption([], "1 " * 100) == ("1 " * 73).strip()


def test_one_word_that_is_too_long_is_cut_within() -> None:
    caption = choose_caption([], "東" * 500)
    assert caption == "東" * 24  # 3 bytes each, 73 tokens left
    assert estimate_clip_tokens(caption) <= 77


@given(st.lists(st.text(max_size=200), max_size=3), st.text(max_size=600))
def test_every_caption_fits_and_is_the_start_of_a_text(positives: list[str], alt_text: str) -> None:
    caption = choose_caption(positives, alt_text)
    assert estimate_clip_tokens(caption) <= 77
    assert any(text.strip().startswith(caption.strip()) for text in [*positives, alt_text])
