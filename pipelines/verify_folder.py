"""Reads a run's output folder, taking nothing on trust."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from transforms.publish.check_index import UNREADABLE
from transforms.publish.check_mend import MISSING
from transforms.storage import exists, is_half_written, list_files, open_input, read_bytes

INDEX = "index.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A run's output folder; `unread` gathers the files that could not be read, and why."""

    path: str
    unread: dict[str, str] = field(default_factory=dict)

    def at(self, name: str) -> str:
        """Return the path of a file by its name below the folder."""
        return str(FileSystems.join(self.path, *name.split("/")))

    def names(self, folder: str, ending: str) -> list[str]:
        """Return the base names of the whole files of a folder."""
        names = list_files(self.at(folder))
        return [name for name in names if name.endswith(ending) and not is_half_written(name)]

    def read_object(self, name: str) -> dict[str, Any] | None:
        """Return a JSON object; None where it cannot be read, which is noted."""
        try:
            value = json.loads(read_bytes(self.at(name)))
        except UNREADABLE as error:
            self.note(name, error)
            return None
        if not isinstance(value, dict):
            self.unread[name] = "is no JSON object"
            return None
        return value

    def note(self, name: str, error: BaseException) -> None:
        """Note that a file cannot be read."""
        there = exists(self.at(name))
        self.unread[name] = f"cannot be read: {type(error).__name__}: {error}" if there else MISSING

    def index_rows(self, *columns: str) -> Iterator[dict[str, Any]]:
        """Yield some columns of all rows of the index; where it cannot be read, that is noted."""
        try:
            with open_input(self.at(INDEX)) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(columns=list(columns)):
                    yield from batch.to_pylist()
        except UNREADABLE as error:
            self.note(INDEX, error)


def get(value: Any, *names: str) -> Any:
    """Return what lies under some names within objects; None where there is nothing.

    >>> get({"a": {"b": 1}}, "a", "b"), get({"a": []}, "a", "b")
    (1, None)
    """
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
