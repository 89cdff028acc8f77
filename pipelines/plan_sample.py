"""A small sample of the input, and what it says of the whole."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TypeVar

from pipelines.plan_interval import (
    Estimate,
    Stratum,
    mean_interval,
    ratio,
    residual_variance,
    share_interval,
    t_quantile,
)
from schemas.facts import Facts, Verdict
from schemas.shard import Shard

_MIN_CLUSTERS = 8

T = TypeVar("T")
Place = tuple[int, int]
"""(shard order, index) of a unit."""
Measure = Callable[[Place], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first units of one shard: their facts, the verdicts by index, and how many units it holds in all.

    `unit_bytes` are of the shard, for each unit; none where `units` is known exactly.
    """

    shard: Shard
    facts: tuple[Facts, ...]
    verdicts: Mapping[int, Verdict]
    units: float
    unit_bytes: tuple[float, ...] = ()
    seconds: float = 0.0  # of one core

    @property
    def weight(self) -> float:
        """How many units of the shard each measured one stands for."""
        return self.units / len(self.facts) if self.facts else 0.0

    @property
    def places(self) -> list[Place]:
        """Where the measured units lie."""
        return [(self.shard.order, facts.index) for facts in self.facts]

    @property
    def kept(self) -> list[Facts]:
        """The samples that profile keeps."""
        return [facts for facts in self.facts if facts.index not in self.verdicts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was read of the input; `listed` and `bytes_in` are of all shards, `known` the units of all.

    Where all shards were read, each is a stratum, and runs of neighbours in it are the clusters; else the
    shards are the clusters. `larger` is set where the input itself stands for something larger: then it is
    never known whole, and its shards (runs, where they are few) are clusters out of many.
    """

    heads: tuple[Head, ...]
    listed: int
    bytes_in: int
    known: int | None = None
    larger: bool = False

    @property
    def of_all(self) -> bool:
        """Whether every shard was opened."""
        return len(self.heads) == self.listed

    @property
    def number(self) -> int:
        """How many units were measured."""
        return sum(len(head.facts) for head in self.heads)

    @property
    def fraction(self) -> float:
        """The share of all units that was measured."""
        if self.larger:
            return 0.0
        return min(1.0, self.number / max(self.count().value, 1.0))

    def kept(self) -> list[tuple[Head, Facts]]:
        """Return the samples that profile keeps, in the order of the input."""
        return [(head, facts) for head in self.heads for facts in head.kept]

    def count(self) -> Estimate:
        """Return how many units all shards hold."""
        if self.known is not None:
            return Estimate.exact(self.known)
        if self.of_all:
            return self._count_of_all()
        clusters = tuple((head.units, head.shard.size_bytes) for head in self.heads)
        share = len(self.heads) / self.listed  # of the shards; the heads' own error is between them too
        found = mean_interval(ratio([Stratum(clusters=clusters, fraction=share)]))
        return found.scaled(self.bytes_in).at_least(Estimate.exact(self.number))

    def _count_of_all(self) -> Estimate:
        total = sum(head.units for head in self.heads)
        strata: list[tuple[list[float], float]] = []
        for head in (head for head in self.heads if head.unit_bytes):
            # Residuals of N = bytes / mean bytes of a unit, linearised.
            a_unit = head.shard.size_bytes / head.units
            blocks = _blocks(head.unit_bytes, self._runs)
            residuals = [head.weight * sum(1 - b / a_unit for b in block) for block in blocks]
            strata.append((residuals, 1 / head.weight))
        variance, freedom = residual_variance(strata)
        half = t_quantile(freedom) * math.sqrt(variance)
        return Estimate(value=total, low=total - half, high=total + half).at_least(
            Estimate.exact(self.number)
        )

    @property
    def clusters(self) -> str:
        """What carries the uncertainty, in words."""
        few = self.of_all and not (self.larger and len(self.heads) >= _MIN_CLUSTERS)
        return "runs of neighbours" if few else "shards"

    @property
    def _runs(self) -> int:
        return max(2, -(-_MIN_CLUSTERS // max(len(self.heads), 1)))

    def strata(self, top: Measure, bottom: Measure) -> list[Stratum]:
        """Return the clusters' sums of two measures of a unit, weighted so that they stand for all."""
        if self.clusters == "shards":
            whole = tuple(_sums(head.places, head.weight, top, bottom) for head in self.heads)
            return [Stratum(clusters=whole, fraction=self.fraction)]
        runs = [
            tuple(_sums(run, head.weight, top, bottom) for run in _blocks(head.places, self._runs))
            for head in self.heads
        ]
        if self.larger:
            return [Stratum(clusters=tuple(chain.from_iterable(runs)))]
        return [
            Stratum(clusters=of_shard, fraction=1 / head.weight if head.weight else 1.0)
            for head, of_shard in zip(self.heads, runs, strict=True)
        ]

    def share(self, holds: Callable[[Place], bool]) -> Estimate:
        """Return the share of all units that something holds of."""
        found = ratio(self.strata(holds, lambda _: 1.0))
        return share_interval(found, self.number, self.fraction)

    def mean(self, measured: Mapping[Place, float]) -> Estimate:
        """Return the mean of a measure over the units that have one."""
        return mean_interval(ratio(self.strata(lambda p: measured.get(p, 0.0), measured.__contains__)))


def _sums(places: Sequence[Place], weight: float, top: Measure, bottom: Measure) -> tuple[float, float]:
    return weight * sum(map(top, places)), weight * sum(map(bottom, places))


def _blocks(items: Sequence[T], number: int) -> list[Sequence[T]]:
    """Cut into runs of about the same length, none empty."""
    number = min(number, len(items))
    edges = [len(items) * i // number for i in range(number + 1)] if number else []
    return [items[a:b] for a, b in pairwise(edges)]
