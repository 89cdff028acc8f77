"""Leakage: how well an attribute that a task does not need can be read from embeddings.

Shapes: N rows, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.folds import assign_folds
from clip_evaluation.intervals import cluster_variance, wilson_of_variance
from clip_evaluation.linear_probe import classify
from clip_evaluation.logistic import fit_logistic
from clip_evaluation.similarity import Floats, unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """Cross-validated balanced accuracy of a linear probe for the attribute; chance is 1 / values.

    `shuffled` are the same figure with the attribute shuffled over the rows: what the probe reaches on
    nothing. `p_value` is the share of these, and the true one, that are at least as high.
    """

    balanced_accuracy: Figure
    shuffled: tuple[float, ...]
    p_value: float
    values: tuple[str, ...]


def leakage(
    rows_ND: Floats,
    attribute: Sequence[str],
    *,
    clusters: NDArray[np.int64] | None = None,
    folds: int = 5,
    l2: float = 1e-3,
    shuffles: int = 19,
    seed: int = 0,
) -> Leakage:
    """Predict the attribute of rows by models that did not see them, nor others of their cluster.

    With 19 shuffles the smallest p-value is 0.05.

    Raises:
        ValueError: lengths differ, there is one value, or a value has fewer rows than there are folds.
    """
    values, labels_N = _encode(attribute, len(rows_ND), folds)
    unit = unit_rows(rows_ND, "image")
    unit *= np.float32(np.sqrt(unit.shape[1]))
    fold_N = assign_folds(labels_N, folds=folds, seed=seed, clusters_N=clusters)
    hits_N = _hits(unit, labels_N, fold_N, len(values), l2)
    rng = np.random.default_rng(seed)
    by_chance = []
    for _ in range(shuffles):
        mixed_N = rng.permutation(labels_N)
        mixed_fold_N = assign_folds(mixed_N, folds=folds, seed=seed, clusters_N=clusters)
        by_chance.append(_balanced(_hits(unit, mixed_N, mixed_fold_N, len(values), l2), mixed_N))
    value = _balanced(hits_N, labels_N)
    return Leakage(
        balanced_accuracy=_figure(hits_N, labels_N, clusters),
        shuffled=tuple(by_chance),
        p_value=(1 + sum(other >= value for other in by_chance)) / (1 + shuffles),
        values=values,
    )


def _encode(attribute: Sequence[str], rows: int, folds: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the values of the attribute, sorted, and the place of each row's."""
    if rows != len(attribute):
        raise ValueError(f"{rows} rows have {len(attribute)} attributes; give one for each")
    values, labels_N = np.unique(np.asarray(attribute, dtype=np.str_), return_inverse=True)
    counts = np.bincount(labels_N)
    if len(values) < 2 or counts.min() < folds:
        rare = f"{str(values[int(counts.argmin())])!r} {counts.min()}" if len(values) else "none"
        raise ValueError(
            f"{len(values)} values, the rarest {rare}: give two or more, with {folds} rows or more"
        )
    return tuple(str(value) for value in values), labels_N


def _hits(
    unit: NDArray[np.float32], labels_N: NDArray[np.int64], fold_N: NDArray[np.int64], values: int, l2: float
) -> NDArray[np.float32]:
    hits_N = np.zeros(len(labels_N), dtype=np.float32)
    for fold in np.unique(fold_N):
        held = fold_N == fold
        model = fit_logistic(unit[~held], labels_N[~held], classes=values, l2=l2)
        top1 = classify(model.logits(unit[held]), labels_N[held]).top1
        assert top1.items is not None
        hits_N[held] = top1.items
    return hits_N


def _balanced(hits_N: NDArray[np.float32], labels_N: NDArray[np.int64]) -> float:
    counts = np.bincount(labels_N)
    return float((np.bincount(labels_N, weights=hits_N) / counts).mean())


def _figure(
    hits_N: NDArray[np.float32], labels_N: NDArray[np.int64], clusters: NDArray[np.int64] | None
) -> Figure:
    counts = np.bincount(labels_N)
    recall = np.bincount(labels_N, weights=hits_N) / counts
    influence = (hits_N - recall[labels_N]) / (counts[labels_N] * len(counts))
    units = np.arange(len(hits_N)) if clusters is None else clusters
    value = float(recall.mean())
    low, high = wilson_of_variance(value, cluster_variance(influence, units), len(np.unique(units)))
    return Figure(value=value, n=len(hits_N), chance=1 / len(counts), low=low, high=high)
