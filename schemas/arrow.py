"""Arrow schemas derived from the slots dataclasses, so that a table and its record cannot part."""

import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import pyarrow as pa

_SCALARS: dict[object, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}
T = TypeVar("T")

UNSIGNED_64 = frozenset({"phash"})
"""Fields that use all 64 bits."""


def arrow_schema(record: type) -> pa.Schema:
    """Return the Arrow schema of a dataclass of scalars, optional scalars, and tuples of them.

    Raises:
        TypeError: a field's annotation has no Arrow counterpart.
    """
    hints = typing.get_type_hints(record)
    return pa.schema([_field(f.name, hints[f.name]) for f in fields(record)])


def _field(name: str, hint: Any) -> "pa.Field[Any]":
    arguments = typing.get_args(hint)
    nullable = isinstance(hint, types.UnionType) and types.NoneType in arguments
    if nullable:
        (hint,) = (a for a in arguments if a is not types.NoneType)
    if name in UNSIGNED_64:
        return pa.field(name, pa.uint64(), nullable=nullable)
    return pa.field(name, _data_type(name, hint), nullable=nullable)


def _data_type(name: str, hint: Any) -> pa.DataType:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if typing.get_origin(hint) is tuple:
        return pa.list_(_data_type(name, typing.get_args(hint)[0]))
    raise TypeError(
        f"field {name!r} is {hint!r}, which has no Arrow type here; use a scalar or a tuple of one"
    )


def to_table(record: type, rows: Iterable[Any]) -> pa.Table:
    """Return the records as a table with the schema of `record`."""
    rows = list(rows)
    schema = arrow_schema(record)
    columns = [pa.array([getattr(row, f.name) for row in rows], type=f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def from_table(record: type[T], table: pa.Table, columns: Sequence[str] | None = None) -> list[T]:
    """Return the table's rows as records; `columns` names those to fill, the others keep their defaults."""
    names = list(columns) if columns is not None else [f.name for f in fields(record)]  # type: ignore[arg-type]
    values = []
    for name in names:
        column = table.column(name).to_pylist()
        is_list = pa.types.is_list(table.schema.field(name).type)
        values.append([tuple(v or ()) for v in column] if is_list else column)
    return [record(**dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]
