"""The elements of semantic deduplication: samples with their embeddings, as Arrow tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.selecting.directions import Directions, to_directions

Vector = NDArray[np.float16]

_SAMPLE: dict[str, pa.DataType] = {"index": pa.int64(), "uid": pa.string(), "key": pa.string()}
_EMBEDDING: dict[str, pa.DataType] = {"embedding": pa.list_(pa.float16())}
EMBEDDED_SCHEMA = pa.schema(_SAMPLE | _EMBEDDING)
"""A row a sample of one shard; `embedding` is null where there is none, else as long as all others."""

MEMBER_SCHEMA = pa.schema({"order": pa.int32()} | _SAMPLE | {"cosine": pa.float64()} | _EMBEDDING)
"""A row a sample of a cluster: `order` is its shard's, `cosine` that with its nearest centre."""


def embedded_batch(
    indices: Sequence[int], uids: Sequence[str], keys: Sequence[str], embeddings: Sequence[Vector | None]
) -> pa.Table:
    """Return samples of one shard as a table of EMBEDDED_SCHEMA.

    Raises:
        ValueError: an embedding is not a vector of float16.
    """
    for uid, vector in zip(uids, embeddings, strict=True):
        if vector is not None and (vector.dtype != np.float16 or vector.ndim != 1):
            raise ValueError(
                f"the embedding of {uid!r} is {vector.dtype} of {vector.ndim} dimensions; give float16 of one"
            )
    columns: dict[str, Any] = {"index": indices, "uid": uids, "key": keys, "embedding": embeddings}
    return pa.Table.from_pydict(columns, schema=EMBEDDED_SCHEMA)


def with_direction(rows: pa.Table) -> tuple[pa.Table, Directions]:
    """Return the rows whose embedding says something, and their directions (N, D).

    Left out are those without an embedding, or with one of zeros or of numbers that are not finite.

    Raises:
        ValueError: embeddings differ in length.
    """
    rows = rows.filter(rows.column("embedding").is_valid())
    directions = to_directions(_matrix(rows.column("embedding")))
    has = np.flatnonzero(directions.any(axis=1))
    return (rows, directions) if len(has) == len(rows) else (rows.take(has), directions[has])


def _matrix(column: "pa.ChunkedArray[Any]") -> NDArray[np.float16]:
    """Return the vectors of a column without nulls, as (N, D)."""
    lists: Any = column.combine_chunks()
    lengths = np.unique(lists.value_lengths().to_numpy(zero_copy_only=False))
    if len(lengths) > 1:
        raise ValueError(f"embeddings have {lengths[0]} and {lengths[1]} numbers; give those of one model")
    values: NDArray[np.float16] = lists.flatten().to_numpy(zero_copy_only=False)
    return values.astype(np.float16, copy=False).reshape(len(lists), -1 if len(values) else 0)
