"""Have the configured workers answer the configured recipes about every sample that is still in."""

from collections.abc import Mapping, Sequence
from contextlib import closing

import apache_beam as beam

from lvlm_workers.registry import make_worker
from lvlm_workers.resource_hints import resource_hints
from pipelines.command import main
from pipelines.engine import in_one_process, run_pipeline, runs_elsewhere
from pipelines.progress_display import Display
from pipelines.run import Run, check_done, check_drops
from schemas.config import AnnotateStep
from transforms.accounts import Account, total
from transforms.annotate_shards import AnnotateShards
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.shard_groups import plan_groups
from transforms.storage import exists


def run_annotate(run: Run) -> Account:
    """Commit every recipe's annotations of every shard; return what became of the samples, a recipe each.

    Recipes that start from other recipes' fields run in a pipeline of their own, after those.

    Raises:
        RunError: the pipeline failed, or more than `max_failed_replies` of a recipe's samples failed.
    """
    summaries = _summaries(run)
    if not summaries:
        return Account()
    check_done(run, "dedup")
    check_workers(run)
    counted: list[Account] = []
    for wave in waves(run):
        _annotate(run, wave, summaries)
        for step in wave:
            accounts = read_accounts(summaries[step.recipe])
            limit = run.config.max_failed_replies
            counted.append(check_drops(f"annotate ({step.recipe})", "max_failed_replies", limit, accounts))
    return total(counted)


def check_workers(run: Run) -> None:
    """Look whether the workers that are still to be asked could answer; not at GPUs of other machines.

    Raises:
        WorkerError: one could not.
    """
    summaries = _summaries(run)
    for step in run.config.annotate:
        check_worker(run, step.worker, summaries[step.recipe])


def check_worker(run: Run, name: str, summary: str) -> None:
    """Look whether a worker could answer, unless the summary of what it is asked for is there.

    Raises:
        WorkerError: it could not.
    """
    config = run.config.workers[name]
    if not exists(summary) and not (runs_elsewhere(run.arguments) and resource_hints(config)):
        with closing(make_worker(config)) as worker:
            worker.check()


def _summaries(run: Run) -> dict[str, str]:
    return {step.recipe: run.summary("annotate", run.asked(step)) for step in run.config.annotate}


def waves(run: Run) -> list[list[AnnotateStep]]:
    """Return the steps in groups that can run at the same time, each after those that it starts from."""
    last = max(step.wave for step in run.steps.values())
    by_wave = [[name for name, step in run.steps.items() if step.wave == n] for n in range(last + 1)]
    return [[step for step in run.config.annotate if step.recipe in names] for names in by_wave]


def _annotate(run: Run, steps: Sequence[AnnotateStep], summaries: Mapping[str, str]) -> None:
    left = read_accounts(run.summary("dedup"))
    samples = [left[job.shard.order].kept for job in run.jobs]

    def build(pipeline: beam.Pipeline) -> None:
        for step in steps:
            worker = run.config.workers[step.worker]
            groups = plan_groups(run.jobs, samples, worker, one_process=in_one_process(run.arguments))
            _ = (
                pipeline
                | f"Plan {step.recipe}" >> beam.Create(groups)
                | f"Annotate {step.recipe}" >> AnnotateShards(config=run.config, step=step)
                | f"Commit {step.recipe}" >> CommitAccounts(path=summaries[step.recipe])
            )

    run_pipeline(build, run.arguments)


def annotate_and_tell(run: Run) -> Account:
    """Annotate; say what the models' replies cost, also where too many of them stop the run."""
    with Display().spending(run):
        return run_annotate(run)


if __name__ == "__main__":
    main(annotate_and_tell, __doc__)
