"""Robustness: what is left of a model's accuracy on corrupted pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clip_evaluation.corruption import SEVERITIES
from clip_evaluation.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Accuracies by corruption (means over the severities), and what they say together.

    `relative` is the corrupted accuracy above chance over the clean one above chance: 1 is untouched, 0
    blind, null where the clean one is not above chance. `mce` and `relative_mce` are against a reference
    model (1 is the same, lower is better); null without one.
    """

    clean: Figure
    corrupted: dict[str, Figure]
    mean_corrupted: Figure
    relative: float | None
    mce: float | None
    relative_mce: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Of one model: `clean`, and by corruption those of severities 1 to 5."""

    clean: float
    corrupted: Mapping[str, Sequence[float]]


def robustness(
    model: Accuracies, *, n: int, chance: float, reference: Accuracies | None = None
) -> Robustness:
    """Summarise accuracies on `n` pictures, clean and corrupted.

    With errors E of the model and R of the reference, mCE is the mean over corruptions of
    sum_s E_s / sum_s R_s, and relative mCE that of sum_s (E_s - E_clean) / sum_s (R_s - R_clean) (Hendrycks &
    Dietterich 2019, arXiv 1903.12261, section 4, without the factor 100; their reference is AlexNet).

    Raises:
        ValueError: an accuracy is not in 0..1, severities are missing, or the reference has other
            corruptions.
    """
    _check("model", model)
    if reference is not None:
        _check("reference", reference)
        if set(reference.corrupted) != set(model.corrupted):
            raise ValueError("the reference was measured on other corruptions; measure both on the same")
    means = {kind: _mean(model.corrupted[kind]) for kind in sorted(model.corrupted)}
    mean = _mean(list(means.values()))
    return Robustness(
        clean=Figure(value=model.clean, n=n, chance=chance),
        corrupted={kind: Figure(value=value, n=n, chance=chance) for kind, value in means.items()},
        mean_corrupted=Figure(value=mean, n=n, chance=chance),
        relative=(mean - chance) / (model.clean - chance) if model.clean > chance else None,
        mce=None if reference is None else _mce(model, reference, relative=False),
        relative_mce=None if reference is None else _mce(model, reference, relative=True),
    )


def _check(name: str, accuracies: Accuracies) -> None:
    if not accuracies.corrupted:
        raise ValueError(f"the {name} has no corrupted accuracies")
    for kind, values in (("clean", [accuracies.clean]), *accuracies.corrupted.items()):
        if kind != "clean" and len(values) != len(SEVERITIES):
            raise ValueError(f"the {name} has {len(values)} severities of {kind}; it needs {len(SEVERITIES)}")
        if not all(0 <= value <= 1 for value in values):
            raise ValueError(f"the {name} has accuracies {list(values)} for {kind}; they must lie in 0..1")


def _mce(model: Accuracies, reference: Accuracies, *, relative: bool) -> float | None:
    """Return mCE; null where the reference makes no errors (or no more than on clean pictures)."""
    ratios = []
    for kind in model.corrupted:
        mine = sum((model.clean if relative else 1) - value for value in model.corrupted[kind])
        theirs = sum((reference.clean if relative else 1) - value for value in reference.corrupted[kind])
        if theirs <= 0:
            return None
        ratios.append(mine / theirs)
    return _mean(ratios)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
