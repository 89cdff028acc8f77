"""Re-checks on disk what a run promises of its output."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow.parquet as pq

from dataset_cards.croissant import PublishedFile
from pipelines.verify_card import check_card
from pipelines.verify_folder import INDEX, Folder, get
from pipelines.verify_scored import EmbeddingTables, check_mined
from transforms.publish.check_accounts import check_accounts, check_sizes, whole
from transforms.publish.check_index import UNREADABLE, IndexRows
from transforms.publish.check_mend import CARD, HALF_WRITTEN, with_mend
from transforms.publish.check_shard import check_shard
from transforms.publish.check_stream import HashedReader
from transforms.publish.plain_text import plain_text
from transforms.publish.repeated_uids import repeated_uids
from transforms.storage import all_files, is_half_written, open_input

MAX_PROBLEMS = 100
REJECTED_COLUMNS = ["uid", "shard", "key", "stage", "kind", "reason", "value"]
MAX_LENGTH = 300
"""What a line tells before its mend is cut there, in characters: it may quote what is of any length."""


def verify(output: str) -> list[str]:
    """Return what does not hold of a run's output folder, one line a problem; nothing where all holds.

    A line names the file, the key or uid where there is one, and what mends it. Checked are the accounts,
    the tables of rejected samples, the sizes, every byte of every shard against the index, the fields of
    every record, that no published uid stands twice, embeddings and mined negatives against the index, and
    that card and Croissant say what is there. A shard is read once. Memory is bounded by a shard; the uids
    are spilled to the folder for temporary files.
    """
    problems = _Output(folder=Folder(path=output)).problems()
    cut = (plain_text(problem)[:MAX_LENGTH] for problem in problems)
    lines = list(islice(_with_mends(cut), MAX_PROBLEMS))
    more = sum(1 for _ in cut)
    return [*lines, f"... and {more} more"] if more else lines


def _with_mends(problems: Iterator[str]) -> Iterator[str]:
    """Yield problems with their mends; those of the card and Croissant come after all others."""
    card_alone = True
    for problem in problems:
        card_alone &= problem.partition(": ")[0] in CARD
        yield with_mend(problem, card_alone=card_alone)


@dataclass(slots=True, kw_only=True)
class _Output:
    """A run's output folder; `shards` gathers the hashes of those that were read."""

    folder: Folder
    shards: list[PublishedFile] = field(default_factory=list)

    def problems(self) -> Iterator[str]:
        run = self.folder.read_object("run.json")
        if run is not None:
            yield from check_accounts(run.get("counts"), self._count_rejected())
        yield from self._check_leftovers()
        yield from self._check_shards(run)
        yield from self._check_uids()
        yield from check_mined(self.folder, run)
        yield from (f"{name}: {problem}" for name, problem in self.folder.unread.items())
        if run is not None:
            unread = any(name.startswith("shards/") for name in self.folder.unread)
            yield from check_card(self.folder.path, run, None if unread else self.shards)

    def _rejected(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (file, row) of every table of rejected samples; a batch of rows is in memory at a time."""
        for base in self.folder.names("rejected", ".parquet"):
            name = f"rejected/{base}"
            try:
                with open_input(self.folder.at(name)) as stream:
                    table = pq.ParquetFile(stream)
                    if table.schema_arrow.names != REJECTED_COLUMNS:
                        raise ValueError(f"its columns are not {', '.join(REJECTED_COLUMNS)}")
                    for batch in table.iter_batches():
                        yield from ((name, row) for row in batch.to_pylist())
            except UNREADABLE as error:
                self.folder.note(name, error)

    def _count_rejected(self) -> Counter[tuple[str, str, str]]:
        rows = (row for _, row in self._rejected())
        return Counter((str(row["kind"]), str(row["stage"]), str(row["reason"])) for row in rows)

    def _check_leftovers(self) -> Iterator[str]:
        for path in sorted(all_files(self.folder.path)):
            if is_half_written(path):
                below = path.removeprefix(self.folder.path).lstrip("/")
                yield f"{below}: {HALF_WRITTEN}"

    def _check_shards(self, run: Mapping[str, Any] | None) -> Iterator[str]:
        sizes = self.folder.read_object("shards/sizes.json")
        tars = self.folder.names("shards", ".tar")
        per_shard = self._samples_per_shard(run)
        embeddings = EmbeddingTables(folder=self.folder, run=run)
        if sizes is not None and run is not None:
            yield from check_sizes(sizes, tars, per_shard, get(run, "counts", "published"))
        index = IndexRows(self.folder.at(INDEX))
        first = 0
        shards = sorted({*(sizes or {}), *tars})
        for name in shards:
            rows = index.rows_of(name)
            if per_shard and name.removesuffix(".tar").isdecimal():
                first = int(name.removesuffix(".tar")) * per_shard
            if name in tars:
                yield from self._check_tar(name, first, (sizes or {}).get(name), rows)
            yield from embeddings.check(name, rows)
            first += len(rows or ())
        yield from embeddings.check_names(shards)
        yield from index.finish()
        if index.error is not None:
            self.folder.note(INDEX, index.error)

    def _check_tar(
        self, base: str, first: int, size: Any, rows: list[dict[str, Any]] | None
    ) -> Iterator[str]:
        name = f"shards/{base}"
        try:
            with open_input(self.folder.at(name)) as stream:
                reader = HashedReader(stream)
                yield from check_shard(base, reader, first, size, rows)
                size_bytes, sha256 = reader.finish()
        except UNREADABLE as error:
            self.folder.note(name, error)
        else:
            self.shards.append(PublishedFile(name=name, size_bytes=size_bytes, sha256=sha256))

    def _samples_per_shard(self, run: Mapping[str, Any] | None) -> int | None:
        if run is None:
            return None
        try:
            return whole(get(run, "config", "publish", "samples_per_shard")) or None
        except ValueError as error:
            self.folder.unread["run.json"] = f"config.publish.samples_per_shard: {error}"
            return None

    def _check_uids(self) -> Iterator[str]:
        """Yield which uids are published twice; a rejected sample may have another's."""
        rows = self.folder.index_rows("uid", "shard", "key")
        named = ((str(row["uid"]), f"shards/{row['shard']}: {row['key']}") for row in rows)
        for uid, first, again in repeated_uids(named):
            yield f"{again}: uid {uid} is already that of {first}"
