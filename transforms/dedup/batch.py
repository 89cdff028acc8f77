"""The element of deduplication: many samples as one Arrow table, small enough to shuffle."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.facts import Facts

_COLUMNS: dict[str, pa.DataType] = {
    "order": pa.int32(),
    "index": pa.int64(),
    "uid": pa.string(),
    "key": pa.string(),
    "sha256": pa.binary(32),
    "phash": pa.uint64(),
    "colour_grid": pa.binary(27),
    "pixels": pa.int64(),
}
BATCH_SCHEMA = pa.schema(_COLUMNS)
"""A row a sample: `order` is its shard's, `index` its place in it, `pixels` width times height; only `phash`
and `colour_grid` may be null."""

EVALUATION_ORDER = -1
"""The shard order of the entries of evaluation lists."""

_MOST_PIXELS = 2**63 - 1  # so that entries of evaluation lists come first in `by_priority`


def batch_from_facts(order: int, facts: Sequence[Facts]) -> pa.Table:
    """Return the batch of a shard's samples.

    Raises:
        ValueError: a unit has no hash of its bytes, so it is no sample.
    """
    for row in facts:
        if row.sha256 is None:
            raise ValueError(f"unit {row.index} ({row.uid}) has no sha256; give only units that were decoded")
    columns: dict[str, list[Any]] = {
        "order": [order] * len(facts),
        "index": [row.index for row in facts],
        "uid": [row.uid for row in facts],
        "key": [row.key for row in facts],
        "sha256": [row.sha256 for row in facts],
        "phash": [row.phash for row in facts],
        "colour_grid": [row.colour_grid for row in facts],
        "pixels": [row.width * row.height for row in facts],
    }
    return pa.Table.from_pydict(columns, schema=BATCH_SCHEMA)


def batch_from_list(entries: pa.Table) -> pa.Table:
    """Return the entries of evaluation lists (`transforms.hash_list.HASH_LIST_SCHEMA`) as rows that win over
    every sample; an earlier entry wins over a later one.
    """
    names = entries.column("name")
    columns = {
        "order": pa.array(np.full(len(entries), EVALUATION_ORDER, np.int32)),
        "index": pa.array(np.arange(len(entries), dtype=np.int64)),
        "uid": names,
        "key": names,
        "sha256": entries.column("sha256"),
        "phash": entries.column("phash"),
        "colour_grid": entries.column("colour_grid"),
        "pixels": pa.array(np.full(len(entries), _MOST_PIXELS, np.int64)),
    }
    return pa.table(columns, schema=BATCH_SCHEMA)


def by_priority(rows: pa.Table) -> pa.Table:
    """Sort rows so that of any two the one to keep comes first: entries of evaluation lists, then more
    pixels, then the smaller (shard order, index). No two rows tie, so the result depends on the rows alone.
    """
    keys = (column_values(rows, "index"), column_values(rows, "order"), -column_values(rows, "pixels"))
    return rows.take(np.lexsort(keys)).combine_chunks()


def to_ipc(table: pa.Table) -> bytes:
    """Return a table as one Arrow IPC stream; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def from_ipc(data: bytes) -> pa.Table:
    """Return the table in an Arrow IPC stream."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def column_values(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """Return a column of integers without nulls, as int64."""
    return table.column(name).to_numpy().astype(np.int64, copy=False)


def column_bytes(table: pa.Table, name: str) -> npt.NDArray[np.uint8]:
    """Return a column of fixed-size bytes as (rows, size) uint8; a null is all zeros."""
    parts = [_array_bytes(chunk) for chunk in table.column(name).chunks]
    size = table.schema.field(name).type.byte_width
    return np.concatenate([np.empty((0, size), np.uint8), *parts])


def _array_bytes(array: "pa.Array[Any]") -> npt.NDArray[np.uint8]:
    size = array.type.byte_width
    data = np.frombuffer(memoryview(array.buffers()[1] or b""), np.uint8)
    rows = data[array.offset * size : (array.offset + len(array)) * size].reshape(len(array), size)
    return np.where(array.is_valid().to_numpy(zero_copy_only=False)[:, None], rows, np.uint8(0))
