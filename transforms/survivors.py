"""Which samples of a shard are still in, after the stages so far."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow import from_table
from schemas.facts import Facts
from transforms.shard_job import ShardJob
from transforms.storage import read_groups, read_table


def verdicts_so_far(job: ShardJob, *, dedup: bool = True) -> pa.Table:
    """Return the verdicts of profile and, where asked, dedup on one shard."""
    paths = [job.profile, job.dedup] if dedup else [job.profile]
    return pa.concat_tables(read_table(path) for path in paths)


def surviving_groups(
    job: ShardJob, gone: "pa.Array[Any]", columns: list[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the facts of a shard, a row group at a time and in order, without the indices in `gone`."""
    for group in read_groups(job.facts, columns):
        yield group.filter(pc.invert(pc.is_in(group.column("index"), value_set=gone)))


def survivors(job: ShardJob, columns: list[str] | None = None) -> Iterator[Facts]:
    """Yield the facts of the samples that profile and dedup kept, in order; of some columns where named."""
    gone = verdicts_so_far(job).column("index").combine_chunks()
    for group in surviving_groups(job, gone, columns):
        yield from from_table(Facts, group, columns)
