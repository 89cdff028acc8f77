"""Folds for cross-validation that keep classes balanced and clusters whole."""

import numpy as np
from numpy.typing import NDArray


def assign_folds(
    labels_N: NDArray[np.int64],
    *,
    folds: int,
    seed: int = 0,
    clusters_N: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return the fold of each row.

    Clusters (single rows where none are given) are taken in random order, those of rare classes first, and
    each goes to the fold that has least of its classes so far, then to the smallest.

    Raises:
        ValueError: there are fewer than two folds, or fewer clusters than folds.
    """
    rows = len(labels_N)
    _, cluster_N = np.unique(np.arange(rows) if clusters_N is None else clusters_N, return_inverse=True)
    _, label_N = np.unique(labels_N, return_inverse=True)
    number, classes = int(cluster_N.max()) + 1 if rows else 0, int(label_N.max()) + 1 if rows else 0
    if folds < 2 or number < folds:
        raise ValueError(f"{number} clusters cannot be cut into {folds} folds; give 2 to {number} folds")
    members = np.split(np.argsort(cluster_N, kind="stable"), np.cumsum(np.bincount(cluster_N))[:-1])
    totals = np.bincount(label_N, minlength=classes)
    shuffled = np.random.default_rng(seed).permutation(number)
    rarest = np.array([totals[label_N[members[c]]].min() for c in shuffled])
    fold_C = np.empty(number, dtype=np.int64)
    held = np.zeros((folds, classes))
    sizes = np.zeros(folds)
    for cluster in shuffled[np.argsort(rarest, kind="stable")]:
        labels, counts = np.unique(label_N[members[cluster]], return_counts=True)
        crowding = (held[:, labels] / totals[labels]) @ counts
        fold = int(np.lexsort((sizes, crowding))[0])
        fold_C[cluster] = fold
        held[fold, labels] += counts
        sizes[fold] += counts.sum()
    return fold_C[cluster_N]
