"""Write down every sample that was not published, with its reason."""

from dataclasses import dataclass
from functools import partial

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from schemas.arrow import to_table
from schemas.config import RunConfig
from schemas.facts import Verdict
from transforms.accounts import Account
from transforms.process_pool import PooledDoFn
from transforms.profile_shards import verdict_account
from transforms.published import rejections
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, count_rows
from transforms.survivors import verdicts_so_far

COLUMNS = ("uid", "shard", "key", "stage", "kind", "reason", "value")


def rejected_rows(job: ShardJob, config: RunConfig) -> pa.Table:
    """Return the rejected samples of one shard, sorted by their place in it."""
    tables = [verdicts_so_far(job), to_table(Verdict, rejections(job, config))]
    verdicts = pa.concat_tables(tables).sort_by("index")
    shard = pa.array([job.shard.name] * verdicts.num_rows, pa.string())
    return verdicts.append_column("shard", shard).select(COLUMNS)


def reject_samples(job: ShardJob, config: RunConfig, folder: str) -> tuple[int, Account]:
    """Commit a shard's rejected samples, if there are any; return its order and final account."""
    rejected = rejected_rows(job, config)
    if rejected.num_rows:
        commit_table(str(FileSystems.join(folder, f"{job.shard.slug}.parquet")), rejected)
    return job.shard.order, verdict_account(count_rows(job.facts), rejected)


@dataclass(kw_only=True, eq=False)
class RejectSamples(beam.PTransform):  # type: ignore[misc]
    """Commit a table of rejected samples for every shard that has any.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig
    folder: str

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `reject_samples`."""
        work = partial(reject_samples, config=self.config, folder=self.folder)
        return jobs | beam.ParDo(PooledDoFn(work))
