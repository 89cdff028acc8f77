from hypothesis import given
from hypothesis import strategies as st

from recipes.clip_tokens import estimate_clip_tokens
from schemas.annotation import FIELDS
from transforms.publish.caption import choose_caption


def choose(long_positive: list[str], alt_text: str, **texts: str) -> str:
    return choose_caption(FIELDS | {"long_positive": long_positive} | texts, alt_text)


def test_the_first_positive_is_the_caption() -> None:
    assert choose(["first", "second"], "alt") == "first"
    assert choose(["", "  ", "second"], "alt") == "second"


def test_texts_follow_in_their_order() -> None:
    names = ["compressed", "fused", "recaption", "english"]
    texts = {name: f"the {name}" for name in [*names, "chinese"]}
    assert choose(["first"], "alt", **texts) == "first"
    for name in names:
        assert choose([" "], "alt", **texts) == f"the {name}"
        texts[name] = " "
    assert choose([], "alt", **texts) == "alt"


def test_it_is_cut_at_a_word_where_it_does_not_fit() -> None:
    # "word" costs 2 of the 73 tokens that are left.
    assert choose(["word " * 80, "other " * 90], "alt") == ("word " * 36).strip()


def test_alt_text_where_there_is_no_positive() -> None:
    assert choose([], "a red car") == "a red car"
    assert choose([], "") == ""
    assert choose(["  "], " spaced  text ") == " spaced  text "
    assert choose([], "1 " * 100) == ("1 " * 73).strip()


def test_one_word_that_is_too_long_is_cut_within() -> None:
    caption = choose([], "東" * 500)
    assert caption == "東" * 24  # 3 bytes each, 73 tokens left
    assert estimate_clip_tokens(caption) <= 77


@given(st.lists(st.text(max_size=200), max_size=3), st.text(max_size=600), st.text(max_size=600))
def test_every_caption_fits_and_is_the_start_of_a_text(
    positives: list[str], recaption: str, alt_text: str
) -> None:
    caption = choose(positives, alt_text, recaption=recaption)
    assert estimate_clip_tokens(caption) <= 77
    assert any(text.strip().startswith(caption.strip()) for text in [*positives, recaption, alt_text])
