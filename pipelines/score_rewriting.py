"""Have sentences with a misaligned word written anew, and score what comes back."""

from collections import Counter
from functools import partial

import apache_beam as beam

from pipelines.annotate import check_worker
from pipelines.engine import in_one_process, run_pipeline
from pipelines.run import Run, check_drops
from pipelines.score_lines import doubts_of_words
from pipelines.score_pool import words_report
from pipelines.usage import counted_in_shards, paced
from schemas.config import AnnotateStep
from schemas.errors import RunError
from schemas.workers import ModelWorkerConfig
from transforms.annotate_shards import AnnotateShards
from transforms.commit_accounts import Accounts, CommitAccounts, read_accounts
from transforms.progress import reset
from transforms.rescore_shard import rescore_shard
from transforms.score_shards import ScoreShards
from transforms.scoring.rewriting import left_out, realigning, rewrite_chunks
from transforms.scoring.scored import decided
from transforms.shard_groups import plan_groups
from transforms.steps import REALIGN


def rewrite(run: Run, scored: Accounts) -> None:
    """Commit the new sentences and their scores, where the configuration asks for them.

    A reply that cannot be used mends nothing: the sentence goes, as it does without a rewriter.

    Raises:
        DropRatioError: the server took too few requests.
        RunError: a model would be asked about words that a threshold tells badly.
    """
    if run.config.rewriter is None or not run.jobs:
        return
    check_threshold(run)
    reset()
    with paced(run):
        _ask(run, scored)
    check_drops(
        "score (realign)", "max_failed_replies", run.config.max_failed_replies, read_accounts(_summary(run))
    )
    reset()
    run_pipeline(
        lambda pipeline: (
            pipeline | beam.Create(run.jobs) | ScoreShards(config=run.config, work=rescore_shard)
        ),
        run.arguments,
    )


def check_threshold(run: Run) -> None:
    """Refuse to pay a model for sentences of which one is as likely to be false as another.

    Raises:
        RunError: the threshold was found from too few words, or tells true ones from false ones badly.
    """
    assert run.config.rewriter is not None
    worker = run.config.workers[run.config.rewriter]
    words = words_report(run)
    if words is None or not isinstance(worker, ModelWorkerConfig):
        return
    for doubt in doubts_of_words(words):
        raise RunError(
            f"score.words.rewrite would ask {run.config.rewriter!r}, but {doubt}; or, to use the threshold "
            f"as it is, --set score.words.epsilon={words['epsilon']:.6g}"
        )


def check_rewriter(run: Run) -> None:
    """Look whether the worker that is still to write sentences anew could answer.

    Raises:
        WorkerError: it could not.
    """
    if run.config.rewriter is not None:
        check_worker(run, run.config.rewriter, run.summary("score", decided(run.config)))


def count_left_out(run: Run) -> Counter[tuple[str, ...]]:
    """Return how many sentences were sent back in vain, by field and why."""
    decides = [run.marks, realigning(run.config)]
    work = partial(left_out, config=run.config)
    return counted_in_shards(run, "realign", decides, work, run.jobs)


def _ask(run: Run, scored: Accounts) -> None:
    assert run.config.rewriter is not None
    step = AnnotateStep(recipe=REALIGN.name, worker=run.config.rewriter)
    worker = run.config.workers[run.config.rewriter]
    samples = [scored[job.shard.order].kept for job in run.jobs]
    groups = plan_groups(run.jobs, samples, worker, one_process=in_one_process(run.arguments))

    def build(pipeline: beam.Pipeline) -> None:
        answered = (
            pipeline
            | beam.Create(groups)
            | AnnotateShards(config=run.config, step=step, plan_chunks=rewrite_chunks)
        )
        _ = answered | CommitAccounts(path=_summary(run))

    run_pipeline(build, run.arguments)


def _summary(run: Run) -> str:
    return run.summary("realign", realigning(run.config))
