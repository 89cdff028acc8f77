"""Re-checks on disk what a run promises of its output."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from pipelines.verify_card import check_card
from transforms.publish.check_accounts import check_accounts, check_sizes, whole
from transforms.publish.check_index import UNREADABLE, IndexRows
from transforms.publish.check_shard import check_shard
from transforms.publish.plain_text import plain_text
from transforms.publish.repeated_uids import repeated_uids
from transforms.storage import all_files, exists, is_half_written, list_files, open_input, read_bytes

MAX_PROBLEMS = 100
REJECTED_COLUMNS = ["uid", "shard", "key", "stage", "kind", "reason", "value"]
MAX_LENGTH = 300
"""A problem's line is cut there, in characters: what it quotes may be of any length."""


def verify(output: str) -> list[str]:
    """Return what does not hold of a run's output folder, one line a problem; nothing where all holds.

    Checked are the accounts, the tables of rejected samples, the sizes, every byte of every shard against
    the index, the fields of every record, that no published uid stands twice, and that card and Croissant
    say what is there. Memory is bounded by a shard; the uids are spilled to the folder for temporary files.
    """
    problems = (plain_text(problem)[:MAX_LENGTH] for problem in _Output(folder=output).problems())
    lines = list(islice(problems, MAX_PROBLEMS))
    more = sum(1 for _ in problems)
    return [*lines, f"... and {more} more"] if more else lines


@dataclass(slots=True, kw_only=True)
class _Output:
    """A run's output folder; `unread` gathers the files that could not be read."""

    folder: str
    unread: dict[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        run = self._read_object("run.json")
        if run is not None:
            yield from check_accounts(run.get("counts"), self._count_rejected())
        yield from self._check_leftovers()
        yield from self._check_shards(run)
        yield from self._check_uids()
        if run is not None:
            yield from check_card(self.folder, run)
        yield from (f"{name}: {problem}" for name, problem in self.unread.items())

    def _path(self, name: str) -> str:
        return str(FileSystems.join(self.folder, *name.split("/")))

    def _names(self, folder: str, ending: str) -> list[str]:
        names = list_files(self._path(folder))
        return [name for name in names if name.endswith(ending) and not is_half_written(name)]

    def _read_object(self, name: str) -> dict[str, Any] | None:
        try:
            value = json.loads(read_bytes(self._path(name)))
        except UNREADABLE as error:
            self._note(name, error)
            return None
        if not isinstance(value, dict):
            self.unread[name] = "is no JSON object"
            return None
        return value

    def _note(self, name: str, error: BaseException) -> None:
        there = exists(self._path(name))
        self.unread[name] = f"cannot be read: {type(error).__name__}: {error}" if there else "missing"

    def _rejected(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (file, row) of every table of rejected samples; a batch of rows is in memory at a time."""
        for base in self._names("rejected", ".parquet"):
            name = f"rejected/{base}"
            try:
                with open_input(self._path(name)) as stream:
                    table = pq.ParquetFile(stream)
                    if table.schema_arrow.names != REJECTED_COLUMNS:
                        raise ValueError(f"its columns are not {', '.join(REJECTED_COLUMNS)}")
                    for batch in table.iter_batches():
                        yield from ((name, row) for row in batch.to_pylist())
            except UNREADABLE as error:
                self._note(name, error)

    def _count_rejected(self) -> Counter[tuple[str, str, str]]:
        rows = (row for _, row in self._rejected())
        return Counter((str(row["kind"]), str(row["stage"]), str(row["reason"])) for row in rows)

    def _check_leftovers(self) -> Iterator[str]:
        for path in sorted(all_files(self.folder)):
            if is_half_written(path):
                below = path.removeprefix(self.folder).lstrip("/")
                yield f"{below}: left half-written; run the same command again"

    def _check_shards(self, run: Mapping[str, Any] | None) -> Iterator[str]:
        sizes = self._read_object("shards/sizes.json")
        tars = self._names("shards", ".tar")
        per_shard = self._samples_per_shard(run)
        if sizes is not None and run is not None:
            yield from check_sizes(sizes, tars, per_shard, _get(run, "counts", "published"))
        index = IndexRows(self._path("index.parquet"))
        first = 0
        for name in sorted({*(sizes or {}), *tars}):
            rows = index.rows_of(name)
            if per_shard and name.removesuffix(".tar").isdecimal():
                first = int(name.removesuffix(".tar")) * per_shard
            if name in tars:
                yield from self._check_tar(name, first, (sizes or {}).get(name), rows)
            first += len(rows or ())
        yield from index.finish()
        if index.error is not None:
            self._note("index.parquet", index.error)

    def _check_tar(
        self, name: str, first: int, size: Any, rows: list[dict[str, Any]] | None
    ) -> Iterator[str]:
        try:
            with open_input(self._path(f"shards/{name}")) as stream:
                yield from check_shard(name, stream, first, size, rows)
        except UNREADABLE as error:
            self._note(f"shards/{name}", error)

    def _samples_per_shard(self, run: Mapping[str, Any] | None) -> int | None:
        if run is None:
            return None
        try:
            return whole(_get(run, "config", "publish", "samples_per_shard")) or None
        except ValueError as error:
            self.unread["run.json"] = f"config.publish.samples_per_shard: {error}"
            return None

    def _check_uids(self) -> Iterator[str]:
        for uid, first, again in repeated_uids(self._uids()):
            yield f"{again}: uid {uid} is already that of {first}"

    def _uids(self) -> Iterator[tuple[str, str]]:
        """Yield (uid, place) of what is published; a rejected sample may have another's uid."""
        try:
            with open_input(self._path("index.parquet")) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(columns=["uid", "shard", "key"]):
                    for row in batch.to_pylist():
                        yield str(row["uid"]), f"shards/{row['shard']}: {row['key']}"
        except UNREADABLE as error:
            self._note("index.parquet", error)


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
