"""Find duplicates across all shards."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from schemas.config import DedupConfig
from transforms.dedup.batch import batch_from_list, by_priority, from_ipc, to_ipc
from transforms.dedup.losers import split_by_shard
from transforms.dedup.near import near_duplicates
from transforms.dedup.plan import Plan, make_plan
from transforms.dedup.same import repeated_uids, same_bytes
from transforms.dedup.spread import Kind, spread
from transforms.dedup.verdicts import NAME_COLUMNS, settle

Batch = tuple[int, bytes]
"""(shard order, Arrow IPC stream)"""
Home = tuple[str, int]
"""(kind, partition)"""


@dataclass(kw_only=True, eq=False)  # not frozen: Beam notes resource hints on its transforms
class Deduplicate(beam.PTransform):  # type: ignore[misc]
    """Say which samples to drop as duplicates or as pictures of an evaluation set.

    in:  PCollection of (shard order, IPC of a table of `transforms.dedup.batch.BATCH_SCHEMA`); a shard may
         come in several elements, and comes at least in one, be it empty.
    out: PCollection of (shard order, IPC of a table of `schemas.facts.Verdict`, sorted by index), one for
         every shard of the input, in no particular order. Verdicts are complete: (index, uid, key) of each
         sample travel once more, straight to where its shard is settled; the key enters no partition.

    `rows` is the number of samples: it sets the number of partitions and of keys, and so the cost; the result
    is the same whatever it says. `evaluation` is the IPC of all evaluation lists together
    (`transforms.hash_list.HASH_LIST_SCHEMA`), or empty.

    A sample loses to any better row, whether or not that one is dropped too. Better is an entry of an
    evaluation list, then more pixels, then the smaller (shard order, index). The reason is the first
    that holds of: evaluation_image (value: the entry's name), repeated_uid (the uid), exact_duplicate (uid
    of the best sample of the same bytes), near_duplicate (uid of the best near sample, and its distance).
    """

    config: DedupConfig
    rows: int
    evaluation: bytes = b""

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[Batch]:
        """Compare in partitions, then gather the losers by shard."""
        listed = batch_from_list(from_ipc(self.evaluation)) if self.evaluation else None
        plan = make_plan(self.config, self.rows, 0 if listed is None else len(listed))
        homes = [batches | "Spread" >> beam.FlatMap(spread_batch, plan)]
        if listed is not None:
            entries = batches.pipeline | beam.Create([(-1, to_ipc(listed))], reshuffle=False)
            homes.append(entries | "SpreadLists" >> beam.FlatMap(spread_batch, plan))
        losers = (
            homes
            | beam.Flatten()
            | "Gather" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(compare_home, plan)
        )
        names = batches | "Name" >> beam.Map(names_of_batch)
        return {"names": names, "losers": losers} | beam.CoGroupByKey() | "Settle" >> beam.Map(settle_shard)


def spread_batch(batch: Batch, plan: Plan) -> Iterator[tuple[Home, bytes]]:
    """Yield what each partition needs of a batch."""
    for kind, partition, rows in spread(from_ipc(batch[1]), plan):
        yield (kind, partition), to_ipc(rows)


def compare_home(home: tuple[Home, Iterable[bytes]], plan: Plan) -> Iterator[Batch]:
    """Yield the losers of one partition, shard by shard."""
    (kind, partition), parts = home
    rows = by_priority(pa.concat_tables(from_ipc(part) for part in parts))
    for order, losers in split_by_shard(find_losers(kind, partition, rows, plan)):
        yield order, to_ipc(losers)


def find_losers(kind: Kind | str, partition: int, rows: pa.Table, plan: Plan) -> pa.Table:
    """Compare a partition's rows, sorted by priority, by what they were gathered for."""
    if kind == "uid":
        return repeated_uids(rows)
    if kind == "sha256":
        return same_bytes(rows, among_samples=plan.exact)
    return near_duplicates(rows, partition, plan)


def names_of_batch(batch: Batch) -> Batch:
    """Return a batch's names alone."""
    return batch[0], to_ipc(from_ipc(batch[1]).select(NAME_COLUMNS))


def settle_shard(shard: tuple[int, Mapping[str, Iterable[bytes]]]) -> Batch:
    """Return the verdicts of one shard."""
    order, found = shard
    verdicts = settle(map(from_ipc, found["names"]), map(from_ipc, found["losers"]))
    return order, to_ipc(verdicts)
