"""Find rows that show nearly the same picture as a better one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.config import NearConfig
from transforms.dedup.batch import EVALUATION_ORDER, column_bytes, column_values
from transforms.dedup.losers import LOSER_SCHEMA, NEAR, NEAR_LIST, Positions, make_losers
from transforms.dedup.plan import Plan, partition_of
from transforms.dedup.same import first_of_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """M distinct pictures, best first: `phash` (M,), `grid` (M, 27), `has_grid` (M,)."""

    phash: npt.NDArray[np.uint64]
    grid: npt.NDArray[np.uint8]
    has_grid: npt.NDArray[np.bool_]


def near_duplicates(rows: pa.Table, partition: int, plan: Plan) -> pa.Table:
    """Return the samples, of a partition's rows sorted by priority, that are near a better row, each with the
    best such row whose key this partition holds.

    A row loses to any better row that is near, whether or not that one loses too (the strict upper triangle
    of SemDeDup, arXiv 2303.09540), so the result does not depend on the order of work.
    """
    if plan.near is None:
        return LOSER_SCHEMA.empty_table()
    rows = rows.filter(rows.column("phash").is_valid())
    everything = _pictures(rows)
    numbers, firsts = first_of_each(_identity(everything))
    pictures = _take(everything, firsts)
    winners = firsts[best_neighbours(pictures, partition, plan, plan.near)[numbers]]
    listed = column_values(rows, "order") == EVALUATION_ORDER
    losers = np.flatnonzero((winners != np.arange(len(rows))) & ~listed)
    winners = winners[losers]
    rules = np.where(listed[winners], NEAR_LIST, NEAR)
    distances = np.bitwise_count(everything.phash[losers] ^ everything.phash[winners])
    return _with_distances(make_losers(rows, losers, winners, rules), distances)


def best_neighbours(pictures: Pictures, partition: int, plan: Plan, near: NearConfig) -> Positions:
    """Return for each picture the best one that is near it and better, or itself where there is none.

    Candidates are tried best first, all groups at once: a picture leaves at its first hit, so that a clump of
    n near copies costs about n comparisons, not n squared; pictures that share a key and are not near cost
    one for each pair. Memory is linear in the pictures.
    """
    best = np.arange(len(pictures.phash))
    for salt, mask in enumerate(plan.bands.masks):
        keys = pictures.phash & np.uint64(mask)
        held = np.flatnonzero(partition_of(keys, salt, plan.partitions) == partition)
        held = held[np.argsort(keys[held], kind="stable")]
        open_, at = held, _group_starts(keys[held])
        while open_.size:
            candidates = held[at]
            better = candidates < best[open_]
            open_, at, candidates = open_[better], at[better] + 1, candidates[better]
            hits = is_near(pictures, open_, candidates, near)
            best[open_[hits]] = candidates[hits]
            open_, at = open_[~hits], at[~hits]
    return best


def is_near(pictures: Pictures, a: Positions, b: Positions, near: NearConfig) -> npt.NDArray[np.bool_]:
    """Return whether the pictures at `a` and `b` are near: hashes within `max_distance` bits and, where both
    have a colour grid, no mean colour apart by more than `max_colour`.
    """
    hits: npt.NDArray[np.bool_] = np.bitwise_count(pictures.phash[a] ^ pictures.phash[b]) <= near.max_distance
    at = np.flatnonzero(hits)
    at = at[pictures.has_grid[a[at]] & pictures.has_grid[b[at]]]
    for channel in pictures.grid.T:
        if not at.size:
            break
        first, second = channel[a[at]], channel[b[at]]
        apart = np.maximum(first, second) - np.minimum(first, second) > near.max_colour
        hits[at[apart]] = False
        at = at[~apart]
    return hits


def _group_starts(keys: npt.NDArray[np.uint64]) -> Positions:
    starts = np.arange(len(keys))
    starts[1:][keys[1:] == keys[:-1]] = 0
    return np.maximum.accumulate(starts)


def _pictures(rows: pa.Table) -> Pictures:
    return Pictures(
        phash=rows.column("phash").to_numpy(),
        grid=column_bytes(rows, "colour_grid"),
        has_grid=rows.column("colour_grid").is_valid().to_numpy(),
    )


def _identity(pictures: Pictures) -> "pa.ChunkedArray[Any]":
    """Return the bytes that are equal for equal pictures only."""
    parts = [pictures.phash.view(np.uint8).reshape(-1, 8), pictures.has_grid[:, None], pictures.grid]
    data = np.hstack(parts, dtype=np.uint8, casting="unsafe")
    buffers = [None, pa.py_buffer(data.tobytes())]
    return pa.chunked_array([pa.Array.from_buffers(pa.binary(data.shape[1]), len(data), buffers)])


def _take(pictures: Pictures, at: Positions) -> Pictures:
    return Pictures(phash=pictures.phash[at], grid=pictures.grid[at], has_grid=pictures.has_grid[at])


def _with_distances(losers: pa.Table, distances: npt.NDArray[np.uint8]) -> pa.Table:
    """Add the distance to the values that name a sample."""
    told = zip(
        losers.column("value").to_pylist(), losers.column("rule").to_pylist(), distances.tolist(), strict=True
    )
    values = [f"{uid} distance {distance}" if rule == NEAR else uid for uid, rule, distance in told]
    place = losers.schema.get_field_index("value")
    return losers.set_column(place, LOSER_SCHEMA.field(place), pa.array(values, pa.string()))
