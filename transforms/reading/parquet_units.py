"""The units of a Parquet shard: a row a unit, the image's bytes in a column."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.reading.parquet_file import (
    BATCH_ROWS,
    BrokenParquetError,
    image_bytes,
    image_column_or_refuse,
    is_scalar,
    open_parquet,
)
from transforms.reading.sample_fields import MAX_TEXT, clean_text, decode_text, parse_json_text, uid_and_url


def parquet_units(shard: Shard, config: InputConfig) -> Iterator[Unit]:
    """Yield a unit for every row, whose number is its `offset`; a broken file ends with a unit that says so.

    Raises:
        OSError: the file is not there or cannot be read.
        InputError: it has no column of images.
    """
    seen: Counter[str] = Counter()
    row = 0
    try:
        with open_parquet(shard.path) as file:
            image = image_column_or_refuse(shard, file.schema_arrow, config)
            wanted = {image, *config.text, *config.json_}
            names = [f.name for f in file.schema_arrow if is_scalar(f.type) or f.name in wanted]
            for batch in file.iter_batches(BATCH_ROWS, columns=names):
                yield from _batch_units(batch, image, config, row, seen)
                row += batch.num_rows
    except BrokenParquetError as error:
        reason = "damaged_shard" if row else "unreadable_shard"
        yield Unit(index=row, key="", reason=reason, value=str(error))


def _batch_units(
    batch: pa.RecordBatch, image: str, config: InputConfig, first: int, seen: Counter[str]
) -> Iterator[Unit]:
    images = image_bytes(batch, image)
    sizes = pc.binary_length(images).to_pylist()
    # Where a name is used twice, its first column counts.
    columns = dict(reversed(list(zip(batch.schema.names, batch.columns, strict=True))))
    values = {name: _to_list(columns[name]) for name in sorted(columns) if name != image}
    for at in range(batch.num_rows):
        row = {name: column[at] for name, column in values.items() if column[at] is not None}
        yield _row_unit(row, first + at, sizes[at], images[at].as_py, config, seen)


def _to_list(column: Any) -> list[Any]:
    """Return an Arrow array's values, strings as bytes where they are no UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        is_large = pa.types.is_large_string(column.type)
        return list(column.view(pa.large_binary() if is_large else pa.binary()).to_pylist())


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
    reason, value = _image_fault(number, size, config.max_member_bytes) or (reason, value)
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


def _image_fault(number: int, size: int | None, limit: int) -> tuple[str, str] | None:
    if size is None:
        return "null_row", f"row {number}"
    if size > limit:
        return "oversized_member", f"row {number}: {size} bytes"
    return None if size else ("empty_image", f"row {number}")


def _clean_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if isinstance(value, str | int | float | bool)}


def _row_text(
    row: Mapping[str, Any], fields: Mapping[str, Any], config: InputConfig
) -> tuple[str | None, tuple[str, ...], str | None, str | None]:
    """Return the first text that is not empty, what was mended, and the reason and value where one fails."""
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
