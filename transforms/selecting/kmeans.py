"""Spherical k-means: clusters of directions, by cosine.

It runs in memory on a sample of bounded size, as FAISS trains on at most 256 points a centroid, and not as
passes over all samples.
"""

import numpy as np

from transforms.selecting.directions import (
    SCALE,
    Cosines,
    Directions,
    Places,
    blocks,
    cosines,
    most_similar,
    to_directions,
)

SEED_ROWS = 65_536
"""Most rows among which the first centroids are sought."""

TRIALS = 16
"""Rows tried for each first centroid. They cost little, as all are measured in one go; with the usual
2 + ln K one of some tens of well parted clusters is missed now and then, and no iteration mends that."""

_SAME = 1e-6  # 1 - cosine under which two directions are one: what float16 leaves of equal ones


def find_centroids(rows: Directions, clusters: int, iterations: int, seed: int) -> Directions:
    """Return centroids (K, D) of rows that all have a direction; K is at most `clusters`.

    Greedy k-means++ (Arthur and Vassilvitskii, SODA 2007, section 7), then Lloyd's iterations until no row
    changes its cluster: each centroid becomes the direction of its rows' sum (Dhillon and Modha, Machine
    Learning 42, 2001). There are fewer than `clusters` where there are fewer distinct rows, one at least for
    a row, and a centroid that loses all its rows stays where it is.
    """
    centroids = _first_centroids(rows, clusters, np.random.default_rng(seed))
    labels = np.full(len(rows), -1, np.int64)
    for _ in range(iterations):
        before, (labels, _) = labels, most_similar(rows, centroids)
        if np.array_equal(before, labels):
            break
        centroids = _move(rows, labels, centroids)
    return centroids


def _first_centroids(rows: Directions, clusters: int, random: np.random.Generator) -> Directions:
    """Draw rows by their squared distance from those drawn, 2 (1 - cosine), each the best of some trials."""
    if len(rows) > SEED_ROWS:
        rows = rows[np.sort(random.choice(len(rows), SEED_ROWS, replace=False))]
    if not len(rows):
        return rows
    chosen = [int(random.integers(len(rows)))]
    distance = _distances(rows, chosen)[:, 0]
    while len(chosen) < clusters:
        heights = np.cumsum(distance)
        if heights[-1] == 0:
            break
        lots = random.random(TRIALS) * heights[-1]
        tried = np.minimum(np.searchsorted(heights, lots, side="right"), len(rows) - 1).tolist()
        left = np.minimum(distance[:, None], _distances(rows, tried))
        best = int(left.sum(axis=0).argmin())
        chosen.append(tried[best])
        distance = np.ascontiguousarray(left[:, best])
    return rows[chosen]


def _distances(rows: Directions, chosen: list[int]) -> Cosines:
    distances = 1 - cosines(rows, rows[chosen])
    distances[distances < _SAME] = 0
    return distances


def _move(rows: Directions, labels: Places, centroids: Directions) -> Directions:
    """Return the direction of each cluster's sum; the sum is exact up to 2^29 rows."""
    sums = np.zeros(centroids.shape)
    for block in blocks(len(rows)):
        order = np.argsort(labels[block], kind="stable")
        found, starts = np.unique(labels[block][order], return_index=True)
        sums[found] += np.add.reduceat(rows[block][order].astype(np.float64), starts, axis=0)
    moved = to_directions(sums / SCALE)
    stay = ~moved.any(axis=1)
    moved[stay] = centroids[stay]
    return moved
