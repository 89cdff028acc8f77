"""One table of verdicts for every shard, of those that were made wherever its samples went."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.arrow import arrow_schema
from schemas.facts import Verdict
from transforms.dedup.batch import column_values, from_ipc, to_ipc
from transforms.selecting.directions import Cosines, Places

Numbered = tuple[int, bytes]
"""(shard order or cluster, Arrow IPC stream)"""

STAGE = "score"
_WEIGHED = arrow_schema(Verdict).append(pa.field("weight", pa.float64()))


def drop_rows(
    rows: pa.Table, reasons: Sequence[str], values: Sequence[str], weights: Cosines | None = None
) -> pa.Table:
    """Return verdicts (`schemas.facts.Verdict`) that drop the rows, which have index, uid and key.

    Of several on one sample that of the highest weight is settled on, of equal ones the first by value.
    """
    columns: dict[str, Any] = {
        **{name: rows.column(name) for name in ("index", "uid", "key")},
        "stage": pa.array([STAGE] * len(rows), pa.string()),
        "kind": pa.array(["dropped"] * len(rows), pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "value": pa.array(values, pa.string()),
        "weight": pa.array(np.zeros(len(rows)) if weights is None else weights),
    }
    return pa.table(columns, schema=_WEIGHED)


def by_shard(orders: Places, verdicts: pa.Table) -> Iterator[Numbered]:
    """Yield the verdicts of each shard that has some; `orders` are their shards'."""
    for order in np.unique(orders).tolist():
        yield order, to_ipc(verdicts.take(np.flatnonzero(orders == order)))


def settle_shards(
    decided: beam.PCollection[Numbered], batches: beam.PCollection[Numbered]
) -> beam.PCollection[Numbered]:
    """Gather verdicts by shard: (shard order, IPC of Verdict rows sorted by index), one for every shard.

    Args:
        decided: (shard order, IPC of what `drop_rows` returns).
        batches: at least one element of every shard, of which only the order counts.
    """
    everyone = (decided, batches | "NoVerdicts" >> beam.Map(without_verdicts))
    return everyone | beam.Flatten() | "ByShard" >> beam.GroupByKey() | "Settle" >> beam.Map(settle_shard)


def without_verdicts(batch: Numbered) -> Numbered:
    """Return the batch's shard with nothing, so that a shard without verdicts is settled too."""
    return batch[0], b""


def settle_shard(shard: tuple[int, Iterable[bytes]]) -> Numbered:
    """Return the verdicts of one shard, one a sample."""
    order, found = shard
    every = pa.concat_tables([_WEIGHED.empty_table(), *(from_ipc(data) for data in found if data)])
    every = every.sort_by([("index", "ascending"), ("weight", "descending"), ("value", "ascending")])
    firsts = np.unique(column_values(every, "index"), return_index=True)[1]
    return order, to_ipc(every.take(firsts).drop_columns("weight"))
