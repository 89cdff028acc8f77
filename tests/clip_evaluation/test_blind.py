"""Baselines find what gives a caption away, and nothing where nothing does."""

import numpy as np
import pytest

from clip_evaluation.blind import blind_scores
from clip_evaluation.compositional import score_pairs

ANIMALS = ["cat", "dog", "horse", "cow", "sheep", "bear"]


def accuracy(scores: tuple[np.ndarray, np.ndarray]) -> float:
    return score_pairs(*scores, ["swap"] * len(scores[0])).overall.accuracy_half_ties.value


def pairs(given_away: bool) -> tuple[list[str], list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    positive, negative = [], []
    for _ in range(120):
        first, second = rng.choice(ANIMALS, size=2, replace=False)
        positive.append(f"a {first} beside a {second}")
        negative.append(f"a {second} beside a {first}" + (" perhaps" if given_away else ""))
    return positive, negative, np.arange(120)


def test_a_word_that_gives_it_away_is_found() -> None:
    corpus = [f"the {one} is beside a {other}" for one in ANIMALS for other in ANIMALS]
    scores = blind_scores(*pairs(given_away=True), corpus=corpus)
    assert set(scores) == {"longer", "shorter", "plausible", "bag_of_words"}
    assert {name: accuracy(s) for name, s in scores.items()} == {
        "longer": 0, "shorter": 1, "plausible": 1, "bag_of_words": 1,
    }  # fmt: skip


def test_swapped_words_give_nothing_away_but_to_order() -> None:
    positive, negative, clusters = pairs(given_away=False)
    scores = blind_scores(positive, negative, clusters, corpus=[])
    assert set(scores) == {"longer", "shorter", "bag_of_words"}
    for one in scores.values():
        # Equal bags of words tie exactly: strict inequality gives nothing.
        assert (one[0] == one[1]).all()


def test_texts_of_the_set_are_not_learnt_from() -> None:
    positive, negative, clusters = pairs(given_away=False)
    assert "plausible" not in blind_scores(positive, negative, clusters, corpus=[p.upper() for p in positive])


def test_held_out_clusters_are_not_seen() -> None:
    # Each cluster's word alone tells: a model that had seen it would be right, one that had not cannot.
    rng = np.random.default_rng(1)
    flip = rng.random(60) < 0.5
    words = [(f"x{c}", f"y{c}") if flip[c] else (f"y{c}", f"x{c}") for c in range(60)]
    clusters = np.repeat(np.arange(60), 3)
    positive, negative = ([f"a {words[c][side]}" for c in clusters] for side in (0, 1))
    scores = blind_scores(list(positive), list(negative), clusters)["bag_of_words"]
    assert accuracy(scores) == 0.5


def test_errors() -> None:
    with pytest.raises(ValueError, match="1 captions, 2 negatives"):
        blind_scores(["a"], ["b", "c"], np.array([0]))
