"""What the scores of a shard's samples decide: who is kept, and which of their texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from apache_beam.io.filesystems import FileSystems

from schemas.config import RunConfig
from schemas.facts import Facts, Verdict
from schemas.scoring import ScoreConfig
from transforms.annotated import Annotated, annotated_chunks
from transforms.code_mark import SCORING, code_mark
from transforms.fingerprint import fingerprint
from transforms.scoring.edit import edit
from transforms.scoring.keep import UNREADABLE, Thresholds, objection, shares
from transforms.scoring.score_table import Scores, scores_in
from transforms.shard_job import ShardJob
from transforms.steps import plan_steps
from transforms.storage import read_json, read_table

STAGE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Annotated):
    """A sample that is kept, without the texts that were left out, and with its scores."""

    scores: Scores
    dropped: Mapping[str, Mapping[str, int]]


def measured(config: RunConfig) -> list[object]:
    """Return what decides the scores."""
    scoring = scoring_of(config)
    asked = [step.asked for step in plan_steps(config).values()]
    looked_at = [list(scoring.fields), scoring.words, scoring.embeddings]
    return [code_mark(*SCORING), scoring.clip.identity(), looked_at, asked, config.chunk_samples]


def decided(config: RunConfig) -> list[object]:
    """Return what decides who is kept, and which texts."""
    return [*measured(config), code_mark("transforms/scoring"), scoring_of(config)]


def scoring_of(config: RunConfig) -> ScoreConfig:
    """Return the section `score` of a run that has one."""
    assert config.score is not None, "the run has no section score"
    return config.score


def score_path(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> str:
    """Return where the scores of a chunk lie: the name holds all that decides them."""
    mark = fingerprint("score", measured(config), job.facts_mark, [facts.index for facts in chunk])
    return str(FileSystems.join(job.work, "scores", f"{job.shard.slug}-{chunk[0].index:08d}-{mark}.parquet"))


def thresholds_path(job: ShardJob, config: RunConfig) -> str:
    """Return where the pool's thresholds lie; the same for every shard of a run."""
    wanted = [[rule.of, rule.bound()] for rule in shares(scoring_of(config))]
    mark = fingerprint("thresholds", measured(config), job.dedup_mark, wanted)
    return str(FileSystems.join(job.work, "scores", f"thresholds-{mark}.json"))


def read_thresholds(job: ShardJob, config: RunConfig) -> Thresholds:
    """Return the pool's thresholds; none where no rule keeps a share."""
    found: Thresholds = read_json(thresholds_path(job, config)) if shares(scoring_of(config)) else {}
    return found


def judged(job: ShardJob, config: RunConfig) -> Iterator[Judged | Verdict]:
    """Yield what becomes of each sample that every recipe answered, in order; a chunk is in memory."""
    scoring, thresholds = scoring_of(config), read_thresholds(job, config)
    for chunk, samples in annotated_chunks(job, config):
        rows = scores_in(read_table(score_path(job, config, chunk)))
        for sample, scores in zip(samples, rows, strict=True):
            yield _judge(sample, scores, scoring, thresholds)


def _judge(
    sample: Annotated, scores: Scores, scoring: ScoreConfig, thresholds: Thresholds
) -> Judged | Verdict:
    if scores.reason is not None:
        return _verdict(sample.facts, "failed", UNREADABLE, scores.reason)
    if (against := objection(scores, scoring.keep, thresholds)) is not None:
        return _verdict(sample.facts, "dropped", *against)
    edited = edit(sample, scores, scoring)
    return Judged(
        facts=sample.facts, annotations=edited.annotations, scores=edited.scores, dropped=edited.dropped
    )


def _verdict(facts: Facts, kind: str, reason: str, value: str) -> Verdict:
    return Verdict(
        index=facts.index, uid=facts.uid, key=facts.key, stage=STAGE, kind=kind, reason=reason, value=value
    )
