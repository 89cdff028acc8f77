"""Checks one published tar against its rows of the index, byte for byte."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import IO, Any

import numpy as np

from transforms.publish.check_mend import INDEX_DIFFERS
from transforms.publish.check_record import check_record
from transforms.publish.plan import sample_key
from transforms.publish.read_shard import DamagedArchiveError, Member, read_members
from transforms.publish.sample_json import encode_json
from transforms.publish.write_shard import extension, index_row

_UNKNOWN: Mapping[str, Any] = {}
"""Stands for the row of an index that cannot be read."""


def check_shard(
    name: str, stream: IO[bytes], first: int, size: int | None, rows: Sequence[Mapping[str, Any]] | None
) -> Iterator[str]:
    """Yield what is wrong with a shard, a line each that names the shard and, where there is one, the key.

    Args:
        name: base name of the tar.
        stream: the tar.
        first: the running number that its first sample must have.
        size: how many samples sizes.json says it has; None where that is not known.
        rows: of the index, those of this shard, in their order; None where the index cannot be read.
    """
    samples = 0
    pairs = (
        zip_longest(_samples(stream), rows) if rows is not None else ((s, _UNKNOWN) for s in _samples(stream))
    )
    try:
        for number, (members, row) in enumerate(pairs, start=first):
            samples += members is not None
            key = sample_key(number)
            for problem in _check_sample(name, key, members, row):
                yield f"shards/{name}: {key}: {problem}"
    except DamagedArchiveError as error:
        yield f"shards/{name}: {error}; what follows was not read"
        return
    if size not in (None, samples):
        yield f"shards/{name}: holds {samples} samples, but sizes.json says {size}"


def _samples(stream: IO[bytes]) -> Iterator[list[Member]]:
    for _, group in groupby(read_members(stream), key=lambda member: member.name.partition(".")[0]):
        yield list(group)


def _check_sample(
    shard: str, key: str, members: list[Member] | None, row: Mapping[str, Any] | None
) -> Iterator[str]:
    if members is None:
        yield "has a row in index.parquet, but is not in the shard"
        return
    if row is None:
        yield "has no row in index.parquet"
    names = [member.name for member in members]
    if any(name.partition(".")[0] != key for name in names):
        yield f"expected here, but there is {', '.join(names)}"
        return
    if names != sorted(names):
        yield f"its members are not sorted by name: {', '.join(names)}"
    by_ending = {member.name.partition(".")[2]: member for member in members}
    if len(members) != 3 or len(by_ending) != 3 or not {"json", "txt"} < set(by_ending):
        yield f"is not an image, a json and a txt: {', '.join(names)}"
        return
    (ending,) = set(by_ending) - {"json", "txt"}
    record, problems = _read_record(by_ending["json"].data)
    yield from problems
    if record is not None:
        place = {"shard": shard, "key": key}
        yield from _check_contents(record, by_ending["json"].data, by_ending["txt"].data)
        yield from _check_image(record, ending, by_ending[ending])
        if row:
            yield from _check_row(record, by_ending["json"].data, by_ending[ending], place, row)


def _read_record(data: bytes) -> tuple[dict[str, Any] | None, list[str]]:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        return None, [f"its json cannot be read: {str(error)[:80]}"]
    problems = [f"in its json {problem}" for problem in check_record(record)]
    return (None, problems) if not _usable(record) else (record, problems)


def _usable(record: Any) -> bool:
    """Return whether a row of the index can be made of the record at all."""
    try:
        index_row(record, b"", {})
    except (TypeError, KeyError):
        return False
    return True


def _check_contents(record: Mapping[str, Any], data: bytes, text: bytes) -> Iterator[str]:
    try:
        if encode_json(record) != data:
            yield "its json is not written as published json is"
    except ValueError as error:
        yield f"its json holds what JSON or UTF-8 cannot: {error}"
    if not isinstance(record["caption"], str) or text != record["caption"].encode("utf-8", "replace"):
        yield "its txt is not the caption in its json"


def _check_image(record: Mapping[str, Any], ending: str, image: Member) -> Iterator[str]:
    facts = record["facts"]
    if ending != extension(str(facts["format"])):
        yield f"its image is called {ending}, but is {facts['format']}"
    if hashlib.sha256(image.data).hexdigest() != facts["sha256"]:
        yield "its image does not have the sha256 in its json"


def _check_row(
    record: Mapping[str, Any], data: bytes, image: Member, place: Mapping[str, Any], row: Mapping[str, Any]
) -> Iterator[str]:
    place = {**place, "offset": image.offset, "size_bytes": len(image.data)}
    wanted = index_row(record, data, place)
    for name, value in wanted.items():
        # The index's cosines are of 32 bits.
        in_index = float(np.float32(value)) if isinstance(value, float) else value
        if row.get(name) != in_index:
            yield f"{INDEX_DIFFERS} {name}: {str(row.get(name))[:80]!r}, not {str(value)[:80]!r}"
