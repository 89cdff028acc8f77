"""Score what was written with a CLIP, and decide what is kept for it."""

from typing import Any

import apache_beam as beam

from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.resource_hints import clip_hints
from lvlm_workers.text_finder import OcrTextFinder
from pipelines.command import main
from pipelines.engine import run_pipeline, runs_elsewhere
from pipelines.run import Run, check_done, check_drops
from pipelines.score_direction import find_direction
from pipelines.score_mining import mine_negatives
from pipelines.score_pool import find_thresholds, refine_negatives, select
from pipelines.score_rewriting import check_rewriter, count_left_out, rewrite
from transforms.accounts import Account
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.commit_counts import CommitCounts, read_counts
from transforms.decide_shards import Decided, DecideShards
from transforms.score_shards import ScoreShards
from transforms.scoring.scored import decided, measured
from transforms.storage import exists


def run_score(run: Run) -> Account:
    """Commit the scores of every sample, and what they decide; return what became of the samples.

    Raises:
        ConfigError: the checkpoint cannot be used.
        RunError: the pipeline failed, or more than `score.max_drop_ratio` were dropped.
    """
    if run.config.score is None:
        return Account()
    check_done(run, "dedup")
    for step in run.config.annotate:
        check_done(run, "annotate", run.asked(step))
    check_rewriter(run)
    check_scorer(run)
    find_direction(run)
    _measure(run)  # what is committed is passed by, what was removed is made anew
    find_thresholds(run)
    rewrite(run, read_accounts(_measured(run)))
    refine_negatives(run)
    select(run, read_accounts(_measured(run)))
    mine_negatives(run)
    summary = run.summary("score", decided(run.config))
    if not (exists(summary) and exists(_texts(run))):
        _decide(run, summary)
    limit = run.config.score.max_drop_ratio
    return check_drops("score", "score.max_drop_ratio", limit, read_accounts(summary))


def check_scorer(run: Run) -> None:
    """Look whether what is still to score can be: the checkpoint, packages; not at GPUs of other machines.

    Raises:
        ConfigError: it cannot.
    """
    if run.config.score is None or exists(_measured(run)):
        return
    clip = run.config.score.clip
    if not (runs_elsewhere(run.arguments) and clip_hints(clip)):
        ClipScorer(clip).check()
        if run.config.score.ocr is not None:
            OcrTextFinder()


def _measured(run: Run) -> str:
    return run.summary("scores", measured(run.config))


def _measure(run: Run) -> None:
    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | ScoreShards(config=run.config)
            | CommitAccounts(path=_measured(run))
        )

    run_pipeline(build, run.arguments)


def _decide(run: Run, summary: str) -> None:
    def build(pipeline: beam.Pipeline) -> None:
        found = pipeline | beam.Create(run.jobs) | DecideShards(config=run.config)
        accounts = found | "Accounts" >> beam.Map(_account)
        _ = accounts | CommitAccounts(path=summary)
        _ = found | "Texts" >> beam.Map(lambda one: one[2]) | CommitCounts(path=_texts(run))

    run_pipeline(build, run.arguments)


def _account(found: Decided) -> tuple[int, Account]:
    return found[:2]


def texts_left_out(run: Run) -> dict[str, dict[str, int]]:
    """Return how many texts the scores left out, by field and reason."""
    found: dict[str, dict[str, int]] = {}
    for (what, field, *why), number in sorted(read_counts(_texts(run)).items()):
        if what == "left out":
            found.setdefault(field, {})[why[0]] = number
    return found


def texts_rewritten(run: Run) -> dict[str, dict[str, Any]]:
    """Return by field how many sentences were sent back, how many came back and stand, and why others do not.

    What came back and was left out again for its scores is among `texts_left_out`.
    """
    counted, unused = read_counts(_texts(run)), count_left_out(run)
    fields = sorted(key[1] for key in counted if key[0] == "asked")
    return {
        name: {what: counted.get((what, name), 0) for what in ("asked", "mended")}
        | {"unused": {why: number for (field, why), number in sorted(unused.items()) if field == name}}
        for name in fields
    }


def _texts(run: Run) -> str:
    return run.summary("score", "texts", decided(run.config))


if __name__ == "__main__":
    main(run_score, __doc__)
