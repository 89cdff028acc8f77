"""Hard negatives that the score stage mines across the samples it keeps, and the table of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import apache_beam as beam
import pyarrow.parquet as pq

from pipelines.engine import run_pipeline
from pipelines.run import Run
from schemas.config import RunConfig
from transforms.mine_negatives import (
    Drawn,
    drawn_texts,
    lowest,
    mine_shard,
    mined_path,
    mining_of,
    pool_path,
    pool_table,
    read_pool,
)
from transforms.scoring.scored import scoring_of
from transforms.selecting.hard_negatives import SCHEMA, Texts
from transforms.shard_job import ShardJob
from transforms.storage import commit, commit_table, exists, read_table

TABLE = "mined_negatives.parquet"


def mine_negatives(run: Run) -> None:
    """Commit the hard negatives of every kept sample, shard by shard; who is kept is decided by now."""
    if scoring_of(run.config).hard_negatives is None or not run.jobs:
        return
    if not exists(path := pool_path(run.jobs[0], run.config)):
        _draw_pool(run, path)
    if not all(exists(mined_path(job, run.config)) for job in run.jobs):
        run_pipeline(
            lambda pipeline: pipeline | beam.Create(run.jobs) | beam.ParDo(_Mine(run.config)), run.arguments
        )


def write_mined(run: Run) -> None:
    """Write the table of all mined negatives beside the shards, where they are asked for.

    A shard's are a row group, in the order of the published samples, hardest first.
    """
    if run.config.score is None or run.config.score.hard_negatives is None:
        return
    with commit(run.path(TABLE)) as stream, pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
        for job in run.jobs:
            table = read_table(mined_path(job, run.config))
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def _draw_pool(run: Run, path: str) -> None:
    most = mining_of(run.config).pool

    def commit_pool(drawn: Sequence[Drawn]) -> None:
        commit_table(path, pool_table(drawn))

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | beam.Map(drawn_texts, config=run.config)
            | beam.CombineGlobally(_Lowest(most))
            | beam.Map(commit_pool)
        )

    run_pipeline(build, run.arguments)


@dataclass(frozen=True)
class _Lowest:
    most: int

    def __call__(self, parts: Iterable[Sequence[Drawn]]) -> list[Drawn]:
        return lowest(chain.from_iterable(parts), self.most)


class _Mine(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._pool: Texts | None = None

    def process(self, job: ShardJob) -> None:
        def pool() -> Texts:
            if self._pool is None:
                self._pool = read_pool(pool_path(job, self._config))
            return self._pool

        mine_shard(job, self._config, pool)
