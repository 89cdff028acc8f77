"""What the score stage learns of the whole pool before it decides about one sample."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from pipelines.engine import run_pipeline
from pipelines.run import Run
from schemas.config import RunConfig
from transforms.annotated import annotated_chunks
from transforms.commit_accounts import Accounts
from transforms.scoring.candidates import candidates
from transforms.scoring.changed_words import CHANGED, TRUE, calibrate_counts, pool_words
from transforms.scoring.judged import SELECTIONS, refinement_path, selection_path, text_pairs
from transforms.scoring.keep import share_name, shares
from transforms.scoring.score_table import COLUMNS, scores_in
from transforms.scoring.scored import (
    EPSILON,
    Judged,
    needs_epsilon,
    score_path,
    scoring_of,
    thresholds_path,
)
from transforms.scoring.thresholds import BUCKETS, Counts, CountScores, find_bucket, rank_of, score_of
from transforms.select_shards import SelectShards
from transforms.selecting.blind_negatives import refine, refinement_json
from transforms.selecting.text_pairs import TextPair, draw_pairs
from transforms.shard_job import ShardJob
from transforms.storage import commit_bytes, exists, read_json, read_table, remove

NO_SCORES = np.zeros(BUCKETS, np.int64)
NO_WORD_IS_LOWER = -1.0


def find_thresholds(run: Run) -> None:
    """Commit the score that each share of the pool reaches, and the threshold of words."""
    rules, words = shares(scoring_of(run.config)), needs_epsilon(run.config)
    if not (rules or words) or not run.jobs or exists(path := thresholds_path(run.jobs[0], run.config)):
        return
    upper = _count(run, {})
    found: dict[str, float] = {}
    for rule in rules:
        counts = upper.get(rule.of, NO_SCORES)
        if not counts.any():
            found[share_name(rule)] = 1.0  # of no scores: nothing is kept
            continue
        bucket, rank = find_bucket(counts, rank_of(rule.bound()[1], int(counts.sum())))
        lower = _count(run, {rule.of: bucket})[rule.of]
        found[share_name(rule)] = score_of(bucket << 16 | find_bucket(lower, rank)[0])
    of_words = _find_epsilon(upper) if words else None
    if of_words is not None:
        found[EPSILON] = of_words["epsilon"]
    commit_bytes(path, json.dumps({"thresholds": found, "words": of_words}, sort_keys=True).encode())


def _find_epsilon(counts: Mapping[str, Counts]) -> dict[str, Any]:
    """Return the threshold of words, how well it divides, and of how many words it was found."""
    true, changed = (counts.get(kind, NO_SCORES) for kind in (TRUE, CHANGED))
    told = {"true_words": int(true.sum()), "changed_words": int(changed.sum())}
    if not true.any():
        return told | {"epsilon": NO_WORD_IS_LOWER, "youden_j": None}
    threshold = calibrate_counts(true, changed)
    return told | {"epsilon": threshold.epsilon, "youden_j": round(threshold.youden_j, 4)}


def words_report(run: Run) -> dict[str, Any] | None:
    """Return the threshold of words as the run found it; None where it was given, or words not looked at."""
    if not needs_epsilon(run.config) or not run.jobs:
        return None
    report: dict[str, Any] = read_json(thresholds_path(run.jobs[0], run.config))["words"]
    return report


def refine_negatives(run: Run) -> None:
    """Commit the text-only models that decide which negatives give themselves away."""
    negatives = scoring_of(run.config).negatives
    if negatives is None or not run.jobs or exists(path := refinement_path(run.jobs[0], run.config)):
        return
    most = negatives.sample

    def commit(pairs: Sequence[TextPair]) -> None:
        refinement, report = refine(pairs)
        told = {"refinement": refinement_json(refinement), "report": asdict(report)}
        commit_bytes(path, json.dumps(told, sort_keys=True).encode())

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(run.jobs)
            | beam.Map(pairs_of, config=run.config, most=most)
            | beam.CombineGlobally(_Draw(most))
            | beam.Map(commit)
        )

    run_pipeline(build, run.arguments)


def pairs_of(job: ShardJob, config: RunConfig, most: int) -> list[TextPair]:
    """Return a shard's pairs of sentence and negative, those that are drawn of more than `most`."""
    kept = (one for one in candidates(job, config) if isinstance(one, Judged))
    return draw_pairs((pair for one in kept for pair in text_pairs(one)), most)


@dataclass(frozen=True)
class _Draw:
    most: int

    def __call__(self, parts: Iterable[Sequence[TextPair]]) -> list[TextPair]:
        return draw_pairs(chain.from_iterable(parts), self.most)


def select(run: Run, scored: Accounts) -> None:
    """Commit who goes because of other samples, by each selection that is asked for."""
    samples = sum(account.kept for account in scored.values())
    for what in SELECTIONS:
        paths = [selection_path(job, run.config, what) for job in run.jobs]
        if getattr(run.config.score, what) is not None and not all(map(exists, paths)):

            def build(pipeline: beam.Pipeline, what: str = what) -> None:
                select = SelectShards(config=run.config, jobs=run.jobs, what=what, samples=samples)
                _ = pipeline | beam.Create(run.jobs) | select

            run_pipeline(build, run.arguments)


def negatives_report(run: Run) -> dict[str, Any] | None:
    """Return how well negatives were told without the picture, before and after; None where not looked at."""
    if scoring_of(run.config).negatives is None or not run.jobs:
        return None
    report: dict[str, Any] = read_json(refinement_path(run.jobs[0], run.config))["report"]
    return report


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
        table = read_table(score_path(job, config, chunk))
        found = {name: table.column(name).to_numpy().astype(np.float32) for name in COLUMNS}
        found["clip_best"] = np.fmax(found["clip_alt"], found["clip_caption"])
        whole = {name: scores[~np.isnan(scores)] for name, scores in found.items()}
        yield whole | (pool_words(scores_in(table)) if needs_epsilon(config) else {})
