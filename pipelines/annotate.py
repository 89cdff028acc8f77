"""Have the configured workers answer the configured recipes about every sample that is still in."""

from contextlib import closing

import apache_beam as beam

from lvlm_workers.registry import make_worker
from pipelines.command import main
from pipelines.engine import run_pipeline
from pipelines.run import Run, check_done, check_drops
from transforms.accounts import Account, total
from transforms.annotate_shards import AnnotateShards
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.storage import exists


def run_annotate(run: Run) -> Account:
    """Commit every recipe's annotations of every shard; return what became of the samples, a recipe each.

    Raises:
        RunError: the pipeline failed, or more than `max_failed_replies` of a recipe's samples failed.
    """
    summaries = {step.recipe: run.summary("annotate", run.asked(step)) for step in run.config.annotate}

    def build(pipeline: beam.Pipeline) -> None:
        jobs = pipeline | beam.Create(run.jobs)
        for step in run.config.annotate:
            _ = (
                jobs
                | f"Annotate {step.recipe}" >> AnnotateShards(config=run.config, step=step)
                | f"Commit {step.recipe}" >> CommitAccounts(path=summaries[step.recipe])
            )

    if not summaries:
        return Account()
    check_done(run, "dedup")
    for step in run.config.annotate:
        if not exists(summaries[step.recipe]):
            with closing(make_worker(run.config.workers[step.worker])) as worker:
                worker.check()
    run_pipeline(build, run.arguments)
    limit = run.config.max_failed_replies
    return total(
        check_drops(f"annotate ({recipe})", "max_failed_replies", limit, read_accounts(path))
        for recipe, path in summaries.items()
    )


if __name__ == "__main__":
    main(run_annotate, __doc__)
