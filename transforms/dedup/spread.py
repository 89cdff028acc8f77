"""Send every row to the partitions where its duplicates, if it has any, are sent too."""

import zlib
from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.dedup.batch import EVALUATION_ORDER, column_bytes
from transforms.dedup.plan import Plan, partition_of

Kind = Literal["uid", "sha256", "phash"]
"""What the rows of a partition are compared by."""

_PRIORITY = ["order", "index", "uid", "pixels"]


def spread(batch: pa.Table, plan: Plan) -> Iterator[tuple[Kind, int, pa.Table]]:
    """Yield what each partition needs of a batch, as (kind, partition, rows); at most one table for each
    kind and partition, however many keys of a row lead there.
    """
    samples = batch.filter(pc.field("order") != EVALUATION_ORDER).select(_PRIORITY)
    yield from _split("uid", samples, _uid_homes(samples, plan))
    if plan.exact or plan.listed:
        rows = batch.select([*_PRIORITY, "sha256"])
        yield from _split("sha256", rows, _sha256_homes(rows, plan))
    if plan.near is not None:
        rows = batch.filter(batch.column("phash").is_valid()).select([*_PRIORITY, "phash", "colour_grid"])
        yield from _split("phash", rows, _phash_homes(rows, plan))


def _split(kind: Kind, rows: pa.Table, homes: npt.NDArray[np.bool_]) -> Iterator[tuple[Kind, int, pa.Table]]:
    for partition, members in enumerate(homes):
        if members.any():
            yield kind, partition, rows.filter(pa.array(members))


def _uid_homes(rows: pa.Table, plan: Plan) -> npt.NDArray[np.bool_]:
    uids = rows.column("uid").to_numpy()
    return _homes([np.array([zlib.crc32(uid.encode()) for uid in uids], np.uint64)], len(rows), plan)


def _sha256_homes(rows: pa.Table, plan: Plan) -> npt.NDArray[np.bool_]:
    heads = np.ascontiguousarray(column_bytes(rows, "sha256")[:, :8])
    return _homes([heads.view("<u8")[:, 0].astype(np.uint64)], len(rows), plan)


def _phash_homes(rows: pa.Table, plan: Plan) -> npt.NDArray[np.bool_]:
    phash = rows.column("phash").to_numpy()
    return _homes([phash & np.uint64(mask) for mask in plan.bands.masks], len(rows), plan)


def _homes(keys: list[npt.NDArray[np.uint64]], rows: int, plan: Plan) -> npt.NDArray[np.bool_]:
    """Return (partitions, rows): whether one of the row's keys leads to the partition."""
    homes = np.zeros((plan.partitions, rows), np.bool_)
    for salt, key in enumerate(keys):
        homes[partition_of(key, salt, plan.partitions), np.arange(rows)] = True
    return homes
