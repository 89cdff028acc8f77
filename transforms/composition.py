"""How many published samples have which value of a field of their own JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from schemas.config import RunConfig
from transforms.json_numbers import field_of
from transforms.published import published
from transforms.shard_job import ShardJob

MAX_VALUES = 1000
"""Of a field in a shard; of one with more, such as a URL, all count as others."""

MAX_VALUE_CHARS = 200

Composition = Counter[tuple[str, ...]]
"""By ("value", field, value), ("others", field) and ("missing", field)."""


def composition(job: ShardJob, config: RunConfig) -> Composition:
    """Count the values of `card.composition`'s fields among a shard's published samples."""
    found: dict[str, Counter[str | None]] = {name: Counter() for name in config.card.composition}
    others: Counter[str] = Counter()
    for sample in published(job, config, 0, None):
        record = json.loads(sample.facts.source_json)
        for name, values in found.items():
            value = value_of(record, name)
            if name in others and value is not None:
                others[name] += 1
                continue
            values[value] += 1
            if len(values) - (None in values) > MAX_VALUES:
                missing = values.pop(None, 0)
                others[name] = values.total()
                found[name] = Counter({None: missing})
    counted: Composition = Counter({("others", name): number for name, number in others.items()})
    for name, values in found.items():
        counted["missing", name] = values.pop(None, 0)
        counted.update({("value", name, str(value)): number for value, number in values.items()})
    return counted


def value_of(record: Mapping[str, Any], name: str) -> str | None:
    """Return a field's value as text, lists and objects by what they are alone; None where there is none.

    >>> value_of({"a": {"b": True}}, "a.b"), value_of({"a": [1]}, "a"), value_of({"a": 0.5}, "a")
    ('true', '(a list)', '0.5')
    """
    value = field_of(record, name)
    if value is None or isinstance(value, Mapping | list):
        return None if value is None else "(a list)" if isinstance(value, list) else "(an object)"
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.split())[:MAX_VALUE_CHARS] or None
