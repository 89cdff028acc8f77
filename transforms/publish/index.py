"""The files beside the shards: index.parquet and sizes.json."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import IO, Any

import pyarrow.parquet as pq

from transforms.publish.plan import OutputShard
from transforms.publish.write_shard import INDEX_SCHEMA
from transforms.storage import commit, commit_bytes, read_table


def write_index(parts: Iterable[str], path: str) -> None:
    """Write index.parquet from the tables of the shards, in their order.

    A part becomes a row group, and one is in memory at a time. The file is there, with its columns, also when
    there are no parts.
    """
    with commit(path) as stream, pq.ParquetWriter(stream, INDEX_SCHEMA, compression="zstd") as writer:
        for part in parts:
            table = read_table(part)
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def write_sizes(plan: Sequence[OutputShard], path: str) -> None:
    """Write sizes.json, which gives open_clip and other loaders the number of samples of each shard."""
    sizes = {shard.name: shard.size for shard in plan}
    commit_bytes(path, f"{json.dumps(sizes, sort_keys=True)}\n".encode())


def read_index(stream: IO[bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (shard, rows) for each run of rows of the same shard; a shard and a row group are in memory.

    Raises:
        ValueError: the file has not the columns of an index.
    """
    table = pq.ParquetFile(stream)
    if not table.schema_arrow.equals(INDEX_SCHEMA):
        raise ValueError("its columns are not those of an index")
    row_groups = (table.read_row_group(number).to_pylist() for number in range(table.num_row_groups))
    rows = chain.from_iterable(row_groups)
    for shard, same in groupby(rows, key=lambda row: row["shard"]):
        yield str(shard), list(same)
