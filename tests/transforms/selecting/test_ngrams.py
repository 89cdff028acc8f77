import math
from collections import Counter

import numpy as np
import pytest

from transforms.selecting.ngrams import KINDS, PRIOR, count_ngrams, plausibility

TEXTS = ["a red car on the road", "a red hut", "the car", "a blue car on the road", ""]


def slow_plausibility(texts: list[str], asked: str) -> float:
    """Count n-grams as tuples, and smooth as the formula reads."""
    counts: Counter[tuple[str, ...]] = Counter()
    contexts: Counter[tuple[str, ...]] = Counter()

    def grams(text: str) -> list[tuple[str, ...]]:
        words = ["<s>", "<s>", *text.split(), "</s>"]
        return [tuple(words[end - 3 : end]) for end in range(3, len(words) + 1)]

    for text in texts:
        for gram in grams(text):
            for start in range(3):
                counts[gram[start:]] += 1
                contexts[gram[start:-1]] += 1
    logs = []
    for gram in grams(asked):
        probability = 1 / KINDS
        for start in (2, 1, 0):
            probability = (counts[gram[start:]] + PRIOR * probability) / (contexts[gram[start:-1]] + PRIOR)
        logs.append(math.log2(probability))
    return sum(logs) / len(logs)


@pytest.mark.parametrize("asked", ["a red car", "car red a", "the road", "unknown words here", ""])
def test_equals_the_formula_on_tuples(asked: str) -> None:
    (found,) = plausibility(count_ngrams(TEXTS), [asked])
    assert found == pytest.approx(slow_plausibility(TEXTS, asked), rel=1e-12)


def test_tables_add_up_and_texts_do_not_touch_each_other() -> None:
    table = count_ngrams(TEXTS)
    assert np.array_equal(count_ngrams(TEXTS[:2]) + count_ngrams(TEXTS[2:]), table)
    alone = [plausibility(table, [text])[0] for text in TEXTS]
    assert np.array_equal(plausibility(table, TEXTS), alone)
    assert plausibility(table, []).shape == (0,)


def test_word_order_counts() -> None:
    likely, unlikely = plausibility(count_ngrams(TEXTS), ["a red car on the road", "a road on the red car"])
    assert likely > unlikely + 1
