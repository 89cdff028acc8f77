"""Annotations as a table: a column a field, so that pandas and DuckDB read what a model wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from schemas.annotation import Annotation, Fields, Provenance, is_list_field

_PROVENANCE = tuple(f.name for f in fields(Provenance))
_INTEGERS = frozenset({"seed", "tokens_in", "tokens_out"})
_DROPPED = pa.list_(pa.struct([("field", pa.string()), ("why", pa.string()), ("texts", pa.int64())]))
"""Texts of a reply that the fields leave out; null where it is not known, or there were none."""

_REGION = pa.struct(
    [
        ("box", pa.list_(pa.float64())),
        ("phrase", pa.string()),
        ("score", pa.float64()),
        ("raw_score", pa.float64()),
    ]
)
"""As `schemas.regions.region_json` has it."""


def annotation_schema(written: Sequence[str]) -> pa.Schema:
    """Return the schema of a recipe that writes these fields: lists of texts, one text, or regions."""
    columns: list[tuple[str, pa.DataType]] = [("index", pa.int64()), ("uid", pa.string())]
    columns += [(name, _field_type(name)) for name in written]
    columns += [(name, pa.int64() if name in _INTEGERS else pa.string()) for name in _PROVENANCE]
    return pa.schema([*columns, ("dropped", _DROPPED), ("reason", pa.string()), ("value", pa.string())])


def _field_type(name: str) -> pa.DataType:
    if name == "regions":
        return pa.list_(_REGION)
    return pa.list_(pa.string()) if is_list_field(name) else pa.string()


def annotation_table(written: Sequence[str], annotations: Iterable[Annotation]) -> pa.Table:
    """Return the annotations as a table, sorted by index."""
    rows = [_row(written, annotation) for annotation in sorted(annotations, key=lambda a: a.index)]
    return pa.Table.from_pylist(rows, schema=annotation_schema(written))


def _row(written: Sequence[str], annotation: Annotation) -> Mapping[str, Any]:
    provenance = {name: getattr(annotation.provenance, name, None) for name in _PROVENANCE}
    texts = {name: annotation.fields.get(name) for name in written}
    return {
        "index": annotation.index,
        "uid": annotation.uid,
        **texts,
        **provenance,
        "dropped": _dropped(annotation.fields),
        "reason": annotation.reason,
        "value": annotation.value,
    }


def _dropped(found: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    if not isinstance(found, Fields):
        return None
    rows: list[Mapping[str, Any]] = [
        {"field": name, "why": why, "texts": number}
        for name, whys in sorted(found.dropped.items())
        for why, number in sorted(whys.items())
    ]
    return rows or None


def annotations_in(table: pa.Table) -> list[Annotation]:
    """Return what `annotation_table` wrote."""
    fixed = {"index", "uid", "dropped", "reason", "value", *_PROVENANCE}
    written = [name for name in table.column_names if name not in fixed]
    return [
        Annotation(
            index=row["index"],
            uid=row["uid"],
            fields={name: row[name] for name in written if row[name] is not None},
            provenance=Provenance(**{n: row[n] for n in _PROVENANCE}) if row["recipe"] is not None else None,
            reason=row["reason"],
            value=row["value"],
        )
        for row in table.to_pylist()
    ]
