"""Send every row to the partitions where its duplicates, if it has any, are sent too."""

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.dedup.batch import column_bytes
from transforms.dedup.plan import Plan, partition_of


def spread(batch: pa.Table, plan: Plan) -> Iterator[tuple[int, pa.Table]]:
    """Yield (partition, rows) for each partition that some of the batch's rows go to.

    Two rows of one uid, of the same bytes or of near hashes meet in at least one partition. A row goes to a
    partition once, however many of its keys lead there.
    """
    for partition, members in enumerate(_homes(batch, plan)):
        if members.any():
            yield partition, batch.filter(pa.array(members))


def _homes(batch: pa.Table, plan: Plan) -> npt.NDArray[np.bool_]:
    """Return (partitions, rows): whether one of the row's keys leads to the partition."""
    homes = np.zeros((plan.partitions, len(batch)), np.bool_)
    rows = np.arange(len(batch))
    hashed = batch.column("phash").is_valid().to_numpy()
    phash = batch.column("phash").drop_null().to_numpy()
    for salt, mask in enumerate(plan.bands.masks):
        homes[partition_of(phash & np.uint64(mask), salt, plan.partitions), rows[hashed]] = True
    for values in (_uid_values(batch), _sha256_values(batch)):
        homes[partition_of(values, len(plan.bands.masks), plan.partitions), rows] = True
    return homes


def _uid_values(batch: pa.Table) -> npt.NDArray[np.uint64]:
    return np.array([zlib.crc32(uid.encode()) for uid in batch.column("uid").to_numpy()], np.uint64)


def _sha256_values(batch: pa.Table) -> npt.NDArray[np.uint64]:
    heads = np.ascontiguousarray(column_bytes(batch, "sha256")[:, :8])
    return heads.view("<u8")[:, 0].astype(np.uint64)
