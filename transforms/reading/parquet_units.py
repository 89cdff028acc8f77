"""The units of a Parquet shard: a row a unit, the image's bytes in a column."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.reading.sample_fields import MAX_TEXT, clean_text, decode_text, parse_json_text, uid_and_url
from transforms.reading.shard_paths import InputError
from transforms.storage import open_input

BATCH_ROWS = 16
"""Rows decoded at once: with images at their largest, 1 GiB."""
_URLS = ("url", "image_url", "image_link", "img_url")
_TEXTS = ("caption", "text", "alt_text", "alt", "txt")


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file to be read in order, a page at a time, in bounded memory.

    Raises:
        OSError: it is not there or cannot be read.
        pa.ArrowException: it is no Parquet file, or broken.
    """
    with open_input(path) as stream, pq.ParquetFile(stream, buffer_size=2**20, pre_buffer=False) as file:
        yield file


def image_column(schema: pa.Schema, config: InputConfig) -> str | None:
    """Return the first of `config.image` that is a column of bytes, or of structs with a field `bytes`."""
    for name in config.image:
        at = schema.names.index(name) if name in schema.names else -1
        if at >= 0 and _is_image(schema.field(at).type):
            return name
    return None


def image_bytes(column: pa.Array) -> pa.Array:
    """Return the bytes of a column of images."""
    return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column


def check_columns(shard: Shard, config: InputConfig) -> None:
    """Refuse a shard that has no column of images; one that cannot be opened is its own unit later.

    Raises:
        InputError: it has none; the line tells how to fetch the images where it has their addresses.
    """
    try:
        with open_parquet(shard.path) as file:
            schema = file.schema_arrow
    except pa.ArrowException:
        return
    if image_column(schema, config) is None:
        raise InputError(_no_images(shard, schema, config))


def parquet_units(shard: Shard, config: InputConfig) -> Iterator[Unit]:
    """Yield a unit for every row; `offset` is the row's number. A file that breaks ends with a unit that says so.

    Raises:
        OSError: the file is not there or cannot be read.
        InputError: it has no column of images.
    """
    check_columns(shard, config)
    seen: Counter[str] = Counter()
    row = 0
    try:
        with open_parquet(shard.path) as file:
            columns = _Columns.of(file.schema_arrow, config)
            for batch in file.iter_batches(BATCH_ROWS, columns=columns.names):
                for unit in _batch_units(batch, columns, config, row, seen):
                    yield unit
                row += batch.num_rows
    except pa.ArrowException as error:
        line = " ".join(str(error).split())[:200]
        yield Unit(index=row, key="", reason="unreadable_shard" if row == 0 else "damaged_shard", value=line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    image: str
    names: list[str]

    @classmethod
    def of(cls, schema: pa.Schema, config: InputConfig) -> "_Columns":
        image = image_column(schema, config) or ""
        wanted = {image, *config.text, *config.json_}
        names = [f.name for f in schema if f.name == image or _is_scalar(f.type) or f.name in wanted]
        return cls(image=image, names=list(dict.fromkeys(names)))


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _is_binary(kind.field(at).type)
    return _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_scalar(kind: pa.DataType) -> bool:
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


def _batch_units(
    batch: pa.RecordBatch, columns: _Columns, config: InputConfig, first: int, seen: Counter[str]
) -> Iterator[Unit]:
    images = image_bytes(batch.column(batch.schema.names.index(columns.image)))
    sizes = pc.binary_length(images).to_pylist()
    values = {
        name: _to_list(batch.column(batch.schema.names.index(name)))
        for name in columns.names
        if name != columns.image
    }
    for at in range(batch.num_rows):
        row = {name: column[at] for name, column in values.items() if column[at] is not None}
        unit = _row_unit(row, first + at, sizes[at], images[at].as_py, config, seen)
        yield unit


def _to_list(column: pa.Array) -> list[Any]:
    """Return the column's values, strings as bytes where they are no UTF-8."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return column.view(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()).to_pylist()


def _row_unit(
    row: dict[str, Any],
    number: int,
    size: int | None,
    read: Callable[[], bytes],
    config: InputConfig,
    seen: Counter[str],
) -> Unit:
    mended: tuple[str, ...] = ()
    fields = _clean_fields(row)
    for name in config.json_:
        if isinstance(row.get(name), str):
            parsed = parse_json_text(row[name])
            mended += ("json_unreadable",) if parsed is None else ()
            fields = {**fields, **(parsed or {})}
            break
    uid, url, ignored = uid_and_url(fields)
    text, text_mended, reason, value = _row_text(row, fields, config)
    key = str(fields.get("key") or fields.get("__key__") or f"{number:09d}")
    if size is None:
        reason, value = "null_row", f"row {number}"
    elif size > config.max_member_bytes:
        reason, value = "oversized_member", f"row {number}: {size} bytes"
    elif size == 0:
        reason, value = "empty_image", f"row {number}"
    occurrence = seen[key]
    seen[key] += 1
    return Unit(
        index=number,
        key=key,
        occurrence=occurrence,
        offset=-1 if reason else number,
        size_bytes=0 if reason else size or 0,
        read_image=None if reason else read,
        text=text,
        uid=uid,
        url=url,
        json=fields,
        mended=mended + ignored + text_mended,
        reason=reason,
        value=value,
    )


def _clean_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if isinstance(value, str | int | float | bool)}


def _row_text(
    row: Mapping[str, Any], fields: Mapping[str, Any], config: InputConfig
) -> tuple[str | None, tuple[str, ...], str | None, str | None]:
    """Return the first text that is not empty, what was mended, and the reason and value where none decodes."""
    text: str | None = None
    for name in config.text:
        value = row.get(name, fields.get(name))
        mended: tuple[str, ...] = ()
        if isinstance(value, bytes):
            decoded = decode_text(value[:MAX_TEXT], is_cut=len(value) > MAX_TEXT)
            if decoded is None:
                return None, (), "bad_text", name
            value, guessed = decoded
            mended = (f"text_encoding:{guessed}",) if guessed else ()
        if isinstance(value, str):
            text = clean_text(value[:MAX_TEXT])
            if text:
                return text, mended, None, None
    return text, (), None, None
