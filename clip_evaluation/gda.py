"""Gaussian discriminant analysis on frozen embeddings, without training, joined to zero-shot logits.

"A Hard-to-Beat Baseline for Training-free CLIP-based Adaptation" (Wang et al., ICLR 2024, arXiv 2402.04087).

Shapes: N rows, D dimensions, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.linear_probe import Split, check_splits, classify
from clip_evaluation.similarity import Floats, check_widths, scaled_similarities, unit_rows
from clip_evaluation.zero_shot import ZeroShot

ALPHAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
"""Weights of the discriminant to choose from, smallest first; 0 is zero-shot alone."""

_TILE_ROWS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Discriminant:
    """A linear classifier: logits = rows @ weights_DC + bias_C."""

    weights_DC: NDArray[np.float64]
    bias_C: NDArray[np.float64]

    def logits(self, rows_ND: Floats) -> NDArray[np.float32]:
        """Return log posteriors of the classes up to a constant of the row."""
        tiles = (rows_ND[i : i + _TILE_ROWS] for i in range(0, len(rows_ND), _TILE_ROWS))
        parts = [(t.astype(np.float64) @ self.weights_DC + self.bias_C).astype(np.float32) for t in tiles]
        return np.concatenate(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class GdaProbe:
    """Accuracies on the test rows: joined, of the discriminant alone, of zero-shot alone."""

    joined: ZeroShot
    alone: ZeroShot
    zero_shot: ZeroShot
    alpha: float
    validation: dict[float, Figure]


def fit_discriminant(rows_ND: Floats, labels_N: NDArray[np.int64], *, classes: int) -> Discriminant:
    """Fit Gaussians that share one covariance and, as in the paper, are equally frequent.

    With class means mu_c and S = (n - 1) Cov the scatter about them, the shrunk precision is
    P = (n - 1) (S + tr(Cov) I)^-1 (Kubokawa & Srivastava 2008), the weights P mu_c and the biases
    -mu_c' P mu_c / 2. The paper has D in place of n - 1, which only scales; with n - 1 the precision tends
    to Cov^-1, and the logits to log odds.

    Raises:
        ValueError: no class has two different rows: there is no scatter to learn from.
    """
    counts_C = np.bincount(labels_N, minlength=classes)
    means_CD = np.zeros((classes, rows_ND.shape[1]))
    np.add.at(means_CD, labels_N, rows_ND)
    means_CD /= counts_C[:, None]
    scatter_DD = np.zeros((rows_ND.shape[1], rows_ND.shape[1]))
    for start in range(0, len(rows_ND), _TILE_ROWS):
        part = slice(start, start + _TILE_ROWS)
        centred = rows_ND[part] - means_CD[labels_N[part]]
        scatter_DD += centred.T @ centred
    degrees = len(rows_ND) - 1
    trace = float(np.trace(scatter_DD))
    if not trace > 0:
        raise ValueError(
            "no class has two different rows; give two or more pictures of a class, or views of one"
        )
    shrunk_DD = scatter_DD + trace / degrees * np.eye(len(scatter_DD))
    weights_DC = np.asarray(degrees * np.linalg.solve(shrunk_DD, means_CD.T), dtype=np.float64)
    bias_C = -0.5 * np.einsum("cd,dc->c", means_CD, weights_DC)
    return Discriminant(weights_DC=weights_DC, bias_C=bias_C)


def gda_probe(
    train: Split,
    validation: Split,
    test: Split,
    class_CD: Floats,
    *,
    scale: float,
) -> GdaProbe:
    """Choose alpha on `validation` and measure scale x cosine + alpha x discriminant on `test`.

    `ALPHAS` are in the paper's units: the discriminant here is theirs times (n - 1) / D. Of equally good
    ones the smallest is taken, so that zero-shot is kept where the rows bring nothing.

    Raises:
        ValueError: shapes differ, a class has no training row, or no class has two.
    """
    check_splits(train, validation, test, len(class_CD))
    check_widths(image=train.rows_ND, text=class_CD)
    rows = {s: unit_rows(p.rows_ND, s) for s, p in (("validation", validation), ("test", test))}
    unit_train = unit_rows(train.rows_ND, "training image")
    classes = len(class_CD)
    model = fit_discriminant(unit_train, train.labels_N, classes=classes)
    unit = unit_train.shape[1] / (len(unit_train) - 1)
    texts = unit_rows(class_CD, "class")
    zero = {name: scaled_similarities(part, texts, scale) for name, part in rows.items()}
    extra = {name: model.logits(part) for name, part in rows.items()}
    scores = {}
    for alpha in ALPHAS:
        joined = _join(zero["validation"], extra["validation"], alpha * unit)
        scores[alpha] = classify(joined, validation.labels_N).top1
    best = min(scores, key=lambda alpha: (-scores[alpha].value, alpha))
    return GdaProbe(
        joined=classify(_join(zero["test"], extra["test"], best * unit), test.labels_N),
        alone=classify(extra["test"], test.labels_N),
        zero_shot=classify(zero["test"], test.labels_N),
        alpha=best,
        validation=scores,
    )


def _join(zero_NC: NDArray[np.float32], extra_NC: NDArray[np.float32], alpha: float) -> NDArray[np.float32]:
    return zero_NC if alpha == 0 else zero_NC + np.float32(alpha) * extra_NC
