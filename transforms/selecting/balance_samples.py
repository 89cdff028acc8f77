"""Thin out, across all shards, the samples of what is named too often."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa

from schemas.selecting import BalanceConfig
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.selecting.balance import Frequent, is_kept, most_frequent
from transforms.selecting.settle import Numbered, drop_rows, settle_shards

REASON = "balanced_out"
UNMATCHED = "no_entry"

_COLUMNS: dict[str, pa.DataType] = {
    "index": pa.int64(),
    "uid": pa.string(),
    "key": pa.string(),
    "entries": pa.list_(pa.string()),
}
ENTRIES_SCHEMA = pa.schema(_COLUMNS)
"""A row a sample of one shard, with its entries (`transforms.selecting.balance.entries_of`)."""


@dataclass(kw_only=True, eq=False)
class BalanceSamples(beam.PTransform):  # type: ignore[misc]
    """Say which samples to drop because all that they name is named too often.

    in:  PCollection of (shard order, IPC of a table of ENTRIES_SCHEMA); a shard may come in several elements,
         and comes at least in one, be it empty.
    out: PCollection of (shard order, IPC of a table of `schemas.facts.Verdict`, sorted by index), one for
         every shard of the input, in no particular order.

    The reason is balanced_out, and the value the entry that most samples have, with their number; or
    no_entry. Lots are drawn by uid, so what is decided does not depend on the order of elements or how they
    are cut. Entries that `t` samples have at most keep all of theirs, so only the others go to every worker:
    fewer than samples times entries a sample over t, whatever the vocabulary.
    """

    config: BalanceConfig

    def expand(self, batches: beam.PCollection[Numbered]) -> beam.PCollection[Numbered]:
        """Count entries, then draw."""
        frequent = (
            batches
            | "Count" >> beam.FlatMap(count_entries)
            | "Add" >> beam.CombinePerKey(sum)
            | "Frequent" >> beam.Filter(_is_over, self.config.t)
        )
        given = beam.pvalue.AsDict(frequent)
        decided = batches | "Draw" >> beam.Map(balance_batch, self.config, given)
        return settle_shards(decided, batches)


def entries_batch(
    indices: Sequence[int], uids: Sequence[str], keys: Sequence[str], entries: Sequence[Sequence[str]]
) -> pa.Table:
    """Return samples of one shard as a table of ENTRIES_SCHEMA."""
    columns: dict[str, Any] = {"index": indices, "uid": uids, "key": keys, "entries": entries}
    return pa.Table.from_pydict(columns, schema=ENTRIES_SCHEMA)


def count_entries(batch: Numbered) -> Iterator[tuple[str, int]]:
    """Yield (entry, how many samples of a batch have it)."""
    counts = Counter[str]()
    for entries in from_ipc(batch[1]).column("entries").to_pylist():
        counts.update(set(entries or ()))
    yield from sorted(counts.items())


def balance_batch(batch: Numbered, config: BalanceConfig, frequent: Frequent) -> Numbered:
    """Return the verdicts on the samples of a batch that go."""
    rows = from_ipc(batch[1])
    gone: list[int] = []
    reasons: list[str] = []
    values: list[str] = []
    columns = (rows.column(name).to_pylist() for name in ("uid", "entries"))
    for place, (uid, entries) in enumerate(zip(*columns, strict=True)):
        if is_kept(uid, entries or (), frequent, config):
            continue
        gone.append(place)
        reasons.append(REASON if entries else UNMATCHED)
        values.append(_told(most_frequent(entries, frequent), frequent) if entries else config.over)
    return batch[0], to_ipc(drop_rows(rows.take(pa.array(gone, pa.int64())), reasons, values))


def _told(entry: str, frequent: Frequent) -> str:
    return f"{entry} count {frequent[entry]}"


def _is_over(counted: tuple[str, int], t: int) -> bool:
    return counted[1] > t
