"""Gather counts of all shards in one committed file, for the driver to read."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import apache_beam as beam

from transforms.storage import commit_bytes, read_json

Counts = Counter[tuple[str, ...]]


@dataclass(kw_only=True, eq=False)
class CommitCounts(beam.PTransform):  # type: ignore[misc]
    """Commit the sum of counts. In: PCollection of {names: number}. Out: PCollection of the path, once."""

    path: str

    def expand(self, counts: beam.PCollection[Mapping[tuple[str, ...], int]]) -> beam.PCollection[str]:
        """Lift `write_counts`."""
        path = self.path
        return counts | beam.CombineGlobally(add_counts) | beam.Map(lambda total: write_counts(path, total))


def add_counts(parts: Iterable[Mapping[tuple[str, ...], int]]) -> Counts:
    """Return the sum of counts."""
    total: Counts = Counter()
    for part in parts:
        total.update(part)
    return total


def write_counts(path: str, counts: Mapping[tuple[str, ...], int]) -> str:
    """Commit counts as JSON, sorted; return the path."""
    rows = [[*names, number] for names, number in sorted(counts.items())]
    commit_bytes(path, json.dumps(rows, ensure_ascii=False, indent=1).encode())
    return path


def read_counts(path: str) -> Counts:
    """Return what `write_counts` wrote."""
    return Counter({tuple(names): number for *names, number in read_json(path)})
