"""Measure the units of a shard: a row of facts for each."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from schemas.config import InputConfig
from schemas.facts import Facts
from schemas.shard import Unit, unit_uid
from transforms.imaging.image_facts import image_facts
from transforms.imaging.sniff import disagreeing_ending
from transforms.json_numbers import numbers_as_json
from transforms.text_facts import TextFacts, measure_text

_TEXT_FIELDS = tuple(field.name for field in fields(TextFacts))
MAX_VALUE_CHARS = 200
MAX_SOURCE_JSON_CHARS = 16_384
"""A sample's own JSON goes into its published record up to here: licences and links, not embeddings."""


def measure_units(
    shard_name: str,
    units: Sequence[Unit],
    config: InputConfig,
    *,
    needs_text: bool,
    extra_fields: Sequence[str] = (),
) -> list[Facts]:
    """Return the facts of each unit, in order; safe to call from threads.

    A unit that is no sample, or lacks the text where `needs_text`, has a reason of the stage `read` and its
    image is not read; one whose image is broken has a reason of the stage `decode`. An error of `read_image`
    is one of the machine or the service, not of the sample: it is not caught, for the run can be resumed.
    """
    failures = [_failure(unit, needs_text) for unit in units]
    whole = [unit for unit, failure in zip(units, failures, strict=True) if failure is None]
    images = iter(image_facts(_read(whole), formats=config.formats, max_pixels=config.max_pixels))
    rows = []
    for unit, failure in zip(units, failures, strict=True):
        outcome = next(images) if failure is None else failure
        measured = {} if "reason" in outcome else _sample_facts(unit, outcome["format"], extra_fields)
        rows.append(Facts(**_common(shard_name, unit) | outcome | measured))
    return rows


def _read(units: Sequence[Unit]) -> Iterator[bytes]:
    for unit in units:
        if unit.read_image is None:
            raise ValueError(f"unit {unit.key!r} has neither read_image nor a reason; give it one of them")
        yield unit.read_image()


def _failure(unit: Unit, needs_text: bool) -> dict[str, Any] | None:
    if unit.reason is not None:
        return {"stage": "read", "reason": unit.reason, "value": _one_line(unit.value or "")}
    if needs_text and unit.text is None:
        return {"stage": "read", "reason": "missing_text", "value": ""}
    if needs_text and not (unit.text or "").strip():
        return {"stage": "read", "reason": "empty_text", "value": f"{len(unit.text or '')} characters"}
    return None


def _common(shard_name: str, unit: Unit) -> dict[str, Any]:
    return {
        "index": unit.index,
        "uid": _storable(unit_uid(shard_name, unit)),
        "key": _storable(unit.key),
        "url": None if unit.url is None else _storable(unit.url),
        "alt_text": _storable(unit.text or ""),
        "mended": unit.mended,
        "offset": unit.offset,
        "size_bytes": unit.size_bytes,
    }


def _sample_facts(unit: Unit, real_format: str, extra_fields: Sequence[str]) -> dict[str, Any]:
    old = disagreeing_ending(unit.image_name, real_format)
    renamed = () if old is None else (f"image_ending:{old}->{real_format}",)
    measured = measure_text(_storable(unit.text or ""))
    text = {name: getattr(measured, name) for name in _TEXT_FIELDS}
    source_json = _storable(json.dumps(unit.json, ensure_ascii=False, separators=(",", ":")))
    is_long = len(source_json) > MAX_SOURCE_JSON_CHARS
    return text | {
        "mended": unit.mended + renamed + (("json_left_out",) if is_long else ()),
        "source_json": "{}" if is_long else source_json,
        "extra": numbers_as_json(unit.json, extra_fields) if extra_fields else "{}",
    }


def _storable(text: str) -> str:
    """Replace lone surrogates, which JSON and file names can hold and tables cannot, by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _one_line(value: str) -> str:
    return "".join(c if c.isprintable() else " " for c in value[:MAX_VALUE_CHARS])
