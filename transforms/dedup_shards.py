"""Read what dedup compares of each shard, and commit what it decides."""

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam

from schemas.arrow import from_table
from schemas.facts import Facts
from transforms.accounts import Account
from transforms.dedup.batch import batch_from_facts, from_ipc, to_ipc
from transforms.profile_shards import verdict_account
from transforms.progress import advance
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, count_rows
from transforms.survivors import surviving_groups, verdicts_so_far

COMPARED = ["index", "uid", "key", "sha256", "phash", "colour_grid", "width", "height"]


def dedup_batches(job: ShardJob) -> Iterator[tuple[int, bytes]]:
    """Yield (shard order, Arrow IPC) of the samples that profile kept, at least one batch a shard."""
    gone = verdicts_so_far(job, dedup=False).column("index").combine_chunks()
    yield job.shard.order, to_ipc(batch_from_facts(job.shard.order, []))
    for group in surviving_groups(job, gone, COMPARED):
        facts = from_table(Facts, group, COMPARED)
        advance("samples", len(facts))
        yield job.shard.order, to_ipc(batch_from_facts(job.shard.order, facts))


@dataclass(kw_only=True, eq=False)
class CommitVerdicts(beam.PTransform):  # type: ignore[misc]
    """Commit dedup's verdicts on every shard.

    In: PCollection of (shard order, IPC of Verdict rows). Out: PCollection of (shard order, Account of the
    samples that profile kept), one a shard. `jobs` are the run's, in order.
    """

    jobs: tuple[ShardJob, ...]

    def expand(self, decided: beam.PCollection[tuple[int, bytes]]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `commit_verdicts`."""
        return decided | beam.Map(lambda pair, jobs: commit_verdicts(jobs[pair[0]], pair[1]), self.jobs)


def commit_verdicts(job: ShardJob, data: bytes) -> tuple[int, Account]:
    """Commit dedup's verdicts on one shard; return its order and account."""
    verdicts = from_ipc(data)
    commit_table(job.dedup, verdicts)
    entered = count_rows(job.facts) - count_rows(job.profile)
    return job.shard.order, verdict_account(entered, verdicts)
