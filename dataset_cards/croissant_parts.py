"""The parts that croissant.json's file sets and record sets are made of."""

from collections.abc import Sequence
from typing import Any

_TYPES = {
    "string": "sc:Text",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "halffloat": "cr:Float16",
    "float": "cr:Float32",
    "bool": "sc:Boolean",
}
"""Of columns of tables, by Arrow's name."""

LIST = "list of "
"""Before the name of the type of which a column holds lists."""


def file_set(
    name: str, about: str, mimes: Sequence[str], includes: Sequence[str], within: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a file set: the files of some patterns in the archives `within`, or beside croissant.json."""
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": about,
        **({"containedIn": [{"@id": archive} for archive in within]} if within else {}),
        "encodingFormat": list(mimes),
        "includes": list(includes),
    }


def record_set(
    name: str, about: str, fields: list[dict[str, Any]], keys: Sequence[str] = ("key",)
) -> dict[str, Any]:
    """Return a record set; `keys` are the fields that tell its records apart."""
    ids = [{"@id": f"{name}/{key}"} for key in keys]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "key": ids if len(ids) > 1 else ids[0],
        "field": fields,
    }


def field(of: str, name: str, kind: str, about: str, source: dict[str, Any]) -> dict[str, Any]:
    """Return a field of the record set `of`, of one of Croissant's data types."""
    return {
        "@type": "cr:Field",
        "@id": f"{of}/{name}",
        "name": name,
        "description": about,
        "dataType": kind,
        "source": source,
    }


def column_field(of: str, name: str, arrow: str, about: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return a field that is a column of a table, by the column's type as Arrow names it (`list of` it).

    >>> column_field("e", "image", "list of halffloat", "A vector.", of_object("a"))["arrayShape"]
    '-1'
    """
    made = field(of, name, _TYPES[arrow.removeprefix(LIST)], about, column(table, name))
    return made | {"isArray": True, "arrayShape": "-1"} if arrow.startswith(LIST) else made


def of_object(name: str) -> dict[str, Any]:
    """Return the source that is a file, by its id."""
    return {"fileObject": {"@id": name}}


def of_set(name: str) -> dict[str, Any]:
    """Return the source that is a file set, by its id."""
    return {"fileSet": {"@id": name}}


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the source that is a column of a table, or of a set of them."""
    return table | {"extract": {"column": name}}
