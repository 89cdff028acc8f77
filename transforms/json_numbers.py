"""Find numbers in a sample's own JSON."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?\s*")


def numbers_as_json(record: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the named fields that hold finite numbers as one JSON object with sorted keys.

    A name is a key, or keys joined by dots where the objects are nested. A string that writes a number
    counts as one; a bool does not.

    >>> numbers_as_json({"a": {"b": "0.5"}, "c": True}, ["a.b", "c"])
    '{"a.b": 0.5}'
    """
    found = {name: _number(field_of(record, name)) for name in names}
    return json.dumps({name: number for name, number in found.items() if number is not None}, sort_keys=True)


def field_of(record: Mapping[str, Any], name: str) -> object:
    """Return what a name stands for: a key, or keys joined by dots; None where there is nothing."""
    if name in record:
        return record[name]
    value: object = record
    for key in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        return None
    return number if math.isfinite(number) else None
