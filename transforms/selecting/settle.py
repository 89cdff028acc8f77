"""One table of verdicts for every shard, of those that were made wherever its samples went."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.arrow import arrow_schema
from schemas.facts import Verdict
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.selecting.directions import Places

Numbered = tuple[int, bytes]
"""(shard order or cluster, Arrow IPC stream)"""

STAGE = "score"
_SCHEMA = arrow_schema(Verdict)


def drop_rows(rows: pa.Table, reasons: Sequence[str], values: Sequence[str]) -> pa.Table:
    """Return verdicts (`schemas.facts.Verdict`) that drop the rows, which have index, uid and key."""
    columns = {
        **{name: rows.column(name) for name in ("index", "uid", "key")},
        "stage": pa.array([STAGE] * len(rows), pa.string()),
        "kind": pa.array(["dropped"] * len(rows), pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "value": pa.array(values, pa.string()),
    }
    return pa.table(columns, schema=_SCHEMA)


def by_shard(orders: Places, verdicts: pa.Table) -> Iterator[Numbered]:
    """Yield the verdicts of each shard that has some; `orders` are their shards'."""
    for order in np.unique(orders).tolist():
        yield order, to_ipc(verdicts.take(np.flatnonzero(orders == order)))


@dataclass(kw_only=True, eq=False)
class SettleShards(beam.PTransform):  # type: ignore[misc]
    """Gather verdicts by shard.

    In: PCollections of (shard order, IPC of Verdict rows): `decided`, and the shards themselves, of which
    only the order counts. Out: PCollection of (shard order, IPC of Verdict rows sorted by index), one for
    every shard.
    """

    def expand(
        self, both: tuple[beam.PCollection[Numbered], beam.PCollection[Numbered]]
    ) -> beam.PCollection[Numbered]:
        """Lift `settle_shard`."""
        decided, shards = both
        everyone = (decided, shards | "NoVerdicts" >> beam.Map(without_verdicts))
        return everyone | beam.Flatten() | "ByShard" >> beam.GroupByKey() | "Settle" >> beam.Map(settle_shard)


def without_verdicts(batch: Numbered) -> Numbered:
    """Return the batch's shard with nothing, so that a shard without verdicts is settled too."""
    return batch[0], b""


def settle_shard(shard: tuple[int, Iterable[bytes]]) -> Numbered:
    """Return the verdicts of one shard."""
    order, found = shard
    tables = [_SCHEMA.empty_table(), *(from_ipc(data) for data in found if data)]
    return order, to_ipc(pa.concat_tables(tables).sort_by("index"))
