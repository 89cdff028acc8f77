"""Find duplicates across all shards, and pictures of evaluation sets, from facts alone."""

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from pipelines.command import main
from pipelines.engine import run_pipeline
from pipelines.run import Run, check_done, check_drops
from schemas.config import DedupConfig
from transforms.accounts import Account, total
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.dedup.deduplicate import Deduplicate
from transforms.dedup_shards import CommitVerdicts, dedup_batches
from transforms.shard_job import dedup_config
from transforms.storage import count_rows, list_files


def run_dedup(run: Run) -> Account:
    """Commit dedup's verdicts on every shard; return what became of the samples that profile kept.

    Raises:
        RunError: the pipeline failed, or more than `dedup.max_drop_ratio` were dropped.
    """
    check_done(run, "profile")
    config = dedup_config(run.config)
    summary = run.summary("dedup")
    decided = set(list_files(run.path("work", "dedup")))
    if not decided.issuperset(FileSystems.split(path)[1] for path in (summary, *(j.dedup for j in run.jobs))):
        _compare(run, config, summary)
    return check_drops("dedup", "dedup.max_drop_ratio", config.max_drop_ratio, read_accounts(summary))


def _compare(run: Run, config: DedupConfig, summary: str) -> None:
    rows = total(read_accounts(run.summary("profile")).values()).kept
    rows += sum(count_rows(path) for path in config.decontaminate)

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | beam.FlatMap(dedup_batches)
            | Deduplicate(config=config, rows=rows)
            | CommitVerdicts(jobs=run.jobs)
            | CommitAccounts(path=summary)
        )

    run_pipeline(build, run.arguments)


if __name__ == "__main__":
    main(run_dedup, __doc__)
