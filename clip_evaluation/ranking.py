"""Where the right answers stand in a ranking, with ties resolved exactly.

Items of equal score stand in random order, and every figure is its exact expectation over that order: a
model that gives all the same score then has chance level. (Counting ties for the model, as a stable
sort with the answer first does, gives it 100 %.)

Shapes: N queries, M ranked items.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVEL = 1e-9  # shares that differ by less are equal but for rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """For each query: wrong items above the best right one, wrong ones level with it, right ones level."""

    above_N: NDArray[np.int64]
    tied_N: NDArray[np.int64]
    level_N: NDArray[np.int64]


def standing(
    scores_NM: NDArray[np.float32], best_N: NDArray[np.float32], level_N: NDArray[np.int64]
) -> Standing:
    """Count what is above and level; `best_N` is the best right score, `level_N` how many right have it."""
    above_N = np.count_nonzero(scores_NM > best_N[:, None], axis=1)
    equal_N = np.count_nonzero(scores_NM == best_N[:, None], axis=1)
    return Standing(above_N=above_N, tied_N=equal_N - level_N, level_N=level_N)


def join(parts: list[Standing]) -> Standing:
    """Return the standings of blocks of queries as one."""
    return Standing(
        above_N=np.concatenate([part.above_N for part in parts]),
        tied_N=np.concatenate([part.tied_N for part in parts]),
        level_N=np.concatenate([part.level_N for part in parts]),
    )


def hit_probability(where: Standing, k: int) -> NDArray[np.float64]:
    """Return for each query the probability that a right item is among the first k.

    With s = k - above places left for t tied wrong and p right items in random order, none of the p gets one
    with probability C(t, s) / C(t + p, s), the product of (t - s + i) / (t + i) over i = 1..p.
    """
    places_N = k - where.above_N
    miss_N = np.ones(len(places_N))
    for i in range(1, int(where.level_N.max()) + 1):
        left_N = np.maximum(where.tied_N - places_N + i, 0)
        miss_N = np.where(i <= where.level_N, miss_N * left_N / (where.tied_N + i), miss_N)
    return np.where(places_N > 0, 1 - miss_N, 0.0)


def by_chance(right_N: NDArray[np.int64], items: int) -> Standing:
    """Return the standing of queries with `right_N` right ones of `items`, all of which tie."""
    return Standing(above_N=np.zeros_like(right_N), tied_N=items - right_N, level_N=right_N)


def chance_hit(right_N: NDArray[np.int64], items: int, k: int) -> float:
    """Return the mean probability that one of `right_N` items is among the first k of `items` by chance."""
    return float(hit_probability(by_chance(right_N, items), k).mean())


def rank_quantile(where: Standing, share: float) -> float:
    """Return the rank of the first right item (from 1) that a share of the queries keeps below.

    With F(r) the mean probability of a right item among the first r, it is midway between the first r with
    F(r) >= share and the first with F(r) > share: of 1/2 and without ties, the usual median.
    """
    return (_first_rank(where, share - _LEVEL) + _first_rank(where, share + _LEVEL)) / 2


def _first_rank(where: Standing, share: float) -> int:
    """Return the smallest rank r with F(r) >= share, by halving."""
    low, high = 1, int((where.above_N + where.tied_N).max()) + 1
    while low < high:
        middle = (low + high) // 2
        if float(hit_probability(where, middle).mean()) >= share:
            high = middle
        else:
            low = middle + 1
    return low
