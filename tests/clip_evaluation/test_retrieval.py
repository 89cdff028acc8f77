"""Recall and ranks against brute force."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_evaluation import similarity
from clip_evaluation.ranking import Standing
from clip_evaluation.retrieval import median_rank, retrieval
from clip_evaluation.similarity import unit_rows

SEED = st.integers(0, 2**32 - 1)


def brute(scores: np.ndarray, right: np.ndarray, k: int, draws: int, seed: int) -> float:
    """Return recall at k by breaking ties at random many times."""
    rng = np.random.default_rng(seed)
    hits = 0.0
    for _ in range(draws):
        order = np.lexsort((rng.random(scores.shape), -scores), axis=1)
        hits += np.take_along_axis(right, order, axis=1)[:, :k].any(axis=1).mean()
    return hits / draws


@given(st.integers(2, 9), st.integers(1, 3), SEED, st.integers(1, 200))
def test_without_ties_it_is_the_sorted_order(images: int, captions: int, seed: int, elements: int) -> None:
    with patch.object(similarity, "BLOCK_ELEMENTS", elements):
        check_the_sorted_order(images, captions, seed)


def check_the_sorted_order(images: int, captions: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    owner = rng.permutation(
        np.concatenate([np.arange(images), rng.integers(0, images, size=images * captions)])
    )
    image, text = rng.normal(size=(images, 5)), rng.normal(size=(len(owner), 5))
    result = retrieval(image, text, owner, ks=(1, 3))
    scores = unit_rows(image, "image").astype(np.float64) @ unit_rows(text, "text").T
    right = owner[None, :] == np.arange(images)[:, None]
    for direction, s, r in ((result.image_to_text, scores, right), (result.text_to_image, scores.T, right.T)):
        for k in (1, 3):
            assert direction.recall[k].value == pytest.approx(brute(s, r, k, 1, 0))
        order = np.argsort(-s, axis=1)
        ranks = np.take_along_axis(r, order, axis=1).argmax(axis=1) + 1
        assert direction.median_rank.value == np.median(ranks)


def test_with_ties_it_is_the_mean_of_random_orders() -> None:
    rng = np.random.default_rng(3)
    kinds = np.eye(3)
    image, text = kinds[rng.integers(0, 3, size=8)], kinds[rng.integers(0, 3, size=20)]
    owner = np.concatenate([np.arange(8), rng.integers(0, 8, size=12)])
    result = retrieval(image, text, owner, ks=(1, 5))
    scores, right = image @ text.T, owner[None, :] == np.arange(8)[:, None]
    for k in (1, 5):
        assert result.image_to_text.recall[k].value == pytest.approx(
            brute(scores, right, k, 4000, 1), abs=0.01
        )
        assert result.text_to_image.recall[k].value == pytest.approx(
            brute(scores.T, right.T, k, 4000, 2), abs=0.01
        )


@given(st.integers(1, 7), st.integers(1, 4))
def test_a_collapsed_model_has_exactly_chance_level(images: int, captions: int) -> None:
    owner = np.repeat(np.arange(images), captions)
    result = retrieval(np.ones((images, 4)), np.ones((len(owner), 4)), owner, ks=(1, 2))
    for direction in (result.image_to_text, result.text_to_image):
        for figure in direction.recall.values():
            assert figure.value == pytest.approx(figure.chance)
        median = direction.median_rank
        assert median.low is not None
        assert median.high is not None
        assert median.low <= median.value == median.chance <= median.high


def test_the_interval_of_the_median_rank() -> None:
    # A caption finds its picture among 40 at a rank that its picture decides: 5 captions, one unit.
    rng = np.random.default_rng(5)
    covered = naive = 0
    scores = rng.normal(size=(4000, 40)) + 1.2 * np.eye(1, 40)
    truth = float(np.median((scores > scores[:, :1]).sum(axis=1) + 1))
    for _ in range(200):
        drawn = scores[rng.integers(0, 4000, 60)]
        above = np.repeat((drawn > drawn[:, :1]).sum(axis=1), 5)
        where = Standing(above_N=above, tied_N=np.zeros_like(above), level_N=np.ones_like(above))
        for clusters in (np.repeat(np.arange(60), 5), None):
            figure = median_rank(where, 20.5, clusters)
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low <= figure.value <= figure.high
            held = figure.low <= truth <= figure.high
            covered, naive = (covered + held, naive) if clusters is not None else (covered, naive + held)
    assert covered >= 183
    assert naive < 170


def test_a_perfect_model() -> None:
    owner = np.array([1, 0, 2, 2, 1])
    result = retrieval(np.eye(3), np.eye(3)[owner], owner)
    for direction in (result.image_to_text, result.text_to_image):
        assert direction.recall[1].value == 1
        assert direction.median_rank.value == 1
    assert result.image_to_text.recall[1].chance == pytest.approx((1 / 5 + 2 / 5 + 2 / 5) / 3)
    assert result.text_to_image.recall[1].chance == pytest.approx(1 / 3)
    assert (result.image_to_text.queries, result.image_to_text.gallery) == (3, 5)


@pytest.mark.parametrize(
    ("owner", "told"),
    [([0, 1, 3], "names picture 3"), ([0, 1, 1], "picture 2 has no caption"), ([0, 1], "3 captions")],
)
def test_errors(owner: list[int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        retrieval(np.eye(3), np.eye(3), np.array(owner))
    with pytest.raises(ValueError, match="cut-offs"):
        retrieval(np.eye(3), np.eye(3), np.arange(3), ks=(0,))
