"""Accuracy by group: the worst group, and whether the gap is more than the groups' sizes explain.

Shapes: N items, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure, wilson

_DRAWS = 4000
_RANGES = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """Accuracy of each group with Wilson's interval, the worst, and the gap from the best to the worst.

    Which group is worst is seen in the data, and its own interval would be too low and too narrow. That of
    `worst` is of the least true accuracy of all groups: the least of the lower and of the upper ends of
    Wilson's intervals at Sidak's level 0.95^(1/G), which hold together (1967, JASA 62). That of `gap` is of
    the largest true difference: the largest lower and upper end over all pairs of groups, whose intervals
    hold together by Tukey and Kramer's quantile of the range of G normal values (Hayter 1984, Annals of
    Statistics 12), each from Wilson's ends as Newcombe does (1998, Statistics in Medicine 17, method 10).

    The gap of small groups is large without any reason: `gap.chance` is its mean when the same successes
    fall on items at random, and `p_value` how often it is then at least as large. `left_out` are groups too
    small to enter worst and gap.
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
) -> Subgroups:
    """Measure the accuracy of groups of items.

    Args:
        correct_N: success of each item.
        groups: the group of each item.
        chance: accuracy of a guess.
        min_items: smaller groups are listed, but are neither worst nor part of the gap.

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
    sizes_G = np.array([figure.n for figure in large.values()])
    wins_G = np.array([round(figure.value * figure.n) for figure in large.values()])
    gap, p_value = _gap(wins_G, sizes_G)
    name = min(large, key=lambda name: (large[name].value, name))
    return Subgroups(
        groups=found,
        worst_group=name,
        worst=_worst(large[name], wins_G, sizes_G),
        gap=gap,
        p_value=p_value,
        left_out={name: figure.n for name, figure in found.items() if name not in large},
    )


def _worst(own: Figure, wins_G: NDArray[np.int64], sizes_G: NDArray[np.int64]) -> Figure:
    """Return the worst group's accuracy without items: of another model it may be another group."""
    low_G, high_G = _ends(wins_G, sizes_G, NormalDist().inv_cdf((1 + 0.95 ** (1 / len(sizes_G))) / 2))
    low, high = float(low_G.min()), float(high_G.min())
    return Figure(value=own.value, n=own.n, chance=own.chance, low=low, high=high)


def _ends(
    wins_G: NDArray[np.int64], sizes_G: NDArray[np.int64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both ends of Wilson's interval of each group at the normal quantile `z`."""
    ends = np.array([wilson(wins / size, size, z) for wins, size in zip(wins_G, sizes_G, strict=True)])
    return ends[:, 0], ends[:, 1]


def _gap(wins_G: NDArray[np.int64], sizes_G: NDArray[np.int64]) -> tuple[Figure, float]:
    """Resample counts, not items: the same distributions, at the cost of the groups."""
    rng = np.random.default_rng(0)
    rates_G = wins_G / sizes_G
    value = float(np.ptp(rates_G))
    shuffled = rng.multivariate_hypergeometric(sizes_G, int(wins_G.sum()), size=_DRAWS, method="marginals")
    by_chance = np.ptp(shuffled / sizes_G, axis=1)
    at_least = int((by_chance >= value - 1e-12).sum())
    low_G, high_G = _ends(wins_G, sizes_G, range_quantile(len(sizes_G)) / np.sqrt(2))
    differences_GG = rates_G[:, None] - rates_G
    down_GG = np.hypot((rates_G - low_G)[:, None], high_G - rates_G)
    up_GG = np.hypot((high_G - rates_G)[:, None], rates_G - low_G)
    gap = Figure(
        value=value,
        n=int(sizes_G.sum()),
        chance=float(by_chance.mean()),
        low=max(0.0, float((differences_GG - down_GG).max())),
        high=min(1.0, float((differences_GG + up_GG)[~np.eye(len(sizes_G), dtype=bool)].max())),
        lower_is_better=True,
    )
    return gap, (at_least + 1) / (_DRAWS + 1)


def range_quantile(groups: int) -> float:
    """Return the 95 % quantile of the range of as many standard normal values, by drawing."""
    rng = np.random.default_rng(1)
    low = high = rng.standard_normal(_RANGES)
    for _ in range(groups - 1):
        drawn = rng.standard_normal(_RANGES)
        low, high = np.minimum(low, drawn), np.maximum(high, drawn)
    return float(np.quantile(high - low, 0.95))
