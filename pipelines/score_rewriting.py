"""Have sentences with a misaligned word written anew, and score what comes back."""

import apache_beam as beam

from pipelines.engine import in_one_process, run_pipeline
from pipelines.run import Run
from schemas.config import AnnotateStep
from transforms.annotate_shards import AnnotateShards
from transforms.commit_accounts import Accounts, CommitAccounts
from transforms.rescore_shard import rescore_shard
from transforms.score_shards import ScoreShards
from transforms.scoring.rewriting import rewrite_chunks
from transforms.scoring.scored import decided_alone
from transforms.shard_groups import plan_groups
from transforms.steps import REALIGN


def rewrite(run: Run, scored: Accounts) -> None:
    """Commit the new sentences and their scores, where the configuration asks for them.

    A reply that cannot be used mends nothing: the sentence goes, as it does without a rewriter.
    """
    if run.config.rewriter is None or not run.jobs:
        return
    step = AnnotateStep(recipe=REALIGN.name, worker=run.config.rewriter)
    worker = run.config.workers[run.config.rewriter]
    samples = [scored[job.shard.order].kept for job in run.jobs]
    groups = plan_groups(run.jobs, samples, worker, one_process=in_one_process(run.arguments))

    def ask(pipeline: beam.Pipeline) -> None:
        answered = (
            pipeline
            | beam.Create(groups)
            | AnnotateShards(config=run.config, step=step, plan_chunks=rewrite_chunks)
        )
        _ = answered | CommitAccounts(path=_summary(run, "asked"))

    def rescore(pipeline: beam.Pipeline) -> None:
        scores = pipeline | beam.Create(run.jobs) | ScoreShards(config=run.config, work=rescore_shard)
        _ = scores | CommitAccounts(path=_summary(run, "rescored"))

    run_pipeline(ask, run.arguments)
    run_pipeline(rescore, run.arguments)


def _summary(run: Run, what: str) -> str:
    return run.summary("rewrites", what, decided_alone(run.config))
