"""Read a few neighbouring units of several shards, spread over the list, and measure them as a run would.

A tar without an index can only be read from its beginning, so the units are the first of each shard.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from statistics import fmean, pvariance
from typing import IO, cast

import numpy as np

from pipelines.plan_sample import Head, Sample
from schemas.config import RunConfig
from schemas.errors import RunError
from schemas.facts import Facts
from schemas.shard import Shard
from transforms.measure_units import measure_units
from transforms.ordered_map import ordered_map, thread_pool, threads
from transforms.profile_shards import batches, judge, split_keys
from transforms.reading.parquet_file import BrokenParquetError, open_parquet
from transforms.reading.sources import GzipFile, SourceError, open_source
from transforms.reading.units import check_shard, read_units
from transforms.shard_job import extra_fields
from transforms.storage import open_input

MIN_SAMPLE = 128
"""Fewer would leave fewer than eight shards to compare."""
MAX_SHARDS = 64
"""Shards read, however many there are."""
MAX_FOOTERS = 256
"""Parquet shards whose number of rows is looked up."""
_A_SHARD = 16
"""Neighbouring units read of a shard, where there are shards enough."""
_STEP, _AHEAD = 256, 65_536
"""Bytes given and read at a time where it is counted how many lie before a place."""
_UNTOLD = -1.0
_TRAILER = 6144
"""Zeros at the end of a tar on average: two blocks, and half of the record that writers fill up."""


def choose_shards(shards: Sequence[Shard], number: int) -> list[Shard]:
    """Return `number` shards at equal distances in the list, or all where there are no more."""
    if number >= len(shards):
        return list(shards)
    return [shards[(2 * i + 1) * len(shards) // (2 * number)] for i in range(number)]


def read_sample(shards: Sequence[Shard], config: RunConfig, number: int, *, needs_text: bool) -> Sample:
    """Measure about `number` units, as many of each shard that is read.

    Raises:
        OSError: a shard is not there or cannot be read.
        InputError: a Parquet shard has no column of images.
        RunError: there is no image at the beginning of any shard that says how large a sample is.
    """
    chosen = choose_shards(shards, min(MAX_SHARDS, max(1, number // _A_SHARD)))
    for shard in chosen:
        check_shard(shard, config.input)
    units = -(-number // len(chosen))
    heads = [_read_head(shard, config, units, needs_text=needs_text) for shard in chosen]
    return Sample(
        heads=tuple(_fill(heads)),
        listed=len(shards),
        bytes_in=sum(shard.size_bytes for shard in shards),
        known=_known(shards, heads),
    )


def _fill(heads: Sequence[Head]) -> list[Head]:
    """Return the heads; where a shard's units could not be told, it holds as many a byte as the others."""
    told = [head for head in heads if head.units != _UNTOLD]
    units = sum(head.units for head in told)
    if len(told) < len(heads) and not units:
        raise RunError(
            "no image lies at the beginning of any shard that was read, so nothing can be estimated; "
            "run `pairwright doctor` on one of them"
        )
    density = units / max(sum(head.shard.size_bytes for head in told), 1)
    return [
        replace(head, units=max(density * head.shard.size_bytes, len(head.facts) + 1.0))
        if head.units == _UNTOLD
        else head
        for head in heads
    ]


def _known(shards: Sequence[Shard], heads: Sequence[Head]) -> int | None:
    """Return how many units all shards hold, where that is known without reading them."""
    if len(heads) == len(shards):
        exact = all(head.units != _UNTOLD and not head.unit_bytes for head in heads)
        return int(sum(head.units for head in heads)) if exact else None
    if len(shards) > MAX_FOOTERS or any(shard.format != "parquet" for shard in shards):
        return None
    rows = [_rows(shard) for shard in shards]
    return sum(r if r is not None else 1 for r in rows)


def _rows(shard: Shard) -> int | None:
    """Return a Parquet shard's rows by its footer; None where it has none."""
    try:
        with open_parquet(shard.path) as file:
            return int(file.metadata.num_rows)
    except BrokenParquetError:
        return None


def _read_head(shard: Shard, config: RunConfig, number: int, *, needs_text: bool) -> Head:
    """Measure the first units of a shard; one more is read, to see whether there are more."""
    measure = partial(
        measure_units,
        shard.name,
        config=config.input,
        needs_text=needs_text,
        extra_fields=extra_fields(config),
    )
    began = time.process_time()
    units = batches(islice(read_units(shard, config.input), number + 1))
    groups = ordered_map(measure, units, thread_pool(), 2 * threads() + 2)
    measured = [facts for group in groups for facts in group]
    split = split_keys((facts.key, facts.reason) for facts in measured)
    verdicts = {v.index: v for v in judge(measured, config.profile.filters, split)}
    seconds = (time.process_time() - began) * min(1.0, number / max(len(measured), 1))
    facts = tuple(measured[:number])
    head = Head(shard=shard, facts=facts, verdicts=verdicts, units=len(facts), seconds=seconds)
    if len(measured) <= number:
        return head
    if shard.format == "parquet":
        return replace(head, units=_rows(shard) or len(measured))
    return _extrapolate(head, measured, config)


def _extrapolate(head: Head, measured: Sequence[Facts], config: RunConfig) -> Head:
    """Say from the places of the images how many units the whole tar holds; `_UNTOLD` where none tells."""
    places = [(at, facts.offset) for at, facts in enumerate(measured) if facts.offset >= 0]
    if len(places) < 2 or places[-1][1] <= places[0][1]:
        return replace(head, units=_UNTOLD)
    (first, start), (last, end) = places[0], places[-1]
    before = _packed(head.shard, end, config.input.max_expansion)
    packed, trailer = before / end, _TRAILER if before == end else 0
    mean = packed * (end - start) / (last - first)
    ends = np.interp(range(first, last + 1), [at for at, _ in places], [offset for _, offset in places])
    between = [packed * float(b - a) for a, b in pairwise(ends)]
    number = len(head.facts)
    unit_bytes = [mean] * first + between + [mean] * (number - last)
    # The inverse of a mean is too large on average, by the square of the mean's relative error.
    relative = pvariance(between) / fmean(between) ** 2 / len(between)
    units = (head.shard.size_bytes - trailer) / mean / (1 + relative)
    return replace(head, units=max(units, number + 1.0), unit_bytes=tuple(unit_bytes[:number]))


class _Counting:
    """A stream that gives little at a time, and knows how much it gave."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ahead = b""
        self.given = 0

    def read(self, size: int) -> bytes:
        """Return up to `_STEP` bytes."""
        self._ahead = self._ahead or self._stream.read(_AHEAD)
        data, self._ahead = self._ahead[: min(size, _STEP)], self._ahead[min(size, _STEP) :]
        self.given += len(data)
        return data


def _packed(shard: Shard, place: int, max_expansion: float) -> int:
    """Return how many bytes of the file hold what lies before a place of the tar in it."""
    source, _ = open_source(shard, max_expansion)
    source.close()
    if not isinstance(source, GzipFile):
        return place
    with open_input(shard.path) as stream:
        counting = _Counting(stream)
        try:
            GzipFile(cast(IO[bytes], counting), max_expansion).reaches(place)
        except SourceError:  # cannot be: it was read so far before
            return place
        return counting.given
