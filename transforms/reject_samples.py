"""Write down every sample that was not published, with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from schemas.arrow import to_table
from schemas.config import RunConfig
from schemas.facts import Verdict
from transforms.accounts import Account, account
from transforms.published import failures
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, count_rows
from transforms.survivors import verdicts_so_far

COLUMNS = ("uid", "shard", "key", "stage", "kind", "reason", "value")


def rejected_rows(job: ShardJob, config: RunConfig) -> pa.Table:
    """Return the rejected samples of one shard, sorted by their place in it."""
    tables = [verdicts_so_far(job), to_table(Verdict, failures(job, config))]
    verdicts = pa.concat_tables(tables).sort_by("index")
    shard = pa.array([job.shard.name] * verdicts.num_rows, pa.string())
    return verdicts.append_column("shard", shard).select(COLUMNS)


def shard_account(job: ShardJob, rejected: pa.Table) -> Account:
    """Return the final account of one input shard, from what was measured and what was rejected."""
    columns = (rejected.column(name).to_pylist() for name in ("kind", "stage", "reason"))
    return account(count_rows(job.facts), zip(*columns, strict=True))


@dataclass(kw_only=True, eq=False)
class RejectSamples(beam.PTransform):  # type: ignore[misc]
    """Commit a table of rejected samples for every shard that has any.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig
    folder: str

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `rejected_rows`."""
        return jobs | beam.ParDo(_Reject(self.config, self.folder))


class _Reject(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig, folder: str) -> None:
        self._config = config
        self._folder = folder

    def process(self, job: ShardJob) -> Iterator[tuple[int, Account]]:
        rejected = rejected_rows(job, self._config)
        if rejected.num_rows:
            commit_table(str(FileSystems.join(self._folder, f"{job.shard.slug}.parquet")), rejected)
        yield job.shard.order, shard_account(job, rejected)
