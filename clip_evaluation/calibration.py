"""Calibration: whether a stated probability of 0.8 is right in 80 % of cases.

Shapes: N rows, C classes, B bins.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import Z_95, mean_figure
from clip_evaluation.ranking import hit_probability, standing
from clip_evaluation.similarity import Floats
from clip_evaluation.temperature import check_logits, fit_temperature, logit_tiles

BINS = 15
"""As Guo et al. 2017 (arXiv 1706.04599)."""

_FLOOR_DRAWS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows whose confidence lies in (low, high]: how many, their mean confidence and accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Errors at one temperature; lower is better, chance is that of equal probabilities for all classes.

    `ece` has bins of equal width, `ece_adaptive` of equally many rows. Neither has a chance level (equal
    probabilities are right as often as they say) nor an interval: a resampled sum of absolute values lies
    above the one that was resampled. Both are above 0 for a perfectly calibrated model too, as bins hold
    few rows: `ece_floor` and `ece_adaptive_floor` are the mean and the 2.5 and 97.5 % quantiles of what they
    are when successes are drawn from the model's own confidence (the consistency resampling of Broecker &
    Smith 2007, Weather and Forecasting 22). An error above `high` is not by chance. `reliability` is the
    table behind `ece`, empty bins left out.
    """

    temperature: float
    accuracy: Figure
    nll: Figure
    brier: Figure
    ece: Figure
    ece_adaptive: Figure
    ece_floor: Figure
    ece_adaptive_floor: Figure
    reliability: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureScaling:
    """Calibration as the model is, and after dividing its logits by a temperature fitted on other rows."""

    before: Calibration
    after: Calibration


def temperature_scaling(
    fit_NC: Floats, fit_labels_N: NDArray[np.int64], test_NC: Floats, test_labels_N: NDArray[np.int64]
) -> TemperatureScaling:
    """Fit the temperature on some rows and measure calibration on others, before and after.

    Raises:
        ValueError: shapes differ, a label is no class, or a logit is not finite.
    """
    temperature = fit_temperature(fit_NC, fit_labels_N)
    return TemperatureScaling(
        before=calibration(test_NC, test_labels_N),
        after=calibration(test_NC, test_labels_N, temperature=temperature),
    )


def calibration(logits_NC: Floats, labels_N: NDArray[np.int64], *, temperature: float = 1.0) -> Calibration:
    """Measure calibration of softmax(logits / temperature).

    NLL is in nats; the Brier score is the squared distance of the probabilities from the true class,
    summed over the classes (Brier 1950), 0 to 2.

    Raises:
        ValueError: shapes differ, a label is no class, a logit is not finite, or the temperature is
            not positive.
    """
    check_logits(logits_NC, labels_N)
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature is {temperature}; it must be positive")
    nll_N, brier_N, confidence_N = _per_row(logits_NC, labels_N, temperature)
    right_N = logits_NC[np.arange(len(labels_N)), labels_N]
    correct_N = hit_probability(standing(logits_NC, right_N, np.ones_like(labels_N)), 1)
    classes = logits_NC.shape[1]
    even, adaptive = np.linspace(0, 1, BINS + 1), adaptive_edges(confidence_N, BINS)
    return Calibration(
        temperature=temperature,
        accuracy=mean_figure(correct_N, chance=1 / classes),
        nll=_error(nll_N, math.log(classes)),
        brier=_error(brier_N, 1 - 1 / classes),
        ece=_ece(confidence_N, correct_N, even),
        ece_adaptive=_ece(confidence_N, correct_N, adaptive),
        ece_floor=_floor(confidence_N, even),
        ece_adaptive_floor=_floor(confidence_N, adaptive),
        reliability=tuple(reliability(confidence_N, correct_N, even)),
    )


def reliability(
    confidence_N: NDArray[np.float64], correct_N: NDArray[np.float64], edges: NDArray[np.float64]
) -> Iterator[Bin]:
    """Yield the bins (edge, next edge] that have rows; a confidence of 0 lies in the first."""
    place_N = np.searchsorted(edges[1:-1], confidence_N, side="left")
    for place in np.unique(place_N):
        mine = place_N == place
        yield Bin(
            low=float(edges[place]),
            high=float(edges[place + 1]),
            n=int(mine.sum()),
            confidence=float(confidence_N[mine].mean()),
            accuracy=float(correct_N[mine].mean()),
        )


def calibration_error(
    confidence_N: NDArray[np.float64], correct_N: NDArray[np.float64], edges: NDArray[np.float64]
) -> float:
    """Return the expected calibration error: sum over bins of n_b / N |accuracy_b - confidence_b|.

    Naeini et al. 2015 (AAAI); Guo et al. 2017 (arXiv 1706.04599), equation 5.
    """
    place_N = np.searchsorted(edges[1:-1], confidence_N, side="left")
    gaps_B = np.bincount(place_N, weights=correct_N - confidence_N, minlength=len(edges) - 1)
    return float(np.abs(gaps_B).sum() / len(confidence_N))


def adaptive_edges(confidence_N: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return edges that put equally many rows into each bin (Nixon et al. 2019, arXiv 1904.01685).

    Rows of equal confidence stay together, so that the order of the rows does not matter; there may then be
    fewer bins.
    """
    last = -(-len(confidence_N) * np.arange(1, bins) // bins) - 1  # whole numbers: quantiles would round
    inner = np.unique(np.sort(confidence_N)[last])
    return np.concatenate([[0.0], inner[(inner > 0) & (inner < 1)], [1.0]])


def _per_row(
    logits_NC: Floats, labels_N: NDArray[np.int64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    nll_N, brier_N, confidence_N = (np.empty(len(labels_N)) for _ in range(3))
    for part, tile in logit_tiles(logits_NC):
        scaled = tile / temperature
        labels = labels_N[part, None]
        log_sum = np.log(np.exp(scaled).sum(axis=1))
        right = np.take_along_axis(scaled, labels, axis=1)[:, 0] - log_sum
        p = np.exp(scaled - log_sum[:, None])
        nll_N[part] = -right
        brier_N[part] = (p**2).sum(axis=1) - 2 * np.exp(right) + 1
        confidence_N[part] = p.max(axis=1)
    return nll_N, brier_N, confidence_N


def _ece(
    confidence_N: NDArray[np.float64], correct_N: NDArray[np.float64], edges: NDArray[np.float64]
) -> Figure:
    value = calibration_error(confidence_N, correct_N, edges)
    return Figure(value=value, n=len(confidence_N), lower_is_better=True)


def _floor(confidence_N: NDArray[np.float64], edges: NDArray[np.float64]) -> Figure:
    draw = np.random.default_rng(0)
    errors = []
    for _ in range(_FLOOR_DRAWS):
        correct_N = (draw.random(len(confidence_N)) < confidence_N).astype(np.float64)
        errors.append(calibration_error(confidence_N, correct_N, edges))
    low, high = np.percentile(errors, [2.5, 97.5])
    return Figure(value=float(np.mean(errors)), n=len(confidence_N), low=float(low), high=float(high))


def _error(values_N: NDArray[np.float64], chance: float) -> Figure:
    value = float(values_N.mean())
    half = Z_95 * float(values_N.std(ddof=1)) / math.sqrt(len(values_N)) if len(values_N) > 1 else None
    return Figure(
        value=value,
        n=len(values_N),
        chance=chance,
        low=None if half is None else max(0.0, value - half),
        high=None if half is None else value + half,
        lower_is_better=True,
        items=values_N.astype(np.float32),
    )
