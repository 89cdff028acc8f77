"""What a deduplication compares, and over how many partitions it spreads the rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.config import DedupConfig, NearConfig
from transforms.dedup.bands import Bands, plan_bands

PARTITION_ROWS = 200_000
"""Rows to a partition, about: the unit of memory (some 20 MB a key that the rows have)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to find duplicates: decided once, before the pipeline starts.

    `exact` is whether samples of the same bytes drop each other, `listed` whether there are entries of
    evaluation lists among the rows.
    """

    partitions: int
    exact: bool
    listed: bool
    near: NearConfig | None
    bands: Bands


def make_plan(config: DedupConfig, samples: int, entries: int) -> Plan:
    """Return the plan for so many samples and entries of evaluation lists."""
    rows = samples + entries
    return Plan(
        partitions=max(1, rows // PARTITION_ROWS),
        exact=config.exact,
        listed=entries > 0,
        near=config.near,
        bands=plan_bands(config.near.max_distance, rows) if config.near else Bands((), 0),
    )


def partition_of(values: npt.NDArray[np.uint64], salt: int, partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each value: the same in every process.

    The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
    OOPSLA 2014, figure 16).
    """
    mixed = values + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(partitions)).astype(np.int64)
