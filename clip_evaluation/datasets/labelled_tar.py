"""Shards of pictures with JSON, fields of which say the class and the group."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clip_evaluation.datasets.checked_json import as_object, parse_json
from clip_evaluation.datasets.tar_samples import TarSample, list_shards, read_samples
from schemas.errors import RunError

_ENDINGS = ("jpg", "jpeg", "png", "webp")
_MAX_VALUE_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TarPicture:
    """A picture (an encoded file), where it lies, and the fields that were asked for, as texts."""

    where: str
    image: bytes
    fields: dict[str, str]


def read_labelled_tar(folder: Path, fields: tuple[str, ...]) -> Iterator[TarPicture]:
    """Yield the samples of shards; a dotted field leads into objects.

    Raises:
        ConfigError: the folder has no shards.
        RunError: a shard cannot be read, or a sample has no picture or lacks a field.
    """
    for sample in read_samples(list_shards(folder)):
        record = as_object(parse_json(sample.member("json"), sample.where), sample.where)
        values = {field: _value(record, field, sample.where) for field in fields}
        yield TarPicture(where=sample.where, image=_image(sample), fields=values)


def _image(sample: TarSample) -> bytes:
    found = [ending for ending in _ENDINGS if ending in sample.members]
    if len(found) != 1:
        raise RunError(f"{sample.where} has {len(found)} pictures ({', '.join(_ENDINGS)}); it needs one")
    return sample.members[found[0]]


def _value(record: dict[str, Any], field: str, where: str) -> str:
    """Return a text, number or truth value as a text."""
    value: Any = record
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    text = str(value).strip() if isinstance(value, str | int) else ""
    if not text or len(text) > _MAX_VALUE_CHARS or re.search(r"[\r\n]", text):
        raise RunError(f"{where}: field {field!r} is {str(value)[:60]!r}, not a short text or whole number")
    return text
