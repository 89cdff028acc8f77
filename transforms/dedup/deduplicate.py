"""Find duplicates across all shards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from schemas.config import DedupConfig
from transforms.dedup.batch import EVALUATION_ORDER, batch_from_list, by_priority, from_ipc, to_ipc
from transforms.dedup.losers import split_by_shard
from transforms.dedup.near import near_duplicates
from transforms.dedup.plan import Plan, make_plan
from transforms.dedup.same import repeated_uids, same_bytes
from transforms.dedup.spread import spread
from transforms.dedup.verdicts import settle
from transforms.hash_list import read_hash_list

Numbered = tuple[int, bytes]
"""(shard order or partition, Arrow IPC stream)"""


@dataclass(kw_only=True, eq=False)
class Deduplicate(beam.PTransform):  # type: ignore[misc]
    """Say which samples to drop as duplicates or as pictures of an evaluation set.

    in:  PCollection of (shard order, IPC of a table of `transforms.dedup.batch.BATCH_SCHEMA`); a shard may
         come in several elements, and comes at least in one, be it empty.
    out: PCollection of (shard order, IPC of a table of `schemas.facts.Verdict`, sorted by index), one for
         every shard of the input, in no particular order.

    `rows` is the number of samples and entries: it sets the number of partitions and of keys, and so the
    cost; the result is the same whatever it says. The lists of `config.decontaminate` are read by a worker.

    A sample loses to any better row, whether or not that one is dropped too. Better is an entry of an
    evaluation list, then more pixels, then the smaller (shard order, index). The reason is the first
    that holds of: evaluation_image (value: the entry's name), repeated_uid (the uid), exact_duplicate (uid
    of the best sample of the same bytes), near_duplicate (uid of the best near sample, and its distance).
    """

    config: DedupConfig
    rows: int

    def expand(self, batches: beam.PCollection[Numbered]) -> beam.PCollection[Numbered]:
        """Compare in partitions, then gather the losers by shard."""
        plan = make_plan(self.config, self.rows)
        parts = [batches | "Spread" >> beam.FlatMap(spread_batch, plan)]
        if self.config.decontaminate:
            once = batches.pipeline | beam.Impulse()
            parts.append(once | "SpreadLists" >> beam.FlatMap(spread_lists, self.config.decontaminate, plan))
        losers = (
            parts
            | "AllParts" >> beam.Flatten()
            | "Gather" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(compare_partition, plan)
        )
        everyone = (losers, batches | "NoLosers" >> beam.Map(without_losers))
        return everyone | beam.Flatten() | "ByShard" >> beam.GroupByKey() | "Settle" >> beam.Map(settle_shard)


def spread_batch(batch: Numbered, plan: Plan) -> Iterator[Numbered]:
    """Yield a batch's rows by partition."""
    for partition, rows in spread(from_ipc(batch[1]), plan):
        yield partition, to_ipc(rows)


def spread_lists(_: bytes, paths: Sequence[str], plan: Plan) -> Iterator[Numbered]:
    """Yield the entries of evaluation lists by partition."""
    entries = pa.concat_tables(read_hash_list(path) for path in paths)
    return spread_batch((EVALUATION_ORDER, to_ipc(batch_from_list(entries))), plan)


def compare_partition(gathered: tuple[int, Iterable[bytes]], plan: Plan) -> Iterator[Numbered]:
    """Yield the losers of one partition by shard."""
    partition, parts = gathered
    rows = by_priority(pa.concat_tables(from_ipc(part) for part in parts))
    found = [
        repeated_uids(rows),
        same_bytes(rows, among_samples=plan.exact),
        near_duplicates(rows, partition, plan),
    ]
    for order, losers in split_by_shard(pa.concat_tables(found)):
        yield order, to_ipc(losers)


def without_losers(batch: Numbered) -> Numbered:
    """Return the batch's shard with nothing, so that a shard without losers is settled too."""
    return batch[0], b""


def settle_shard(shard: tuple[int, Iterable[bytes]]) -> Numbered:
    """Return the verdicts of one shard."""
    order, found = shard
    return order, to_ipc(settle(from_ipc(losers) for losers in found if losers))
