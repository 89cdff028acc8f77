"""Measure every unit of each shard, and let the filters judge: one read a shard."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import apache_beam as beam
import pyarrow as pa

from schemas.arrow import from_table
from schemas.config import RunConfig
from schemas.facts import Facts, Verdict
from schemas.filters import Filter
from schemas.shard import Unit
from transforms.accounts import Account, account
from transforms.filter_facts import objection
from transforms.measure_units import measure_units
from transforms.ordered_map import ordered_map, thread_pool, threads
from transforms.process_pool import PooledDoFn
from transforms.progress import advance
from transforms.reading.units import read_units
from transforms.shard_job import ShardJob, extra_fields
from transforms.storage import commit_rows, count_rows, exists, read_groups, read_table

BATCH_UNITS = 16
BATCH_BYTES = 8 * 2**20
"""A batch is cut at the first of both, so that the images in flight are bounded in number and in bytes."""


def batches(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Yield neighbouring units in lists that one thread measures at a time."""
    batch: list[Unit] = []
    size = 0
    for unit in units:
        batch.append(unit)
        size += unit.size_bytes
        if len(batch) >= BATCH_UNITS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def measure_shard(job: ShardJob, config: RunConfig, *, needs_text: bool) -> Iterator[Facts]:
    """Yield the facts of every unit of a shard, in order, measured on all cores."""
    measure = partial(
        measure_units,
        job.shard.name,
        config=config.input,
        needs_text=needs_text,
        extra_fields=extra_fields(config),
    )
    units = batches(read_units(job.shard, config.input))
    for measured in ordered_map(measure, units, thread_pool(), 2 * threads() + 2):
        advance("samples", len(measured))
        yield from measured


HALVES = frozenset({"missing_image", "missing_text"})


def split_keys(units: Iterable[tuple[str, str | None]]) -> frozenset[str]:
    """Return the keys, of (key, reason) of a shard's units, that a half sample shares with another unit.

    Their members lie in several places of the shard. Even a unit that looks whole may lack its JSON then, and
    with it its uid, its licence and what a filter asks for.
    """
    seen: Counter[str] = Counter()
    halves: set[str] = set()
    for key, reason in units:
        seen[key] += 1
        if reason in HALVES:
            halves.add(key)
    return frozenset(key for key in halves if seen[key] > 1)


def judge(
    facts: Iterable[Facts], filters: Sequence[Filter], split: Collection[str] = ()
) -> Iterator[Verdict]:
    """Yield the verdicts on those facts that failed, that are of a split key, or that a filter objects to."""
    for row in facts:
        if row.key in split and (row.reason is None or row.reason in HALVES):
            stage, kind, reason, value = "read", "failed", "interleaved", row.reason or "image and text"
        elif row.reason is not None:
            stage, kind, reason, value = row.stage or "read", "failed", row.reason, row.value or ""
        elif (objects := objection(filters, row)) is not None:
            stage, kind, (reason, value) = "profile", "dropped", objects
        else:
            continue
        yield Verdict(
            index=row.index, uid=row.uid, key=row.key, stage=stage, kind=kind, reason=reason, value=value
        )


def profile_shard(job: ShardJob, config: RunConfig, *, needs_text: bool) -> tuple[int, Account]:
    """Commit a shard's facts and verdicts, where they are not yet; return its order and account."""
    if exists(job.facts):
        advance("samples", count_rows(job.facts))
    else:
        commit_rows(job.facts, Facts, measure_shard(job, config, needs_text=needs_text))
    if not exists(job.profile):
        columns = (group.to_pydict() for group in read_groups(job.facts, ["key", "reason"]))
        split = split_keys(pair for c in columns for pair in zip(c["key"], c["reason"], strict=True))
        facts = (row for group in read_groups(job.facts) for row in from_table(Facts, group))
        commit_rows(job.profile, Verdict, judge(facts, config.profile.filters, split))
    advance("bytes", job.shard.size_bytes)
    return job.shard.order, verdict_account(count_rows(job.facts), read_table(job.profile))


def verdict_account(entered: int, verdicts: pa.Table) -> Account:
    """Return the account of a shard's verdicts."""
    columns = (verdicts.column(name).to_pylist() for name in ("kind", "stage", "reason"))
    return account(entered, zip(*columns, strict=True))


@dataclass(kw_only=True, eq=False)
class ProfileShards(beam.PTransform):  # type: ignore[misc]
    """Commit facts and filters' verdicts of every shard.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig
    needs_text: bool

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `profile_shard`."""
        return jobs | beam.ParDo(
            PooledDoFn(partial(profile_shard, config=self.config, needs_text=self.needs_text))
        )
