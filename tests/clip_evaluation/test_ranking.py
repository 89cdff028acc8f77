"""Ties against every order there is."""

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_evaluation.ranking import (
    Standing,
    by_chance,
    chance_hit,
    hit_probability,
    rank_quantile,
    standing,
)


def by_all_orders(scores: list[int], right: set[int], k: int) -> tuple[Fraction, list[int]]:
    """Return P(hit in k), and the first rank in every order of the items that the scores allow."""
    hits = orders = 0
    ranks = []
    for order in permutations(range(len(scores))):
        if any(scores[a] < scores[b] for a, b in pairwise(order)):
            continue
        first = next(place for place, item in enumerate(order, 1) if item in right)
        orders += 1
        hits += first <= k
        ranks.append(first)
    return Fraction(hits, orders), ranks


@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=6),
    st.integers(0, 2**6 - 1),
    st.integers(1, 7),
)
def test_ties_stand_in_random_order(scores: list[int], chosen: int, k: int) -> None:
    right = {place for place in range(len(scores)) if chosen >> place & 1} or {0}
    matrix = np.array([scores], dtype=np.float32)
    best = max(scores[place] for place in right)
    level = sum(scores[place] == best for place in right)
    where = standing(matrix, np.array([best], dtype=np.float32), np.array([level]))
    hit, ranks = by_all_orders(scores, right, k)
    assert hit_probability(where, k)[0] == pytest.approx(float(hit))
    assert rank_quantile(where, 0.5) == np.median(ranks)


def test_chance_is_the_hypergeometric() -> None:
    # 5 captions of 20: 1 - C(15, 3) / C(20, 3); 2 of 20: 1 - C(18, 3) / C(20, 3).
    assert chance_hit(np.array([5, 2]), 20, 3) == pytest.approx((1 - 455 / 1140 + 1 - 816 / 1140) / 2)
    assert chance_hit(np.array([1, 1]), 20, 3) == pytest.approx(3 / 20)
    assert chance_hit(np.array([1]), 4, 10) == 1


def test_chance_of_the_median_rank() -> None:
    assert rank_quantile(by_chance(np.array([1]), 100), 0.5) == 50.5
    assert rank_quantile(by_chance(np.array([1]), 5), 0.5) == 3
    rng = np.random.default_rng(0)
    firsts = [np.flatnonzero(rng.permutation(50) < 5)[0] + 1 for _ in range(4001)]
    assert abs(rank_quantile(by_chance(np.array([5]), 50), 0.5) - np.median(firsts)) <= 1


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_without_ties_it_is_the_median(above: list[int]) -> None:
    ranks = np.array(above)
    where = Standing(above_N=ranks, tied_N=np.zeros_like(ranks), level_N=np.ones_like(ranks))
    assert rank_quantile(where, 0.5) == np.median(ranks + 1)


def test_all_alike_is_chance() -> None:
    where = Standing(above_N=np.array([0]), tied_N=np.array([15]), level_N=np.array([5]))
    assert hit_probability(where, 3)[0] == pytest.approx(chance_hit(np.array([5]), 20, 3))


def test_a_cut_off_beyond_all_items_costs_nothing() -> None:
    where = Standing(above_N=np.array([0, 3]), tied_N=np.array([2, 0]), level_N=np.array([1, 1]))
    assert hit_probability(where, 10**12).tolist() == [1, 1]
