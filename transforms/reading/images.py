"""Reads images again where the units said they lie."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pyarrow.parquet as pq

from schemas.config import InputConfig
from schemas.shard import Shard
from transforms.reading.parquet_file import (
    BATCH_ROWS,
    BrokenParquetError,
    image_bytes,
    image_column,
    open_parquet,
)
from transforms.reading.sources import SourceError, open_source


def read_images(
    shard: Shard, places: Sequence[tuple[int, int]], config: InputConfig | None = None
) -> Iterator[bytes]:
    """Yield the image at each place: offset and size in bytes as its unit told, ascending by offset.

    In a Parquet shard the offset is the row; `config` is needed where its column of images has none of the
    usual names.

    Raises:
        OSError: the bytes are not there any more.
    """
    config = config or InputConfig(shards=(shard.path,))
    return _of_rows(shard, places, config) if shard.format == "parquet" else _of_tar(shard, places, config)


def _of_tar(shard: Shard, places: Sequence[tuple[int, int]], config: InputConfig) -> Iterator[bytes]:
    source, _ = open_source(shard, config.max_expansion)
    with closing(source):
        for offset, size in places:
            try:
                data = source.read(offset, size)
            except SourceError as error:
                raise _changed(shard, f"byte {offset}: {error.value}") from error
            if len(data) < size:
                raise _changed(shard, f"byte {offset} has {len(data)} of {size} bytes")
            yield data


def _of_rows(shard: Shard, places: Sequence[tuple[int, int]], config: InputConfig) -> Iterator[bytes]:
    given = 0
    fault = "it has no column of images"
    try:
        with open_parquet(shard.path) as file:
            column = image_column(file.schema_arrow, config)
            rows = _wanted_rows(file, column, [row for row, _ in places]) if column else iter(())
            for (row, size), image in zip(places, rows, strict=False):
                fault = f"row {row} does not have {size} bytes"
                if image is None or len(image) != size:
                    break
                given += 1
                yield image
    except BrokenParquetError as error:
        fault = str(error)
    if given < len(places):
        raise _changed(shard, fault)


def _wanted_rows(file: pq.ParquetFile, column: str, rows: Sequence[int]) -> Iterator[bytes | None]:
    """Yield the images of the rows asked for; row groups without any are not read."""
    first, at = 0, 0
    for group in range(file.num_row_groups):
        end = first + file.metadata.row_group(group).num_rows
        row = first
        if at < len(rows) and rows[at] < end:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):
                images = image_bytes(batch, column)
                while at < len(rows) and rows[at] < row + len(images):
                    yield images[rows[at] - row].as_py()
                    at += 1
                row += len(images)
                if at == len(rows) or rows[at] >= end:
                    break
        first = end


def _changed(shard: Shard, what: str) -> OSError:
    return OSError(f"{shard.path!r} is not what it was: {what}; start the run afresh")
