"""Multinomial logistic regression by L-BFGS.

PyTorch's optimiser, because the evaluator has PyTorch anyway, while scikit-learn and SciPy would be further
dependencies. The gradient is written out, so that rows are read in tiles and memory does not grow with them.

Shapes: N rows, F features, C classes, G = F + 1 with the intercept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clip_evaluation.similarity import Floats

_TILE_ELEMENTS = 2**22
_MAX_STEPS = 1000
_GRADIENT = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A fitted model; `converged`: the largest entry of the gradient is below 1e-5."""

    weights_GC: NDArray[np.float64]
    converged: bool

    def logits(self, features_NF: Floats) -> NDArray[np.float32]:
        """Return the scores of the classes."""
        weights_FC, intercept_C = self.weights_GC[:-1], self.weights_GC[-1]
        logits_NC = np.empty((len(features_NF), len(intercept_C)), dtype=np.float32)
        tile = _tile_rows(*self.weights_GC.shape)
        for start in range(0, len(features_NF), tile):
            rows = features_NF[start : start + tile].astype(np.float64)
            logits_NC[start : start + tile] = rows @ weights_FC + intercept_C
        return logits_NC


def fit_logistic(
    features_NF: Floats | torch.Tensor,
    labels_N: NDArray[np.int64],
    *,
    classes: int,
    l2: float,
    intercept: bool = True,
    start_GC: NDArray[np.float64] | None = None,
) -> Logistic:
    """Minimise the mean cross-entropy plus l2 / 2 times the squared weights, the intercept left out.

    The same as scikit-learn's `LogisticRegression` with C = 1 / (l2 N). Sums run in float64. With an
    intercept the mean of dense rows is taken off while fitting: the minimum is the same, and for embeddings,
    which lie in a narrow cone, it is found in a third of the steps.

    Args:
        features_NF: rows; a sparse COO tensor of float64 where nearly all entries are 0.
        labels_N: 0 up to classes - 1.
        classes: how many there are.
        l2: strength of the regularisation, positive, so that the minimum is one point.
        intercept: whether there is one; 0 otherwise.
        start_GC: weights to start from.

    Raises:
        ValueError: l2 is not positive, or the lengths differ.
    """
    if not l2 > 0:
        raise ValueError(f"l2 is {l2}; it must be positive")
    if len(features_NF) != len(labels_N) or not len(labels_N):
        raise ValueError(f"{len(features_NF)} rows have {len(labels_N)} labels; give one for each")
    shape = (features_NF.shape[1] + 1, classes)
    begin_GC = np.zeros(shape) if start_GC is None else start_GC.copy()
    mean_F = np.zeros(features_NF.shape[1])
    if intercept and not isinstance(features_NF, torch.Tensor):
        mean_F = features_NF.mean(axis=0, dtype=np.float64)
    begin_GC[-1] += mean_F @ begin_GC[:-1]
    weights_GC = torch.tensor(begin_GC, dtype=torch.float64, requires_grad=True)

    def loss() -> float:
        value, weights_GC.grad = _loss(weights_GC.detach(), features_NF, mean_F, labels_N, l2, intercept)
        return value

    _minimise(weights_GC, loss)
    assert weights_GC.grad is not None
    converged = float(weights_GC.grad.abs().max()) < 1e-5
    found_GC = weights_GC.detach().numpy().copy()
    found_GC[-1] -= mean_F @ found_GC[:-1]
    return Logistic(weights_GC=found_GC, converged=converged)


def _minimise(weights_GC: torch.Tensor, loss: Callable[[], float]) -> None:
    """Minimise `loss`, which sets the gradient; that of the result is left set."""
    optimiser = torch.optim.LBFGS(
        [weights_GC],
        max_iter=_MAX_STEPS,
        tolerance_grad=_GRADIENT,
        tolerance_change=1e-12,
        history_size=20,
        line_search_fn="strong_wolfe",
    )
    optimiser.step(loss)  # type: ignore[no-untyped-call]  # torch's step is untyped
    loss()


def _loss(
    weights_GC: torch.Tensor,
    features_NF: Floats | torch.Tensor,
    mean_F: NDArray[np.float64],
    labels_N: NDArray[np.int64],
    l2: float,
    intercept: bool,
) -> tuple[float, torch.Tensor]:
    rows = len(labels_N)
    total = 0.0
    gradient_GC = torch.zeros_like(weights_GC)
    for start, x in _tiles(features_NF, mean_F, _tile_rows(*weights_GC.shape)):
        y = torch.from_numpy(labels_N[start : start + len(x)].astype(np.int64))
        log_p = torch.log_softmax(x @ weights_GC[:-1] + weights_GC[-1], dim=1)
        total -= float(log_p.gather(1, y[:, None]).sum())
        residual = log_p.exp()
        residual[torch.arange(len(y)), y] -= 1
        gradient_GC[:-1] += x.t() @ residual
        if intercept:
            gradient_GC[-1] += residual.sum(dim=0)
    gradient_GC /= rows
    gradient_GC[:-1] += l2 * weights_GC[:-1]
    return total / rows + l2 / 2 * float((weights_GC[:-1] ** 2).sum()), gradient_GC


def _tiles(
    features_NF: Floats | torch.Tensor, mean_F: NDArray[np.float64], rows: int
) -> Iterator[tuple[int, torch.Tensor]]:
    if isinstance(features_NF, torch.Tensor):
        yield 0, features_NF
        return
    for start in range(0, len(features_NF), rows):
        yield start, torch.from_numpy(features_NF[start : start + rows] - mean_F)


def _tile_rows(features: int, classes: int) -> int:
    return max(1, _TILE_ELEMENTS // max(features, classes))
