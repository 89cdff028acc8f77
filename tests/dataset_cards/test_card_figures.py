"""Figures over the index, against numpy and hand-counted cases."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_cards.card_figures import Figures, quantile
from dataset_cards.card_words import WORDS, Vocabulary
from transforms.publish.write_shard import INDEX_SCHEMA


@given(
    st.dictionaries(st.integers(-50, 50), st.integers(1, 20), min_size=1), st.sampled_from([0.05, 0.5, 0.95])
)
def test_quantiles_are_numpys_nearest_rank(counts: dict[float, int], share: float) -> None:
    values = np.repeat(list(counts), list(counts.values()))
    assert quantile(counts, share) == np.quantile(values, share, method="inverted_cdf")


def test_no_values() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile({}, 0.5)


def _batch(captions: list[str], clip: list[float | None]) -> pa.RecordBatch:
    size = len(captions)
    values = {
        "key": [str(i) for i in range(size)], "format": ["png"] * size, "width": list(range(1, size + 1)),
        "height": [2] * size, "alt_text": ["Ab"] * size, "caption": captions, "language": [None] * size,
        "words": [1] * size, "clip_alt": clip, "clip_caption": [None] * size,
        **{name: [2] * size for name in INDEX_SCHEMA.names if name.startswith("n_")},
        **{name: [i % 2 == 0 for i in range(size)] for name in INDEX_SCHEMA.names if name.startswith("has_")},
    }  # fmt: skip
    rows = [{name: column[i] for name, column in values.items()} for i in range(size)]
    return pa.RecordBatch.from_pylist(rows, schema=INDEX_SCHEMA)


def test_every_count() -> None:
    figures = Figures(count_tokens=len, shown=frozenset({1, 4}), read=frozenset({0, 3}))
    figures.add(_batch(["a b", "c", "d e f"], [0.1234, None, 0.1236]))
    figures.add(_batch(["a b", ""], [0.5, 0.12351]))
    assert figures.samples == 5
    assert figures.numbers["words of the caption"] == {2: 2, 1: 1, 3: 1, 0: 1}
    assert figures.numbers["characters of the caption"] == {3: 2, 1: 1, 5: 1, 0: 1}
    assert figures.numbers["width"] == {1: 2, 2: 2, 3: 1}
    assert figures.numbers["shorter side"] == {1: 2, 2: 3}
    assert figures.numbers["clip_alt"] == {0.123: 1, 0.124: 2, 0.5: 1}
    assert figures.numbers["clip_caption"] == {}
    assert figures.numbers["tokens of the caption"] == {3: 2}
    assert figures.languages == {"unknown": 5}
    assert figures.formats == {"png": 5}
    assert figures.items["long_positive"] == 10
    assert figures.covered["long_positive"] == 5
    assert figures.covered["recaption"] == 3
    assert [(row.key, row.size, row.caption) for row in figures.rows] == [
        ("1", "2 x 2", "c"),
        ("1", "2 x 2", ""),
    ]


def test_words_are_counted_over_the_same_number() -> None:
    few = Vocabulary()
    few.add(0, "A dog's red-brown dog, IMG_7.")
    few.add(5, "a DOG")
    assert few.richness() == (8, 6, 6)  # a, dog's, red-brown, dog, img, 7, and a, dog again
    many = Vocabulary()
    for place in range(WORDS):
        many.add(place, f"w{place} common")
    number, distinct, early = many.richness()
    assert (number, distinct) == (2 * WORDS, WORDS + 1)
    assert early == WORDS // 2 + 1


def test_the_order_of_the_texts_is_by_lot_and_the_same_every_time() -> None:
    """The first words of a set whose halves differ come from both."""
    halves = Vocabulary()
    for place in range(4000):
        halves.add(place, f"a{place} b c d e" if place < 2000 else "b c d e f")
    early = halves.richness()[2]
    assert 800 < early < 1200
    assert early == halves.richness()[2]
