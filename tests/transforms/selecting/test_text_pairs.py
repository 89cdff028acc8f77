import random

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.selecting.text_pairs import MAX_WORDS, TextPair, draw_pairs, fold_of, hash_words, words_in

TEXTS = st.text(max_size=8)
PAIRS = st.lists(
    st.builds(
        TextPair,
        uid=st.sampled_from(["a", "b", "c", "\ud800"]),
        place=st.integers(0, 5),
        positive=TEXTS,
        negative=TEXTS,
        alt_text=TEXTS,
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(PAIRS, PAIRS, st.integers(0, 10), st.randoms(use_true_random=False))
def test_drawing_from_draws_is_drawing_from_all(
    some: list[TextPair], others: list[TextPair], limit: int, mixed: random.Random
) -> None:
    whole = draw_pairs(some + others, limit)
    assert draw_pairs(draw_pairs(some, limit) + draw_pairs(others, limit), limit) == whole
    shuffled = some + others
    mixed.shuffle(shuffled)
    assert draw_pairs(shuffled, limit) == whole
    assert len(whole) == min(limit, len(some + others))


def test_folds_are_of_samples_and_about_equally_full() -> None:
    pairs = [TextPair(uid=f"u{n // 2}", place=n % 2, positive="a", negative=str(n)) for n in range(10_000)]
    folds = [fold_of(pair, 5, seed=3) for pair in pairs]
    assert folds[::2] == folds[1::2]
    assert all(abs(folds.count(n) - 2000) < 5 * (2 * 2000 * 0.8) ** 0.5 for n in range(5))
    assert folds != [fold_of(pair, 5, seed=4) for pair in pairs]


def test_hashes_are_spread_and_texts_are_bounded() -> None:
    hashes = hash_words(f"word{n}" for n in range(4096))
    assert len({int(one) >> 52 for one in hashes}) > 4096 * (1 - 2.718**-1) - 4 * 32
    assert words_in("A Cat's TOY, 2 cats") == ["a", "cat's", "toy", "2", "cats"]
    assert len(words_in("x " * 100_000)) == MAX_WORDS
