"""The score that a share of a pool reaches, exact for any number of samples.

Two passes over the scores count them by the upper, then by the lower half of their 32 bits: what crosses the
network is two histograms of 65,536 numbers, whatever the size of the pool.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
BUCKETS = 1 << 16


def sort_keys(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return integers in the order of the scores: the bits, all turned where the sign is negative.

    >>> keys = sort_keys(np.array([-1.5, -0.0, 0.25], np.float32))
    >>> bool((np.diff(keys.astype(np.int64)) > 0).all())
    True
    """
    bits = np.asarray(scores, np.float32).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint32)


def score_of(key: int) -> float:
    """Return the score of a key of `sort_keys`."""
    bits = key ^ (1 << 31) if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.array([bits], np.uint32).view(np.float32)[0])


def count_upper(scores: NDArray[np.float32]) -> Counts:
    """Return how many scores have each upper half."""
    return np.bincount(sort_keys(scores) >> 16, minlength=BUCKETS)


def count_lower(scores: NDArray[np.float32], upper: int) -> Counts:
    """Return how many of the scores of one upper half have each lower half."""
    keys = sort_keys(scores)
    return np.bincount(keys[keys >> 16 == upper] & 0xFFFF, minlength=BUCKETS)


def rank_of(share: float, total: int) -> int:
    """Return how many of `total` scores a share keeps: rounded down, but one at least.

    >>> rank_of(0.3, 10), rank_of(0.3, 1), rank_of(1.0, 7)
    (3, 1, 7)
    """
    return max(1, min(total, int(share * total + 1e-9)))


def find_bucket(counts: Counts, rank: int) -> tuple[int, int]:
    """Return the bucket that holds the `rank`-th highest (from 1), and its rank among that bucket's."""
    from_top = np.cumsum(counts[::-1])
    place = int(np.searchsorted(from_top, rank))
    above = int(from_top[place - 1]) if place else 0
    return len(counts) - 1 - place, rank - above


@dataclass(kw_only=True, eq=False)
class CountScores(beam.PTransform):  # type: ignore[misc]
    """Count scores by half of their bits.

    In: PCollection of {name: scores}, a shard or chunk each. Out: PCollection of {name: counts}, once.

    Args:
        upper: by the upper half, where a name is not in it; else by the lower half of the scores that have
            that upper half.
    """

    upper: Mapping[str, int]

    def expand(self, scores: beam.PCollection[Mapping[str, Any]]) -> beam.PCollection[dict[str, Any]]:
        """Lift `count_upper` and `count_lower`."""
        return scores | beam.Map(self._count) | beam.CombineGlobally(_add)

    def _count(self, scores: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: count_lower(values, self.upper[name]) if name in self.upper else count_upper(values)
            for name, values in scores.items()
        }


def _add(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for part in parts:
        for name, counts in part.items():
            total[name] = total[name] + counts if name in total else counts
    return total
