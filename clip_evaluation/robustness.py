"""Robustness: what is left of a model's accuracy on corrupted pictures.

Shapes: N pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import Z_95, cluster_variance, mean_figure

Hits = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Accuracies by corruption (means over the severities), and what they say together.

    `relative` is the corrupted accuracy above chance over the clean one above chance: 1 is untouched, 0
    blind, null where the clean one is not above chance. `mce` and `relative_mce` are against a reference
    model (1 is the same, lower is better); null without one, or where it makes no errors. Nothing is the
    chance level of `relative_mce`: a blind model loses nothing.
    """

    clean: Figure
    corrupted: dict[str, Figure]
    mean_corrupted: Figure
    relative: float | None
    mce: Figure | None
    relative_mce: Figure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Of each picture, in 0..1: `clean_N`, and by corruption the means over its severities."""

    clean_N: Hits
    corrupted: Mapping[str, Hits]


def robustness(
    model: Accuracies, *, chance: float, clusters: NDArray[np.int64], reference: Accuracies | None = None
) -> Robustness:
    """Summarise accuracies on clean and on corrupted pictures.

    With errors E of the model and R of the reference, mCE is the mean over corruptions of
    sum_s E_s / sum_s R_s, and relative mCE that of sum_s (E_s - E_clean) / sum_s (R_s - R_clean) (Hendrycks &
    Dietterich 2019, arXiv 1903.12261, section 4, without the factor 100; their reference is AlexNet). Their
    intervals are by the delta method, on the same pictures of both.

    Raises:
        ValueError: there are no corruptions, or the reference has others or other pictures.
    """
    if not model.corrupted:
        raise ValueError("the model has no corrupted accuracies")
    if reference is not None:
        _check(model, reference)
    corrupted = {kind: model.corrupted[kind] for kind in sorted(model.corrupted)}
    mean_N = np.mean(list(corrupted.values()), axis=0)
    clean = mean_figure(model.clean_N, chance=chance, clusters=clusters)
    mean = mean_figure(mean_N, chance=chance, clusters=clusters)
    above = clean.value - chance
    return Robustness(
        clean=clean,
        corrupted={k: mean_figure(v, chance=chance, clusters=clusters) for k, v in corrupted.items()},
        mean_corrupted=mean,
        relative=(mean.value - chance) / above if above > 0 else None,
        mce=None if reference is None else _mce(model, reference, chance, clusters),
        relative_mce=None if reference is None else _relative_mce(model, reference, clusters),
    )


def _check(model: Accuracies, reference: Accuracies) -> None:
    missing = sorted(set(model.corrupted) ^ set(reference.corrupted))
    if missing:
        raise ValueError(f"{missing[0]!r} was measured on one alone of model and reference; do both alike")
    if len(model.clean_N) != len(reference.clean_N):
        raise ValueError(
            f"the reference was measured on {len(reference.clean_N)} pictures, not {len(model.clean_N)}"
        )


def _mce(
    model: Accuracies, reference: Accuracies, chance: float, clusters: NDArray[np.int64]
) -> Figure | None:
    mine = {kind: 1 - hits_N for kind, hits_N in model.corrupted.items()}
    theirs = {kind: 1 - hits_N for kind, hits_N in reference.corrupted.items()}
    blind = {kind: np.full_like(errors_N, 1 - chance) for kind, errors_N in mine.items()}
    at_chance = _mean_ratio(blind, theirs, clusters, None)
    return _mean_ratio(mine, theirs, clusters, None if at_chance is None else at_chance.value)


def _relative_mce(model: Accuracies, reference: Accuracies, clusters: NDArray[np.int64]) -> Figure | None:
    mine = {kind: model.clean_N - hits_N for kind, hits_N in model.corrupted.items()}
    theirs = {kind: reference.clean_N - hits_N for kind, hits_N in reference.corrupted.items()}
    return _mean_ratio(mine, theirs, clusters, None)


def _mean_ratio(
    mine: Mapping[str, Hits],
    theirs: Mapping[str, Hits],
    clusters: NDArray[np.int64],
    chance: float | None,
) -> Figure | None:
    """Return the mean over corruptions of the ratio of sums; null where a divisor is not above 0."""
    below = {kind: float(theirs[kind].mean()) for kind in mine}
    if min(below.values()) <= 0:
        return None
    ratios = {kind: float(mine[kind].mean()) / below[kind] for kind in mine}
    value = float(np.mean(list(ratios.values())))
    parts = [(mine[kind] - ratios[kind] * theirs[kind]) / below[kind] for kind in mine]
    influence_N = np.mean(parts, axis=0) / len(clusters)
    half = Z_95 * cluster_variance(influence_N, clusters) ** 0.5
    return Figure(
        value=value,
        n=len(clusters),
        chance=chance,
        low=value - half,
        high=value + half,
        lower_is_better=True,
    )
