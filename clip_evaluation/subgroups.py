"""Accuracy by group: the worst group, and whether the gap is more than the groups' sizes explain.

Shapes: N items, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure

_DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """Accuracy of each group with Wilson's interval, the worst, and the gap from the best to the worst.

    The gap of small groups is large without any reason: `gap.chance` is its mean when the same successes
    fall on items at random, and `p_value` how often it is then at least as large. `gap.low` and `gap.high`
    are the bootstrap's percentiles. `left_out` are groups too small to enter worst and gap.
    """

    groups: dict[str, Figure]
    worst_group: str
    worst: Figure
    gap: Figure
    p_value: float
    left_out: dict[str, int]


def subgroups(
    correct_N: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    chance: float | None,
    min_items: int = 10,
    seed: int = 0,
) -> Subgroups:
    """Measure the accuracy of groups of items.

    Args:
        correct_N: success of each item.
        groups: the group of each item.
        chance: accuracy of a guess.
        min_items: smaller groups are listed, but are neither worst nor part of the gap.
        seed: of the resampling.

    Raises:
        ValueError: lengths differ, or fewer than two groups have `min_items`.
    """
    if correct_N.shape != (len(groups),) or correct_N.dtype != np.bool_:
        raise ValueError(f"{len(groups)} groups need as many successes (bool), not {correct_N.shape}")
    names = np.asarray(groups, dtype=object)
    found = {str(n): mean_figure(correct_N[names == n], chance=chance) for n in sorted(set(groups))}
    large = {name: figure for name, figure in found.items() if figure.n >= min_items}
    if len(large) < 2:
        raise ValueError(f"{len(large)} groups have {min_items} items or more; a gap needs two")
    worst = min(large, key=lambda name: (large[name].value, name))
    sizes_G = np.array([figure.n for figure in large.values()])
    wins_G = np.array([round(figure.value * figure.n) for figure in large.values()])
    gap, p_value = _gap(wins_G, sizes_G, seed)
    return Subgroups(
        groups=found,
        worst_group=worst,
        worst=replace(large[worst], items=None),  # of another model it may be another group
        gap=gap,
        p_value=p_value,
        left_out={name: figure.n for name, figure in found.items() if name not in large},
    )


def _gap(wins_G: NDArray[np.int64], sizes_G: NDArray[np.int64], seed: int) -> tuple[Figure, float]:
    """Resample counts, not items: the same distributions, at the cost of the groups."""
    rng = np.random.default_rng(seed)
    value = float(np.ptp(wins_G / sizes_G))
    resampled = rng.binomial(sizes_G, wins_G / sizes_G, size=(_DRAWS, len(sizes_G))) / sizes_G
    low, high = np.percentile(np.ptp(resampled, axis=1), [2.5, 97.5])
    shuffled = rng.multivariate_hypergeometric(sizes_G, int(wins_G.sum()), size=_DRAWS, method="marginals")
    by_chance = np.ptp(shuffled / sizes_G, axis=1)
    at_least = int((by_chance >= value - 1e-12).sum())
    gap = Figure(
        value=value,
        n=int(sizes_G.sum()),
        chance=float(by_chance.mean()),
        low=float(low),
        high=float(high),
        lower_is_better=True,
    )
    return gap, (at_least + 1) / (_DRAWS + 1)
