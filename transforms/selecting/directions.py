"""Directions of embeddings in whole numbers, so that cosines are exact.

A vector of unit length is kept as its components times 2^24, rounded. These are whole numbers that a float32
holds; every partial sum of the product of two such vectors is one under 2^53 (Cauchy and Schwarz), which a
float64 holds. So a cosine is the same to the last bit, and with it all that is decided by it, whatever the
size of blocks, the order of summing, the threads and the machine. It differs from the unrounded one by less
than sqrt(D) / 2^24, 1.4e-6 for 512 numbers, and as a rule by some 2e-8; storing embeddings in float16 costs
more.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Directions = NDArray[np.float32]
"""(N, D) whole numbers; a row of zeros has no direction, and a cosine of 0 with everything."""

Places = NDArray[np.int64]
Cosines = NDArray[np.float64]

SCALE = 2.0**24
ROWS = 1024
OTHERS = 4096
"""Rows and others that are multiplied at a time: 32 MiB of cosines, and 20 MiB of vectors of 512."""


def to_directions(vectors: NDArray[np.floating]) -> Directions:
    """Return the directions of vectors (N, D); those of zeros, or not finite, have none."""
    found = np.zeros(vectors.shape, np.float32)
    for block in blocks(len(vectors)):
        wide = vectors[block].astype(np.float64)
        wide[~np.isfinite(wide).all(axis=1)] = 0
        norms = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        norms[norms == 0] = 1
        found[block] = np.rint(wide / norms * SCALE)
    return found


def cosines(rows: Directions, others: Directions) -> Cosines:
    """Return the cosines (N, M) of directions (N, D) with some few others (M, D)."""
    wide = others.astype(np.float64).T
    found = np.empty((len(rows), len(others)))
    for block in blocks(len(rows)):
        np.matmul(rows[block].astype(np.float64), wide, out=found[block])
    found /= SCALE**2
    return found


def most_similar(rows: Directions, others: Directions, before: int | None = None) -> tuple[Places, Cosines]:
    """Return for each of the rows (N, D) the place of its most similar other (M, D), and their cosine.

    Of equal ones the first counts. Memory is bounded by the blocks.

    Args:
        before: row n looks only at the first `before + n` others; where there are none its place is -1 and
            its cosine -inf.
    """
    places, best = np.full(len(rows), -1, np.int64), np.full(len(rows), -np.inf)
    for rows_block in blocks(len(rows)):
        wide = rows[rows_block].astype(np.float64)
        of_rows, of_best = places[rows_block], best[rows_block]
        end = len(others) if before is None else min(len(others), before + rows_block.stop)
        for start in range(0, end, OTHERS):
            products = wide @ others[start : min(end, start + OTHERS)].astype(np.float64).T
            if before is not None:
                _hide(products, before + rows_block.start - start)
            at = products.argmax(axis=1)
            found = products[np.arange(len(at)), at] / SCALE**2
            higher = found > of_best
            of_rows[higher], of_best[higher] = start + at[higher], found[higher]
    return places, best


def nearest(rows: Directions, others: Directions, count: int) -> tuple[Places, Cosines]:
    """Return the places (N, count) of the others (M, D) most similar to each row (N, D), and their cosines.

    The most similar comes first, of equal ones the first in place. Where there are fewer than `count` others,
    places are -1 and cosines -inf. Memory is bounded by the blocks.
    """
    places, best = np.full((len(rows), count), -1, np.int64), np.full((len(rows), count), -np.inf)
    for block in blocks(len(rows)):
        wide = rows[block].astype(np.float64)
        at = np.arange(len(wide))
        for start in range(0, len(others), OTHERS):
            products = wide @ others[start : start + OTHERS].astype(np.float64).T
            for _ in range(min(count, products.shape[1])):
                place = products.argmax(axis=1)
                _insert(places[block], best[block], start + place, products[at, place] / SCALE**2)
                products[at, place] = -np.inf
    return places, best


def blocks(count: int) -> Iterator[slice]:
    """Yield slices of at most ROWS that make up `count` rows."""
    for start in range(0, count, ROWS):
        yield slice(start, min(count, start + ROWS))


def _hide(products: Cosines, first: int) -> None:
    """Set to -inf what lies at or past `first + n` in row n."""
    rows, others = products.shape
    if first < others:
        products[np.arange(others) >= first + np.arange(rows)[:, None]] = -np.inf


def _insert(places: Places, best: Cosines, place: Places, cosine: Cosines) -> None:
    """Put one more other of each row where it belongs, after those of the same cosine; the last goes."""
    ahead = np.zeros(len(best), np.bool_)
    for k in range(best.shape[1]):
        ahead |= cosine > best[:, k]
        cosine, best[:, k] = np.where(ahead, best[:, k], cosine), np.where(ahead, cosine, best[:, k])
        place, places[:, k] = np.where(ahead, places[:, k], place), np.where(ahead, place, places[:, k])
