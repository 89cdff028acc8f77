"""What a deduplication compares, and over how many partitions it spreads the rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.config import DedupConfig, NearConfig
from transforms.dedup.bands import Bands, plan_bands

PARTITION_ROWS = 2_000_000
"""Most rows of a partition, about: some 300 MB of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to find duplicates: decided once, before the pipeline starts.

    `exact` is whether samples of the same bytes drop each other.
    """

    partitions: int
    exact: bool
    near: NearConfig | None
    bands: Bands


def make_plan(config: DedupConfig, rows: int) -> Plan:
    """Return the plan for so many rows, entries of evaluation lists among them.

    A row goes to a partition for its uid, its bytes and each key of its hash. So with a few partitions nearly
    every row would go to every one: there is one while it holds all rows, then enough for all their copies.
    """
    bands = plan_bands(config.near.max_distance, rows) if config.near else Bands((), 0)
    copies = len(bands.masks) + 2
    partitions = 1 if rows <= PARTITION_ROWS else -(-rows * copies // PARTITION_ROWS)
    return Plan(partitions=partitions, exact=config.exact, near=config.near, bands=bands)


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
