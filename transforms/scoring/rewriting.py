"""Sentences with a misaligned word: what a worker is asked about them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from apache_beam.io.filesystems import FileSystems

from lvlm_workers.clip_words import misaligned
from schemas.config import RunConfig
from schemas.facts import Facts, WrittenFacts
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated, annotated
from transforms.chunks import Chunk, Planned, chunk_facts
from transforms.code_mark import code_mark
from transforms.fingerprint import fingerprint
from transforms.scoring.edit import MISALIGNED, find_faults, written_fields
from transforms.scoring.keep import Thresholds, is_kept
from transforms.scoring.score_table import Scores
from transforms.scoring.scored import epsilon_of, first_scores, measured, read_thresholds, scoring_of
from transforms.shard_job import ShardJob
from transforms.steps import REALIGN, Step, find_step
from transforms.storage import read_table
from transforms.written_facts import with_written

Places = Mapping[str, tuple[int, ...]]
"""By field, the places of some of its sentences."""


def misaligned_sentences(scores: Scores, config: ScoreConfig, epsilon: float | None) -> Places:
    """Return the sentences of a sample that go for a misaligned word, and for nothing else."""
    faults = find_faults(scores, config, epsilon)
    found = {
        name: tuple(k for k, why in enumerate(whys) if why == MISALIGNED) for name, whys in faults.items()
    }
    return {name: places for name, places in found.items() if places}


def rewrite_chunks(job: ShardJob, config: RunConfig, step: Step) -> Iterator[Planned]:
    """Yield the chunks of those of a shard's samples that have such a sentence, and are kept."""
    thresholds = read_thresholds(job, config)
    for facts in chunk_facts(job, config.chunk_samples):
        path = rewrites_path(job, config, facts)
        opened = partial(_open_chunk, job, config, thresholds, facts, path)
        yield Planned(path=path, samples=0, open=opened)


def rewrites_path(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> str:
    """Return where the new sentences of a chunk lie: the name holds all that decides them."""
    return job.annotations(REALIGN.name, chunk[0].index, _mark(job, config, chunk))


def rescored_path(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> str:
    """Return where the scores of the rewritten samples of a chunk lie."""
    name = f"rewritten-{job.shard.slug}-{chunk[0].index:08d}-{_mark(job, config, chunk)}.parquet"
    return str(FileSystems.join(job.work, "scores", name))


def realigning(config: RunConfig) -> list[object]:
    """Return what decides which sentences are sent back, and what is made of them."""
    scoring = scoring_of(config)
    bounds = [[rule.of, rule.bound()] for rule in scoring.keep]
    who = [bounds, scoring.ocr and scoring.ocr.max_printed]
    which = [
        scoring.texts.min,
        scoring.texts.below_alt,
        scoring.words and scoring.words.model_dump(exclude={"rewrite"}),
    ]
    asked = find_step(config, REALIGN.name).asked
    return [measured(config), who, which, asked, code_mark("transforms/scoring")]


def _mark(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> str:
    pool = job.dedup_mark  # of which thresholds are found
    indices = [facts.index for facts in chunk]
    return fingerprint("rewrites", realigning(config), pool, job.facts_mark, indices)


def left_out(job: ShardJob, config: RunConfig) -> Counter[tuple[str, ...]]:
    """Count the sentences of a shard that were sent back in vain, by field and why."""
    counted: Counter[tuple[str, ...]] = Counter()
    for chunk in chunk_facts(job, config.chunk_samples):
        rows = read_table(rewrites_path(job, config, chunk), ["dropped"]).column("dropped").to_pylist()
        for one in (one for row in rows for one in row or ()):
            counted[one["field"], one["why"]] += one["texts"]
    return counted


def _open_chunk(
    job: ShardJob, config: RunConfig, thresholds: Thresholds, facts: Sequence[Facts], path: str
) -> Chunk:
    scoring = scoring_of(config)
    epsilon = epsilon_of(scoring, thresholds)
    samples = annotated(job, config, facts)
    asked: list[Facts] = []
    for sample, scores in zip(samples, first_scores(job, config, facts, samples), strict=True):
        if is_kept(scores, scoring, thresholds) and (
            places := misaligned_sentences(scores, scoring, epsilon)
        ):
            assert epsilon is not None
            asked.append(_with_sentences(sample, scores, places, epsilon))
    return Chunk(path=path, samples=len(asked), facts=asked)


def _with_sentences(sample: Annotated, scores: Scores, places: Places, epsilon: float) -> WrittenFacts:
    """Return what `recipes.realign` is told of a sample."""
    written = written_fields(sample.annotations)
    told = {
        name: [
            {
                "text": written[name][k],
                "words": [word.word for word in misaligned(scores.words[name][k], epsilon)],
            }
            for k in of_field
        ]
        for name, of_field in places.items()
    }
    facts = with_written(sample.facts, (), ())
    return replace(facts, written=json.dumps({"misaligned": told}, sort_keys=True))
