"""Shows the regions of samples as a picture."""

import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from PIL import Image

from lvlm_workers.picture import UnreadablePictureError, shrink_picture
from pipelines.draw_regions import SIDE_PX, draw_regions, make_sheet
from pipelines.inspect import MAX_EXPANSION, MAX_TEXT_BYTES, find_shards, labelled, member_ending, sample_key
from schemas.errors import ConfigError
from schemas.regions import read_region
from schemas.shard import Shard
from transforms.publish.check_record import check_record
from transforms.publish.write_shard import extension
from transforms.reading.sources import Source, open_source
from transforms.reading.tar_walk import Member, Problem, walk
from transforms.storage import commit_bytes

MAX_PICTURES = 12
"""Of a sheet."""
MAX_PICTURE_BYTES = 1 << 25
"""Larger ones are not drawn."""

_PICTURES = frozenset({"jpg", "png", "webp", "gif", "avif", "tiff", "bmp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    key: str
    record: Mapping[str, Any]
    image: bytes


def check_sheet(path: str) -> None:
    """Refuse a path to which no sheet should be written.

    Raises:
        ConfigError: its name is not that of a PNG, or its folder is not there.
    """
    if not path.lower().endswith(".png"):
        raise ConfigError(f"--regions {path} does not end in .png; a PNG is written there")
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise ConfigError(f"--regions {path}: its folder is not there; make it first")


def write_sheet(path: str, sheet: str, limit: int) -> Iterator[str]:
    """Draw the first samples of a run's output folder, or of a tar of one, and yield lines about it.

    Args:
        path: as for `pipelines.inspect.inspect`.
        sheet: the PNG to write; one that is there is replaced.
        limit: samples to look at; of more than 12 with a picture, the first 12 are drawn.

    Raises:
        ConfigError: none of them has a region to draw; nothing is written.
    """
    drawn: list[tuple[str, Image.Image]] = []
    count = 0
    for sample in islice(_samples(path), min(limit, MAX_PICTURES)):
        try:
            picture = shrink_picture(sample.image, SIDE_PX**2)
        except UnreadablePictureError as error:
            yield from labelled("problem", f"{sample.key}: {error}")
            continue
        regions = [region for region in map(read_region, sample.record["regions"]) if region is not None]
        drawn.append((f"{sample.key}: {sample.record['caption']}", draw_regions(picture, regions)))
        count += len(regions)
    if not count:
        raise ConfigError(f"--regions {sheet} is not written: {_nothing(path, limit, len(drawn))}")
    out = io.BytesIO()
    make_sheet(drawn).save(out, "PNG")
    commit_bytes(sheet, out.getvalue())
    yield from labelled("regions", f"{count} in {len(drawn)} pictures: {sheet}")


def _nothing(path: str, limit: int, pictures: int) -> str:
    """Say why there is nothing to draw, and what to do."""
    if not pictures:
        return f"no pictures of ours are in {path}; give a run's output folder, or a shard of one"
    further = f", or look further with --limit {MAX_PICTURES}" if limit < MAX_PICTURES else ""
    return f"the samples looked at have no regions; run a recipe that writes them (docs/regions.md){further}"


def _samples(path: str) -> Iterator[_Sample]:
    """Yield the samples of ours; what cannot be read is told by `inspect`."""
    for shard_path in find_shards(path):
        shard = Shard(order=0, name=shard_path, path=shard_path, size_bytes=0, format="tar")
        try:
            source, _ = open_source(shard, MAX_EXPANSION)
            try:
                for key, found in groupby(walk(source, _is_wanted), key=sample_key):
                    sample = None if key is None else _read(key, source, found)
                    if sample is not None:
                        yield sample
            finally:
                source.close()
        except OSError:
            continue


def _is_wanted(name: str, size: int) -> bool:
    ending = member_ending(name)
    return size <= (MAX_TEXT_BYTES if ending == "json" else MAX_PICTURE_BYTES if ending in _PICTURES else -1)


def _read(key: str, source: Source, found: Iterator[Member | Problem]) -> _Sample | None:
    """Return a sample; None where it is not of ours, or the picture is missing or too large."""
    members: dict[str, Member] = {}
    for member in found:
        if isinstance(member, Member) and member.is_file and _is_wanted(member.name, member.size):
            members.setdefault(member_ending(member.name), member)
    if "json" not in members:
        return None
    try:
        record = json.loads(_bytes(source, members["json"]))
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or check_record(record):
        return None
    image = members.get(extension(record["facts"]["format"]))
    return None if image is None else _Sample(key=key, record=record, image=_bytes(source, image))


def _bytes(source: Source, member: Member) -> bytes:
    return source.read(member.offset, member.size) if member.data is None else member.data
