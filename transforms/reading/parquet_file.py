"""A Parquet shard as a file: its columns, and those that can be used."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.config import InputConfig
from schemas.shard import Shard
from transforms.reading.shard_paths import InputError
from transforms.storage import open_input

BATCH_ROWS = 16
"""Rows decoded at once: with images at their largest, 1 GiB."""
_URLS = ("url", "image_url", "image_link", "img_url")
_TEXTS = ("caption", "text", "alt_text", "alt", "txt")


class BrokenParquetError(Exception):
    """The file is no Parquet file, or broken; in one line."""


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file to be read in order; what it holds in memory is a page of each column.

    Writers make pages of about 1 MiB, but pyarrow's checks their size only every 1,024 rows.

    Raises:
        OSError: it is not there or cannot be read.
        BrokenParquetError: its bytes are at fault; also when that comes to light inside the block.
    """
    with open_input(path) as stream:
        try:
            with pq.ParquetFile(
                stream, buffer_size=2**20, pre_buffer=False, page_checksum_verification=True
            ) as file:
                yield file
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            # Arrow reports broken bytes as a bare OSError; one of the filesystem's has a number or a type.
            if isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None):
                raise
            raise BrokenParquetError(" ".join(str(error).split())[:200]) from error


def image_column(schema: pa.Schema, config: InputConfig) -> str | None:
    """Return the first of `config.image` that is a column of bytes, or of structs with a field `bytes`."""
    for name in config.image:
        at = schema.names.index(name) if name in schema.names else -1
        if at >= 0 and _is_image(schema.field(at).type):
            return name
    return None


def image_column_or_refuse(shard: Shard, schema: pa.Schema, config: InputConfig) -> str:
    """Return what `image_column` does.

    Raises:
        InputError: there is none; the line tells how to fetch the images where there are their addresses.
    """
    name = image_column(schema, config)
    if name is None:
        raise InputError(_no_images(shard, schema, config))
    return name


def image_bytes(batch: pa.RecordBatch, name: str) -> "pa.BinaryArray":
    """Return the bytes of a column of images."""
    column: Any = batch.column(batch.schema.names.index(name))
    images: pa.BinaryArray = pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
    return images


def check_columns(shard: Shard, config: InputConfig) -> None:
    """Refuse a shard that has no column of images; one that cannot be opened is its own unit later.

    Raises:
        InputError: it has none.
    """
    try:
        with open_parquet(shard.path) as file:
            schema = file.schema_arrow
    except BrokenParquetError:
        return
    image_column_or_refuse(shard, schema, config)


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _is_binary(kind.field(at).type)
    return _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_scalar(kind: pa.DataType) -> bool:
    """Return whether a column of this type can stand for a field of the JSON."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return bool(is_number) or _is_string(kind)


def _no_images(shard: Shard, schema: pa.Schema, config: InputConfig) -> str:
    names = ", ".join(repr(name) for name in schema.names[:30]) or "none"
    urls = [f.name for f in schema if f.name.lower() in _URLS and _is_string(f.type)]
    found = f"{shard.path!r} has no column of images; its columns are {names}"
    if not urls:
        wanted = ", ".join(config.image)
        return f"{found}; set input.image (now {wanted}) to a column of bytes, or of structs with bytes"
    texts = [f.name for f in schema if f.name.lower() in _TEXTS and _is_string(f.type)]
    caption = f"--caption_col {shlex.quote(texts[0])} " if texts else ""
    return (
        f"{found}; download the images first: img2dataset --url_list {shlex.quote(shard.path)} "
        f"--input_format parquet --url_col {shlex.quote(urls[0])} {caption}"
        "--output_format webdataset --output_folder DIR"
    )
