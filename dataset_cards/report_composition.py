"""How many published samples have which value of a field of their own JSON, as run.json counted them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataset_cards.report_making import table

MAX_VALUES = 50
"""The most frequent ones have a row each."""
_MAX_CHARS = 120

Counted = Mapping[str, Any]
"""`values` {value: samples}, `others`: samples with values that have no row, `missing`: without the field."""


def composition(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table for each field; nothing where none was counted."""
    for field, counted in (run.get("composition") or {}).items():
        yield from _table(field, ("samples", "share"), [counted])


def compositions(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table for each field of either run; what a run did not count is empty."""
    ours, theirs = (run.get("composition") or {} for run in (here, there))
    for field in dict.fromkeys([*ours, *theirs]):
        heads = ("here", "share here", "there", "share there")
        yield from _table(field, heads, [ours.get(field), theirs.get(field)])


def _table(field: str, heads: Sequence[str], sides: Sequence[Counted | None]) -> Iterator[str]:
    """Yield the table: values by their number in the first run that has some, and then all else."""
    names = {name for side in sides if side for name in side["values"]}
    order = sorted(names, key=lambda name: (*(-_number(side, name) for side in sides), name))
    shown, rest = order[:MAX_VALUES], order[MAX_VALUES:]
    rows = [(_short(name), *_cells(sides, [_value(side, name) for side in sides])) for name in shown]
    others = [None if side is None else _others(side, rest) for side in sides]
    missing = [None if side is None else side["missing"] for side in sides]
    last = [
        (what, *_cells(sides, numbers))
        for what, numbers in (("other values", others), ("without the field", missing))
        if any(numbers)
    ]
    yield from table(("value", *heads), rows, caption=f"Samples by {field}", last=last)


def _value(side: Counted | None, name: str) -> int | None:
    """Return how many samples have a value; None where it may be among the others."""
    if side is None or (name not in side["values"] and side["others"]):
        return None
    return _number(side, name)


def _number(side: Counted | None, name: str) -> int:
    return 0 if side is None else int(side["values"].get(name, 0))


def _others(side: Counted, rest: Sequence[str]) -> int:
    return int(side["others"]) + sum(_number(side, name) for name in rest)


def _cells(sides: Sequence[Counted | None], numbers: Sequence[int | None]) -> Iterator[object]:
    """Yield each run's number of samples, and their share of all of its samples."""
    for side, number in zip(sides, numbers, strict=True):
        yield number
        yield None if side is None or number is None else f"{number / _whole(side):.1%}"


def _whole(side: Counted) -> int:
    return max(1, sum(map(int, side["values"].values())) + int(side["others"]) + int(side["missing"]))


def _short(name: str) -> str:
    shown = name if len(name) <= _MAX_CHARS else f"{name[:_MAX_CHARS]}…"
    return shown if shown.strip() else '""'
