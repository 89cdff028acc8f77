from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError
from contrastive_trainer.data.text_sampler import draw_text, long_pairs, short_text
from schemas.train import TextConfig

FIELDS = {
    "alt_text": "raw",
    "long_positive": ["A one.", "A two.", "A three."],
    "long_negative": ["Not one.", "Not two.", "Not three."],
    "short_positive": ["x", "y"],
    "rewrites": ["r0", "r1", "r2", "r3"],
}


def sample(text: str = "caption", **fields: Any) -> TrainSample:
    return TrainSample(uid="", image=b"", text=text, fields=fields)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draws(found: TrainSample, config: TextConfig, count: int = 6000) -> Counter[str]:
    random = rng()
    return Counter(draw_text(found, config, random).text for _ in range(count))


def assert_shares(counts: Counter[str], shares: dict[str, float]) -> None:
    total = sum(counts.values())
    assert set(counts) == {text for text, share in shares.items() if share}
    for text, share in shares.items():
        # Five standard deviations of a binomial share.
        assert abs(counts[text] / total - share) < 5 * (share * (1 - share) / total) ** 0.5, text


def test_laclip_draws_evenly_among_the_caption_and_its_rewrites() -> None:
    counts = draws(sample(**FIELDS), TextConfig(p_raw=1, p_rewrite=4))
    assert_shares(counts, dict.fromkeys(["raw", "r0", "r1", "r2", "r3"], 0.2))


def test_kinds_have_their_weights_and_sentences_are_drawn_evenly() -> None:
    config = TextConfig(p_raw=1, p_long=3, p_short=2, sentences=2)
    pairs = [" ".join(pair) for pair in combinations(FIELDS["long_positive"], 2)]
    shares = {"raw": 1 / 6, "x, y": 1 / 6, "y, x": 1 / 6} | dict.fromkeys(pairs, 1 / 6)
    assert_shares(draws(sample(**FIELDS), config), shares)


def test_the_weight_of_an_absent_field_goes_to_the_others() -> None:
    config = TextConfig(p_raw=1, p_long=5, p_short=1, p_rewrite=2)
    fields = FIELDS | {"long_positive": [], "long_negative": [], "short_positive": None}
    shares = {"raw": 1 / 3} | dict.fromkeys(FIELDS["rewrites"], 1 / 6)
    assert_shares(draws(sample(**fields), config), shares)


def test_without_any_of_the_kinds_the_text_beside_the_picture_is_drawn() -> None:
    config = TextConfig(p_raw=0, p_rewrite=1)
    assert draw_text(sample(alt_text="raw"), config, rng()).text == "caption"
    assert draw_text(sample("", alt_text="raw"), config, rng()).text == "raw"
    # A recaption has no alt text; what was written never passes for it.
    assert draw_text(sample(alt_text=" "), TextConfig(), rng()).text == "caption"
    for fields in ({}, {"alt_text": " "}):
        with pytest.raises(UnreadableSampleError, match="no text"):
            draw_text(sample(" ", **fields), config, rng())


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["", " ", "!", "?"])), min_size=1, max_size=8
    ),
    st.integers(1, 9),
    st.integers(0, 2**32),
)
def test_each_negative_is_the_drawn_text_with_one_sentence_swapped(
    drawn: list[tuple[str, str]], sentences: int, seed: int
) -> None:
    positive = [f"{letter}{k}" for k, (letter, _) in enumerate(drawn)]
    negative = [
        f"no-{text}{end}" if end.strip() else end for text, (_, end) in zip(positive, drawn, strict=True)
    ]
    found = draw_text(
        sample(long_positive=positive, long_negative=negative),
        TextConfig(p_raw=0, p_long=1, sentences=sentences),
        rng(seed),
    )
    texts = found.text.split(" ")
    assert len(texts) == min(sentences, len(positive))
    places = [positive.index(text) for text in texts]
    assert places == sorted(set(places))
    expected = {
        (*texts[:k], negative[place], *texts[k + 1 :])
        for k, place in enumerate(places)
        if negative[place].strip()
    }
    assert len(found.negatives) == len(expected)
    assert {tuple(text.split(" ")) for text in found.negatives} == expected


def test_every_negative_comes_first_at_times() -> None:
    config = TextConfig(p_raw=0, p_long=1, sentences=3)
    random = rng()
    first = Counter(draw_text(sample(**FIELDS), config, random).negatives[0] for _ in range(3000))
    assert len(first) == 3
    assert min(first.values()) > 850


def test_only_the_long_text_has_negatives() -> None:
    for config in (TextConfig(), TextConfig(p_raw=0, p_short=1), TextConfig(p_raw=0, p_rewrite=1)):
        assert draw_text(sample(**FIELDS), config, rng()).negatives == ()


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        (["a", "b"], ["x", "y"], [("a", "x"), ("b", "y")]),
        (["a", 5, "b"], ["x", "y", "z"], [("a", "x"), ("b", "z")]),
        (["a", 5, "b"], ["x", "y", None], [("a", "x"), ("b", "")]),
        (["a", "b", "c"], ["x", "y"], [("a", ""), ("b", ""), ("c", "")]),
        (["a", "b"], None, [("a", ""), ("b", "")]),
        (["a", "b"], ["a ", "y"], [("a", ""), ("b", "y")]),
        ("text", ["x"], []),
        (["a"] * 66, ["x"] * 65, [("a", "")] * 64),  # 64 of each are read
    ],
)
def test_pairs_stay_aligned(positive: Any, negative: Any, expected: list[tuple[str, str]]) -> None:
    assert long_pairs(sample(long_positive=positive, long_negative=negative)) == expected


def test_long_texts_of_one_field_are_drawn_by_sentences() -> None:
    fused = "A dog, 3.5 years old, runs.  It is wet! Is it Rex? 狗在跑。很快！"
    sentences = ["A dog, 3.5 years old, runs.", "It is wet!", "Is it Rex?", "狗在跑。", "很快！"]
    assert [text for text, _ in long_pairs(sample(fused=fused, recaption="Other."))] == sentences
    assert [text for text, _ in long_pairs(sample(fused=" ", recaption="Other. One."))] == ["Other.", "One."]
    assert long_pairs(sample(long_positive=["L"], fused=fused)) == [("L", "")]
    assert long_pairs(sample(compressed="C.")) == []
    whole = draw_text(sample(fused=fused), TextConfig(p_raw=0, p_long=1, sentences=9), rng()).text
    assert whole == " ".join(sentences)


def test_the_short_text_is_the_first_sentence_else_the_alt_text() -> None:
    assert short_text(sample(**FIELDS)) == "A one."
    assert short_text(sample(recaption="First one. Second.")) == "First one."
    assert short_text(sample(alt_text="raw")) == "raw"


@given(st.integers(0, 2**32))
def test_the_same_generator_draws_the_same(seed: int) -> None:
    config = TextConfig(p_raw=1, p_long=1, p_short=1, p_rewrite=1)
    assert draw_text(sample(**FIELDS), config, rng(seed)) == draw_text(sample(**FIELDS), config, rng(seed))
