"""Reads images again where the units said they lie."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Protocol

import pyarrow as pa

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

_Batches = Generator[tuple[int, "pa.BinaryArray"], None, None]


class ImageReader:
    """The images of one shard, in one pass over it: places are asked for in ascending order.

    A place is offset and size in bytes, as its unit told; in a Parquet shard the offset is the row. `config`
    is needed where a Parquet shard's column of images has none of the usual names. The shard is opened when
    the first image is asked for; `close` it at the end.
    """

    def __init__(self, shard: Shard, config: InputConfig | None = None) -> None:
        self._shard = shard
        self._config = config or InputConfig(shards=(shard.path,))
        self._opened: _Places | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Return the image at a place.

        Raises:
            OSError: the bytes are not there any more.
        """
        try:
            if self._opened is None:
                self._opened = _open(self._shard, self._config)
            data = self._opened.read(offset, size)
        except SourceError as error:
            raise self._changed(f"at {offset}: {error.value}") from error
        except BrokenParquetError as error:
            raise self._changed(str(error)) from error
        if len(data) != size:
            raise self._changed(f"at {offset} are {len(data)} of {size} bytes")
        return data

    def close(self) -> None:
        """Close the shard."""
        if self._opened is not None:
            self._opened.close()

    def _changed(self, what: str) -> OSError:
        return OSError(f"{self._shard.path!r} is not what it was: {what}; start the run afresh")


def read_images(
    shard: Shard, places: Iterable[tuple[int, int]], config: InputConfig | None = None
) -> Iterator[bytes]:
    """Yield the image at each place, as `ImageReader` reads them.

    Raises:
        OSError: the bytes are not there any more.
    """
    with closing(ImageReader(shard, config)) as reader:
        for offset, size in places:
            yield reader.read(offset, size)


class _Places(Protocol):
    """Bytes by ascending place; none or fewer where there are not so many."""

    def read(self, offset: int, size: int) -> bytes: ...

    def close(self) -> None: ...


def _open(shard: Shard, config: InputConfig) -> _Places:
    if shard.format == "parquet":
        return _Rows(shard, config)
    source, _ = open_source(shard, config.max_expansion)
    return source


class _Rows:
    """The column of images of a Parquet shard, a batch of rows at a time."""

    def __init__(self, shard: Shard, config: InputConfig) -> None:
        self._wanted = self._first = self._end = 0
        self._images: pa.BinaryArray | None = None
        self._batches = self._read_batches(shard.path, config)

    def read(self, row: int, _: int) -> bytes:
        """Return the image of a row; empty where there is none."""
        self._wanted = row
        while row >= self._end:
            if (found := next(self._batches, None)) is None:
                return b""
            self._first, self._images = found
            self._end = self._first + len(self._images)
        assert self._images is not None
        image: bytes | None = self._images[row - self._first].as_py()
        return image or b""

    def close(self) -> None:
        self._batches.close()

    def _read_batches(self, path: str, config: InputConfig) -> _Batches:
        """Yield batches with their first row; row groups without the row that is wanted are not read."""
        with open_parquet(path) as file:
            column = image_column(file.schema_arrow, config)
            if column is None:
                raise BrokenParquetError("it has no column of images")
            end = 0
            for group in range(file.num_row_groups):
                first, end = end, end + file.metadata.row_group(group).num_rows
                if self._wanted >= end:
                    continue
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=[column]):
                    yield first, image_bytes(batch, column)
                    first += batch.num_rows
                    if self._wanted >= end:
                        break
