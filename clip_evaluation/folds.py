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


def shuffle_labels(
    labels_N: NDArray[np.int64], clusters_N: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the labels shuffled: whole clusters exchange theirs, each with one of its size.

    Rows of a cluster are alike, and shuffled one by one they would be less so than they are: what a
    classifier reaches by chance would vary too little (the exchangeable units of a permutation test are
    those that are drawn independently; Winkler et al. 2014, NeuroImage 92).
    """
    _, cluster_N, sizes_C = np.unique(clusters_N, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(cluster_N, kind="stable"), np.cumsum(sizes_C)[:-1])
    mixed_N = np.empty_like(labels_N)
    for size in np.unique(sizes_C):
        rows_CS = np.stack([members[cluster] for cluster in np.flatnonzero(sizes_C == size)])
        mixed_N[rows_CS] = labels_N[rng.permutation(rows_CS)]
    return mixed_N
