import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.clip_tokens import cut_at_word, cut_to_fit, estimate_clip_tokens, fits

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


def test_whole_sentences_are_kept_where_they_are_half_of_what_fits() -> None:
    # A sentence of 9 words at 2 tokens and a stop costs 19; 73 are left. `Photo 1.` costs 4.
    sentence = "word " * 8 + "word."
    long = " ".join([sentence] * 5)
    assert cut_to_fit(long) == " ".join([sentence] * 3)
    assert cut_to_fit(f"Photo 1. {'word ' * 80}") == "Photo 1. " + ("word " * 34).strip()
    assert cut_at_word(long) == " ".join([sentence] * 3) + " word" * 8
    assert cut_to_fit(sentence) == sentence


@given(st.text(max_size=400) | st.text(alphabet=" .!ab\n\u3002", max_size=400))
def test_what_is_cut_fits_and_begins_the_text(text: str) -> None:
    for cut in (cut_to_fit(text), cut_at_word(text)):
        assert fits(cut)
        assert text.strip().startswith(cut.strip())
        assert bool(cut.strip()) == bool(text.strip())
    assert fits(text) == (estimate_clip_tokens(text) <= 77)


def test_hostile_texts_are_cut_in_linear_time() -> None:
    for text in ("!" * 1_000_000, ". " * 500_000, "a" * 1_000_000, "\u3002" * 300_000):
        assert fits(cut_to_fit(text))
