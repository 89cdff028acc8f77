"""Files that appear whole or not at all, on any filesystem that Beam knows."""

import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from schemas.arrow import arrow_schema, to_table
from schemas.errors import RunError

TEMPORARY = ".writing-"
"""Base names of half-written files begin so; nothing reads them, and the next run removes them."""

ROW_GROUP = 2048
"""Rows of a committed table that are in memory at a time."""


def is_local(path: str) -> bool:
    """Return whether the path is on this machine's own filesystem."""
    return bool(FileSystems.get_scheme(path) is None)


def make_folder(path: str) -> None:
    """Make a folder and its parents; object stores have none to make."""
    if is_local(path):
        os.makedirs(path, exist_ok=True)


def exists(path: str) -> bool:
    """Return whether a committed file is there."""
    return bool(FileSystems.exists(path))


def file_size(path: str) -> int:
    """Return the bytes of a committed file.

    Raises:
        OSError: it is not there.
    """
    return os.path.getsize(path) if is_local(path) else int(FileSystems.get_filesystem(path).size(path))


def open_input(path: str) -> IO[bytes]:
    """Open a file as its bytes lie, never decompressed; seekable wherever the filesystem is."""
    if is_local(path):
        return open(path, "rb")
    stream: IO[bytes] = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream


@contextmanager
def commit(path: str) -> Iterator[IO[bytes]]:
    """Write a file that appears under `path` only when the block ends without an error.

    The rename guards against the death of the process, not of the machine: nothing is synced to disk.
    """
    folder, name = FileSystems.split(path)
    make_folder(folder)
    temporary = FileSystems.join(folder, f"{TEMPORARY}{uuid.uuid4().hex[:8]}-{name}")
    try:
        if is_local(path):
            with open(temporary, "wb") as stream:
                yield stream
            os.replace(temporary, path)
        else:
            with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
                yield stream
            _rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            remove(temporary)
        raise


def _rename(temporary: str, path: str) -> None:
    try:
        FileSystems.rename([temporary], [path])
    except BeamIOError:
        # Some filesystems (HDFS) do not rename onto a file.
        if not FileSystems.exists(path):
            raise
        FileSystems.delete([path])
        FileSystems.rename([temporary], [path])


def remove(path: str) -> None:
    """Remove a file if it is there."""
    if is_local(path):
        with suppress(FileNotFoundError):
            os.remove(path)
    elif FileSystems.exists(path):
        FileSystems.delete([path])


def commit_bytes(path: str, data: bytes) -> None:
    """Commit a small file."""
    with commit(path) as stream:
        stream.write(data)


def commit_table(path: str, table: pa.Table) -> None:
    """Commit a Parquet table; the same table always gives the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    commit_bytes(path, buffer.getvalue())


def commit_rows(path: str, record: type, rows: Iterable[Any]) -> int:
    """Commit records as a Parquet table, a row group at a time; return how many there were."""
    number = 0
    with commit(path) as stream, pq.ParquetWriter(stream, arrow_schema(record), compression="zstd") as writer:
        iterator = iter(rows)
        while group := list(islice(iterator, ROW_GROUP)):
            writer.write_table(to_table(record, group))
            number += len(group)
    return number


@contextmanager
def _committed(path: str) -> Iterator[None]:
    """Say which committed file is damaged: after a power failure one may be cut or empty."""
    try:
        yield
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the machine's or the service's error, not the file's
        line = " ".join(str(error).split())[:200]
        raise RunError(f"{path} is damaged ({line}); remove it and run again") from error


def read_groups(path: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield a committed table's row groups, in order."""
    with _committed(path), open_input(path) as stream, pq.ParquetFile(stream) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns)


def count_rows(path: str) -> int:
    """Return how many rows a committed table has, from its footer."""
    with _committed(path), open_input(path) as stream, pq.ParquetFile(stream) as file:
        return int(file.metadata.num_rows)


def read_bytes(path: str) -> bytes:
    """Read a small file whole."""
    with open_input(path) as stream:
        return stream.read()


def read_table(path: str, columns: list[str] | None = None) -> pa.Table:
    """Read a committed Parquet table, or some of its columns."""
    with _committed(path):
        return pq.read_table(pa.BufferReader(read_bytes(path)), columns=columns)


def read_json(path: str) -> Any:
    """Read a committed JSON file."""
    with _committed(path):
        return json.loads(read_bytes(path))


def list_files(folder: str) -> list[str]:
    """Return the base names of the files directly in a folder, sorted; none where it is not there."""
    if is_local(folder):
        return sorted(e.name for e in os.scandir(folder) if e.is_file()) if os.path.isdir(folder) else []
    filesystem = FileSystems.get_filesystem(folder)
    if filesystem.has_dirs() and not filesystem.exists(folder):  # HDFS refuses to list it
        return []
    (match,) = FileSystems.match([FileSystems.join(folder, "*")])
    return sorted(FileSystems.split(m.path)[1] for m in match.metadata_list)


def all_files(folder: str) -> Iterator[str]:
    """Yield the paths of the files below a folder, in no particular order; none where it is not there."""
    if is_local(folder):  # where a folder's name may hold what is magic in a pattern
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)
    else:
        (match,) = FileSystems.match([FileSystems.join(folder, "**")])
        yield from (str(found.path) for found in match.metadata_list)


def is_half_written(path: str) -> bool:
    """Return whether a file is one that `commit` had not finished."""
    return str(FileSystems.split(path)[1]).startswith(TEMPORARY)


def remove_half_written(folder: str) -> None:
    """Remove what a killed run left half-written below a folder."""
    for path in [path for path in all_files(folder) if is_half_written(path)]:
        remove(path)
