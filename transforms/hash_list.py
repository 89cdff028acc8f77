"""The list of hashes of an evaluation set: what training data must not hold."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.facts import Facts
from transforms.storage import exists, read_bytes

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("name", pa.string(), nullable=False),
    pa.field("sha256", pa.binary(32), nullable=False),
    pa.field("phash", pa.uint64()),
    pa.field("colour_grid", pa.binary(27)),
]
HASH_LIST_SCHEMA = pa.schema(_FIELDS)
"""A row an image: its name in the set; `sha256`, `phash` and `colour_grid` as in `schemas.facts.Facts`."""

_MEND = "make the list with `pairwright hashes`"


def hash_rows(facts: Sequence[Facts]) -> pa.Table:
    """Return the list of measured images, in their order; the name is the key or, where it is empty, the uid.

    Raises:
        ValueError: a unit has no hash of its bytes, so it is no image.
    """
    for row in facts:
        if row.sha256 is None:
            raise ValueError(f"unit {row.index} ({row.key}) has no sha256; give only units that were decoded")
    columns: dict[str, list[Any]] = {
        "name": [row.key or row.uid for row in facts],
        "sha256": [row.sha256 for row in facts],
        "phash": [row.phash for row in facts],
        "colour_grid": [row.colour_grid for row in facts],
    }
    return pa.Table.from_pydict(columns, schema=HASH_LIST_SCHEMA)


def read_hash_list(path: str) -> pa.Table:
    """Return a list read from Parquet, of exactly `HASH_LIST_SCHEMA`; other columns are left out.

    Raises:
        ValueError: the file is not there or no such list; names the file, the column and the mend.
    """
    if not exists(path):
        raise ValueError(f"evaluation list {path!r} is not there; mend dedup.decontaminate, or {_MEND}")
    try:
        table = pq.read_table(pa.BufferReader(read_bytes(path)))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"evaluation list {path!r} is no Parquet file ({_line(error)}); {_MEND}") from error
    columns = [_column(path, table, field) for field in HASH_LIST_SCHEMA]
    return pa.Table.from_arrays(columns, schema=HASH_LIST_SCHEMA)


def _column(path: str, table: pa.Table, field: "pa.Field[Any]") -> "pa.ChunkedArray[Any]":
    found = table.schema.get_all_field_indices(field.name)
    if len(found) != 1:
        many = "twice" if found else "not at all"
        raise ValueError(f"evaluation list {path!r} has column {field.name!r} {many}; {_MEND}")
    column = table.column(found[0])
    if column.null_count and not field.nullable:
        raise ValueError(f"evaluation list {path!r} has nulls in column {field.name!r}; {_MEND}")
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise ValueError(
            f"evaluation list {path!r} has column {field.name!r} as {column.type}, which is no {field.type} "
            f"({_line(error)}); {_MEND}"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
