"""Leakage: how well an attribute that a task does not need can be read from embeddings.

Shapes: N rows, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.folds import assign_folds, shuffle_labels
from clip_evaluation.intervals import macro_figure
from clip_evaluation.linear_probe import classify
from clip_evaluation.logistic import fit_logistic
from clip_evaluation.similarity import Floats, unit_rows

_L2 = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """Cross-validated balanced accuracy of a linear probe for the attribute; chance is 1 / values.

    `shuffled` are the same figure with the attribute shuffled, clusters whole (`shuffle_labels`): what the
    probe reaches on nothing. `p_value` is the share of these, and the true one, that are at least as high.
    """

    balanced_accuracy: Figure
    shuffled: tuple[float, ...]
    p_value: float
    values: tuple[str, ...]


def leakage(
    rows_ND: Floats,
    attribute: Sequence[str],
    *,
    clusters: NDArray[np.int64],
    folds: int,
    shuffles: int,
    seed: int,
) -> Leakage:
    """Predict the attribute of rows by models that did not see them, nor others of their cluster.

    The smallest p-value is 1 / (1 + shuffles): 0.05 of 19.

    Raises:
        ValueError: lengths differ, there is one value, or a value has fewer rows than there are folds.
    """
    values, labels_N = _encode(attribute, len(rows_ND), folds)
    unit = unit_rows(rows_ND, "image")
    unit *= np.float32(np.sqrt(unit.shape[1]))
    fold_N = assign_folds(labels_N, folds=folds, seed=seed, clusters_N=clusters)
    hits_N = _hits(unit, labels_N, fold_N, len(values))
    rng = np.random.default_rng(seed)
    by_chance = []
    for _ in range(shuffles):
        mixed_N = shuffle_labels(labels_N, clusters, rng)
        mixed_fold_N = assign_folds(mixed_N, folds=folds, seed=seed, clusters_N=clusters)
        by_chance.append(_balanced(_hits(unit, mixed_N, mixed_fold_N, len(values)), mixed_N))
    figure = macro_figure(hits_N, labels_N, chance=1 / len(values), clusters=clusters)
    return Leakage(
        balanced_accuracy=figure,
        shuffled=tuple(by_chance),
        p_value=(1 + sum(other >= figure.value for other in by_chance)) / (1 + shuffles),
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
    unit: NDArray[np.float32], labels_N: NDArray[np.int64], fold_N: NDArray[np.int64], values: int
) -> NDArray[np.float32]:
    hits_N = np.zeros(len(labels_N), dtype=np.float32)
    for fold in np.unique(fold_N):
        held = fold_N == fold
        model = fit_logistic(unit[~held], labels_N[~held], classes=values, l2=_L2)
        top1 = classify(model.logits(unit[held]), labels_N[held]).top1
        assert top1.items is not None
        hits_N[held] = top1.items
    return hits_N


def _balanced(hits_N: NDArray[np.float32], labels_N: NDArray[np.int64]) -> float:
    counts = np.bincount(labels_N)
    return float((np.bincount(labels_N, weights=hits_N) / counts).mean())
