"""Two checkpoints side by side: differences, and intervals that use the same items of both.

Shapes: N items, U units (clusters or single items).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure

_DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of both, and b - a.

    `low` and `high` are the 95 % percentiles of a paired bootstrap over items (over clusters where there are
    any); `p_value` is McNemar's exact one, where items are successes and stand alone. Null where the figure
    keeps no items, or they are not the same ones.
    """

    name: str
    a: float
    b: float
    difference: float
    chance: float | None
    lower_is_better: bool
    low: float | None = None
    high: float | None = None
    p_value: float | None = None

    @property
    def better(self) -> str:
        """Return "a" or "b" where the interval leaves out 0, or "" where it does not or there is none."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return ""
        return "b" if (self.low > 0) != self.lower_is_better else "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The figures that both have, and the names of those that only one has and that a terminal shows."""

    rows: tuple[Difference, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    main: tuple[str, ...] = ()


def compare(a: Mapping[str, Figure], b: Mapping[str, Figure], *, same_items: bool = True) -> Comparison:
    """Compare figures by name; say `same_items=False` where the data are not known to be the same.

    Names are taken in the order of `a`.
    """
    rows = tuple(_difference(name, a[name], b[name], same_items) for name in a if name in b)
    return Comparison(
        rows=rows,
        only_a=tuple(name for name in a if name not in b),
        only_b=tuple(name for name in b if name not in a),
    )


def mcnemar(a_N: NDArray[np.bool_], b_N: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value that a and b succeed equally often (McNemar 1947, Psychometrika 12).

    Of the items where one alone succeeds, either should have half: min(1, 2 P(X <= smaller)), X binomial.
    """
    only_a, only_b = int((a_N & ~b_N).sum()), int((b_N & ~a_N).sum())
    number, smaller = only_a + only_b, min(only_a, only_b)
    if number == 0:
        return 1.0
    # log C(n, i) as a running sum, so that thousands of items neither overflow nor take long.
    steps = np.arange(1, smaller + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(number - steps + 1) - np.log(steps))])
    tail = np.logaddexp.reduce(log_choose) - number * np.log(2.0)
    return float(min(1.0, 2 * np.exp(tail)))


def paired_bootstrap(
    difference_N: NDArray[np.float64], clusters_N: NDArray[np.int64] | None = None
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean difference, units drawn with replacement.

    Units of equal sum and size are drawn together from a multinomial distribution, which is the same and
    costs the number of different units, not of items (Efron & Tibshirani 1993, chapter 13).
    """
    if clusters_N is None:
        units_U2 = np.stack([difference_N, np.ones_like(difference_N)], axis=1)
    else:
        _, index_N = np.unique(clusters_N, return_inverse=True)
        units_U2 = np.stack([np.bincount(index_N, weights=difference_N), np.bincount(index_N)], axis=1)
    kinds, counts = np.unique(units_U2, axis=0, return_counts=True)
    rng = np.random.default_rng(0)
    means = [drawn @ kinds[:, 0] / (drawn @ kinds[:, 1]) for drawn in _draws(rng, counts)]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def _draws(rng: np.random.Generator, counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the draws in blocks of bounded memory."""
    at_once = max(1, min(_DRAWS, 2**22 // len(counts)))
    for start in range(0, _DRAWS, at_once):
        yield rng.multinomial(counts.sum(), counts / counts.sum(), size=min(at_once, _DRAWS - start))


def _difference(name: str, a: Figure, b: Figure, same_items: bool) -> Difference:
    plain = Difference(
        name=name,
        a=a.value,
        b=b.value,
        difference=b.value - a.value,
        chance=a.chance if a.chance == b.chance else None,
        lower_is_better=a.lower_is_better,
    )
    if not same_items or a.items is None or b.items is None or len(a.items) != len(b.items):
        return plain
    if not _equal(a.clusters, b.clusters):
        return plain
    items_a, items_b = a.items.astype(np.float64), b.items.astype(np.float64)
    low, high = paired_bootstrap(items_b - items_a, a.clusters)
    successes = np.isin(np.concatenate([items_a, items_b]), (0, 1)).all()
    p_value = mcnemar(items_a == 1, items_b == 1) if successes and a.clusters is None else None
    return Difference(
        name=name,
        a=plain.a,
        b=plain.b,
        difference=plain.difference,
        chance=plain.chance,
        lower_is_better=plain.lower_is_better,
        low=low,
        high=high,
        p_value=p_value,
    )


def _equal(a: NDArray[np.int64] | None, b: NDArray[np.int64] | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)
