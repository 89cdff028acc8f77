"""The linear probe: how far a linear classifier gets on frozen embeddings.

Shapes: N rows, D dimensions, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.logistic import Logistic, fit_logistic
from clip_evaluation.ranking import standing
from clip_evaluation.similarity import Floats, check_widths, unit_rows
from clip_evaluation.zero_shot import ZeroShot, check_labels, summarise

GRID = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Strengths of the regularisation to choose from, strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Embeddings and their classes."""

    rows_ND: Floats
    labels_N: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearProbe:
    """Accuracies on the test rows; `validation` is the accuracy on the validation rows by l2."""

    test: ZeroShot
    validation: dict[float, Figure]
    l2: float
    converged: bool


def linear_probe(train: Split, validation: Split, test: Split, *, classes: int) -> LinearProbe:
    """Fit on `train`, choose l2 on `validation`, fit on both, and measure on `test`.

    The protocol of Radford et al. 2021 (arXiv 2103.00020, appendix A.3), with L-BFGS too. Embeddings are
    scaled to length sqrt(D), so that entries are about 1 and a strength means the same at any width. Of
    equally good strengths the strongest is taken.

    Raises:
        ValueError: shapes differ, or a class has no training row.
    """
    check_splits(train, validation, test, classes)
    fit_rows, check_rows, test_rows = (_scaled(split.rows_ND) for split in (train, validation, test))
    scores: dict[float, Figure] = {}
    model: Logistic | None = None
    for l2 in GRID:
        start = None if model is None else model.weights_GC
        model = fit_logistic(fit_rows, train.labels_N, classes=classes, l2=l2, start_GC=start)
        scores[l2] = classify(model.logits(check_rows), validation.labels_N).top1
    best = max(scores, key=lambda l2: (scores[l2].value, l2))
    both = np.concatenate([fit_rows, check_rows])
    labels = np.concatenate([train.labels_N, validation.labels_N])
    final = fit_logistic(both, labels, classes=classes, l2=best)
    return LinearProbe(
        test=classify(final.logits(test_rows), test.labels_N),
        validation=scores,
        l2=best,
        converged=final.converged,
    )


def classify(logits_NC: NDArray[np.float32], labels_N: NDArray[np.int64]) -> ZeroShot:
    """Return the accuracies of logits."""
    right_N = logits_NC[np.arange(len(labels_N)), labels_N]
    return summarise(standing(logits_NC, right_N, np.ones_like(labels_N)), labels_N, logits_NC.shape[1])


def check_splits(train: Split, validation: Split, test: Split, classes: int) -> None:
    """Check that the splits fit together and every class can be learnt.

    Raises:
        ValueError: they do not, or one cannot.
    """
    check_widths(train=train.rows_ND, validation=validation.rows_ND, test=test.rows_ND)
    for split in (train, validation, test):
        check_labels(split.labels_N, len(split.rows_ND), classes)
    missing = np.flatnonzero(np.bincount(train.labels_N, minlength=classes) == 0)
    if missing.size:
        raise ValueError(f"class {missing[0]} has no training row ({missing.size} of {classes} classes)")


def _scaled(rows_ND: Floats) -> NDArray[np.float32]:
    unit = unit_rows(rows_ND, "image")
    unit *= np.float32(np.sqrt(unit.shape[1]))
    return unit
