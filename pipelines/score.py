"""Score what was written with a CLIP, and decide what is kept for it."""

import json
from collections.abc import Iterator, Mapping

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from lvlm_workers.clip_scorer import ClipScorer
from pipelines.command import main
from pipelines.engine import run_pipeline
from pipelines.run import Run, check_done, check_drops
from schemas.config import RunConfig
from transforms.accounts import Account
from transforms.annotated import annotated_chunks
from transforms.commit_accounts import CommitAccounts, read_accounts
from transforms.commit_counts import CommitCounts, read_counts
from transforms.decide_shards import Decided, DecideShards
from transforms.score_shards import ScoreShards
from transforms.scoring.keep import share_name, shares
from transforms.scoring.scored import decided, measured, score_path, scoring_of, thresholds_path
from transforms.scoring.thresholds import Counts, CountScores, find_bucket, rank_of, score_of
from transforms.shard_job import ShardJob
from transforms.storage import commit_bytes, exists, read_json, read_table, remove


def run_score(run: Run) -> Account:
    """Commit the scores of every sample, and what they decide; return what became of the samples.

    Raises:
        ConfigError: the checkpoint cannot be used.
        RunError: the pipeline failed, or more than `score.max_drop_ratio` were dropped.
    """
    if run.config.score is None:
        return Account()
    for step in run.config.annotate:
        check_done(run, "annotate", run.asked(step))
    check_scorer(run)
    if not exists(_measured(run)):
        _measure(run)
    _find_thresholds(run)
    summary = run.summary("score", decided(run.config))
    if not (exists(summary) and exists(_left_out(run))):
        _decide(run, summary)
    limit = run.config.score.max_drop_ratio
    return check_drops("score", "score.max_drop_ratio", limit, read_accounts(summary))


def check_scorer(run: Run) -> None:
    """Look whether the checkpoint can be used, where it is still to score.

    Raises:
        ConfigError: it cannot.
    """
    if run.config.score is not None and not exists(_measured(run)):
        ClipScorer(run.config.score.clip).check()


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
        _ = found | "Texts" >> beam.Map(lambda one: one[2]) | CommitCounts(path=_left_out(run))

    run_pipeline(build, run.arguments)


def _account(found: Decided) -> tuple[int, Account]:
    return found[:2]


def texts_left_out(run: Run) -> dict[str, dict[str, int]]:
    """Return how many texts the scores left out, by field and reason."""
    found: dict[str, dict[str, int]] = {}
    for (field, why), number in sorted(read_counts(_left_out(run)).items()):
        found.setdefault(field, {})[why] = number
    return found


def _left_out(run: Run) -> str:
    return run.summary("score", "texts", decided(run.config))


def _find_thresholds(run: Run) -> None:
    """Commit the score that each share of the pool reaches."""
    rules = shares(scoring_of(run.config))
    if not rules or not run.jobs or exists(path := thresholds_path(run.jobs[0], run.config)):
        return
    wanted = {share_name(rule): rule for rule in rules}
    upper = _count(run, {})
    ranks = {name: rank_of(rule.bound()[1], int(upper[rule.of].sum())) for name, rule in wanted.items()}
    found: dict[str, float] = {}
    for name, rule in wanted.items():
        if not upper[rule.of].any():
            found[name] = 1.0  # of no scores: nothing is kept
            continue
        bucket, rank = find_bucket(upper[rule.of], ranks[name])
        lower = _count(run, {rule.of: bucket})[rule.of]
        found[name] = score_of(bucket << 16 | find_bucket(lower, rank)[0])
    commit_bytes(path, json.dumps(found, sort_keys=True).encode())


def _count(run: Run, upper: Mapping[str, int]) -> dict[str, Counts]:
    """Return how many samples have each half of a score (see `CountScores`)."""
    path = run.path("work", "scores", "counts.json")

    def keep(counts: Mapping[str, Counts]) -> None:
        commit_bytes(path, json.dumps({name: of.tolist() for name, of in counts.items()}).encode())

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | beam.FlatMap(scores_of, config=run.config)
            | CountScores(upper=upper)
            | beam.Map(keep)
        )

    run_pipeline(build, run.arguments)
    found = {name: np.array(of, np.int64) for name, of in read_json(path).items()}
    remove(path)
    return found


def scores_of(job: ShardJob, config: RunConfig) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield a shard's scores by name, a chunk at a time; those that are missing are left out."""
    for chunk, _ in annotated_chunks(job, config):
        table = read_table(score_path(job, config, chunk), ["clip_alt", "clip_caption"])
        found = {name: table.column(name).to_numpy().astype(np.float32) for name in table.column_names}
        found["clip_best"] = np.fmax(found["clip_alt"], found["clip_caption"])
        yield {name: scores[~np.isnan(scores)] for name, scores in found.items()}


if __name__ == "__main__":
    main(run_score, __doc__)
