"""Published samples for a report, read back by their rows of the index."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from dataset_cards.report_measures import LISTED, SCORES
from schemas.errors import RunError
from transforms.publish.read_shard import DamagedArchiveError, read_members
from transforms.publish.tar_writer import padding
from transforms.storage import list_files, open_input

COLUMNS = ["uid", "shard", "key", "offset", "size_bytes", "width", "height", "caption", "json_sha256",
           "words", "language", *SCORES, *(f"n_{name}" for name in LISTED)]  # fmt: skip
"""Of the index, what a report needs."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One published sample: its row of the index, its KEY.json and the bytes of its picture.

    `problem` says why the record is empty and there is no picture.
    """

    row: Row
    record: Mapping[str, Any]
    image: bytes
    problem: str = ""


def index_rows(folder: str) -> Iterator[Row]:
    """Yield the rows of a run's index in order; a batch is in memory at a time.

    Raises:
        RunError: the index is not there or is no index.
    """
    path = str(FileSystems.join(folder, "index.parquet"))
    try:
        with open_input(path) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=COLUMNS):
                yield from _checked(path, batch)
    except (OSError, pa.ArrowException) as error:
        line = " ".join(str(error).split())[:200]
        raise RunError(f"{path} cannot be read ({line}); run `pairwright curate` again") from error


def _checked(path: str, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    missing = [name for name in COLUMNS if name not in batch.schema.names]
    if missing:
        raise RunError(f"{path} lacks the column {missing[0]!r}; run `pairwright curate` again")
    return batch.to_pylist()


def pick_rows(folder: str, places: Sequence[int]) -> Iterator[tuple[Row, int]]:
    """Yield the rows at ascending places, each with the byte of its shard from which its sample lies.

    The bytes before may hold the last member of the sample before.
    """
    wanted = iter(places)
    place = next(wanted, None)
    shard, start = "", 0
    for number, row in enumerate(index_rows(folder)):
        if row["shard"] != shard:
            shard, start = row["shard"], 0
        if number == place:
            yield row, start
            place = next(wanted, None)
            if place is None:
                return
        end = row["offset"] + row["size_bytes"]
        start = end + len(padding(row["size_bytes"]))


def read_published(folder: str, places: Sequence[int]) -> Iterator[Drawn]:
    """Yield the samples at ascending places of the index; one is in memory at a time.

    A shard that is damaged or gone costs its samples' records and pictures, and nothing else.
    """
    names = set(list_files(str(FileSystems.join(folder, "shards"))))
    for shard, rows in groupby(pick_rows(folder, places), key=lambda picked: str(picked[0]["shard"])):
        if shard not in names:  # nor a path to elsewhere
            yield from (_lost(row, "its shard is not there any more") for row, _ in rows)
            continue
        with closing(open_input(str(FileSystems.join(folder, "shards", shard)))) as stream:
            for row, start in rows:
                yield _read(stream, row, start)


def _read(stream: IO[bytes], row: Row, start: int) -> Drawn:
    found: dict[str, bytes] = {}
    try:
        stream.seek(start)
        for member in read_members(stream):
            key, _, ending = member.name.partition(".")
            if key == row["key"]:
                found["json" if ending == "json" else "image" if ending != "txt" else ending] = member.data
            if key > row["key"] or {"json", "image"} <= found.keys():
                break
        record = json.loads(found.get("json", b"null"))
    except (DamagedArchiveError, OSError, ValueError, RecursionError) as error:
        return _lost(row, f"the shard is damaged: {str(error)[:200]}")
    if not isinstance(record, dict):
        return _lost(row, "the shard has no record of it")
    return Drawn(row=row, record=record, image=found.get("image", b""))


def _lost(row: Row, problem: str) -> Drawn:
    return Drawn(row=row, record={}, image=b"", problem=problem)
