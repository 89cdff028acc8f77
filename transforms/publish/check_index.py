"""Lays the rows of index.parquet beside the shards that they describe."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from transforms.publish.index import read_index
from transforms.storage import open_input

UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError, pa.ArrowException)
"""What damaged files raise when they are read."""

Group = tuple[str, list[dict[str, Any]]]


class IndexRows:
    """Gives out the rows of one shard after the other, in the order of the shards' names.

    Call `finish` after the last one: it tells which rows were of none. `error` is why reading ended early.
    """

    def __init__(self, path: str) -> None:
        self._problems: list[str] = []
        self.error: Exception | None = None
        self._groups = self._read(path)
        self._next = next(self._groups, None)

    def rows_of(self, shard: str) -> list[dict[str, Any]] | None:
        """Return the shard's rows; None where the index cannot be read that far."""
        self._skip_until(shard)
        if self._next is not None and self._next[0] == shard:
            rows = self._next[1]
            self._next = next(self._groups, None)
            return rows
        return None if self.error else []

    def finish(self) -> list[str]:
        """Return what was wrong: rows of no shard, or out of their order."""
        self._skip_until(None)
        return self._problems

    def _skip_until(self, shard: str | None) -> None:
        while self._next is not None and (shard is None or self._next[0] < shard):
            name, rows = self._next
            self._problems.append(
                f"index.parquet: {len(rows)} rows of {name}, which is no shard or not in its place"
            )
            self._next = next(self._groups, None)

    def _read(self, path: str) -> Iterator[Group]:
        try:
            with open_input(path) as stream:
                yield from read_index(stream)
        except UNREADABLE as error:
            self.error = error
