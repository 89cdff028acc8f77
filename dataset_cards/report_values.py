"""Values of a KEY.json that nobody vouches for, taken as far as they are what they should be."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from dataset_cards.report_text import TextRoom, visible_text

MAX_ITEMS = 40
"""Of a list, those after are not shown."""
MAX_FACT_CHARS = 300


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    """Return a text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_texts(value: Any) -> list[str]:
    """Return the texts of a list, or the one text that there is.

    >>> as_texts(["a", None, ""]), as_texts("a"), as_texts(""), as_texts(7)
    (['a', ''], ['a'], [], [])
    """
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return [value] if isinstance(value, str) and value else []


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number; true and false are none."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def name_of(key: str) -> str:
    """Return the name of a value as it is shown."""
    return visible_text(key[:MAX_FACT_CHARS])


def short_texts(facts: Mapping[str, Any], room: TextRoom) -> dict[str, str]:
    """Return the facts that there are as short texts; what is null, empty or an object is left out."""
    shown = {}
    for name, value in list(facts.items())[:MAX_ITEMS]:
        if told := ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else _fact(value):
            shown[name_of(name)] = room.take(told, MAX_FACT_CHARS)
    return shown


def _fact(value: Any) -> str:
    if value is None or isinstance(value, (dict, bytes)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
