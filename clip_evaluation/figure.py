"""The figure: one number of a result, never without its sample size and what no skill would give."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    `chance` is what a model without skill gives on the same items; null where that has no meaning. `low` and
    `high` are a 95 % interval. `items` holds the value of each item where `value` is their mean, and
    `clusters` which of them belong together (captions of one picture): pairs of results need both.
    """

    value: float
    n: int
    chance: float | None = None
    low: float | None = None
    high: float | None = None
    lower_is_better: bool = False
    items: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    clusters: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)


_PER_ITEM = frozenset({"items", "clusters"})


def figures(record: Any, path: str = "") -> Iterator[tuple[str, Figure]]:
    """Yield (dotted path, figure) for every figure in a record of dataclasses, mappings and tuples."""
    if isinstance(record, Figure):
        yield path, record
    elif isinstance(record, Mapping):
        for name, value in record.items():
            yield from figures(value, _join(path, str(name)))
    elif is_dataclass(record):
        for part in fields(record):
            yield from figures(getattr(record, part.name), _join(path, part.name))


def to_json(record: Any) -> Any:
    """Return a record as what `json.dumps` takes; single items are left out, what is no number is null.

    Raises:
        TypeError: the record holds a value that has no counterpart in JSON.
    """
    if record is None or isinstance(record, bool | int | str):
        return record
    if isinstance(record, float | np.floating):
        return float(record) if math.isfinite(record) else None
    if isinstance(record, np.integer | np.bool_):
        return record.item()
    if isinstance(record, Mapping):
        return {str(name): to_json(value) for name, value in record.items()}
    if isinstance(record, tuple | list | np.ndarray):
        return [to_json(value) for value in record]
    if is_dataclass(record):
        hidden = _PER_ITEM if isinstance(record, Figure) else frozenset()
        return {f.name: to_json(getattr(record, f.name)) for f in fields(record) if f.name not in hidden}
    raise TypeError(f"a result holds {type(record).__name__}, which has no counterpart in JSON")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
