"""Where the right answers stand in a ranking, with ties resolved exactly.

Items of equal score stand in random order, and every figure is its exact expectation over that order: a
model that gives all the same score then has chance level. (Counting ties for the model, as a stable
sort with the answer first does, gives it 100 %.)

Shapes: N queries, M ranked items.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
    with probability C(t, s) / C(t + p, s).
    """
    places_N = k - where.above_N
    miss_N = np.ones(len(places_N))
    for taken in range(min(k, int(where.tied_N.max()) + 1)):  # then no wrong one is left
        left_N = np.maximum(where.tied_N - taken, 0)
        step_N = left_N / np.maximum(left_N + where.level_N, 1)
        miss_N = np.where(taken < places_N, miss_N * step_N, miss_N)
    return 1 - miss_N


def expected_rank(where: Standing) -> NDArray[np.float64]:
    """Return the expected rank (from 1) of the first right item: 1 + above + t / (p + 1)."""
    return np.asarray(1 + where.above_N + where.tied_N / (where.level_N + 1))


def chance_hit(right_N: NDArray[np.int64], items: int, k: int) -> float:
    """Return the mean probability that one of `right_N` items is among the first k of `items` by chance."""
    blank = np.zeros_like(right_N)
    return float(hit_probability(Standing(above_N=blank, tied_N=items - right_N, level_N=right_N), k).mean())


def chance_median_rank(right_N: NDArray[np.int64], items: int) -> int:
    """Return the smallest rank by which half of the queries have a right item by chance."""
    counts, weights = np.unique(right_N, return_counts=True)
    place = np.arange(items)
    hit = np.zeros(items)
    for right, weight in zip(counts, weights, strict=True):
        # The chance of none in r + 1 places is the product of (items - right - i) / (items - i), i = 0..r.
        hit += weight * (1 - np.cumprod(np.maximum(items - right - place, 0) / (items - place)))
    return int(np.argmax(hit >= 0.5 * len(right_N))) + 1
