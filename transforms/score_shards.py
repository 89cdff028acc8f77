"""Score the samples that every recipe answered, chunk by chunk."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.resource_hints import clip_hints
from schemas.config import RunConfig
from schemas.scoring import ScoreConfig
from transforms.accounts import Account, account
from transforms.annotated import Annotated, annotated_chunks
from transforms.progress import advance
from transforms.reading.images import ImageReader
from transforms.scoring.examine import Examiner
from transforms.scoring.examples import direction_path
from transforms.scoring.keep import UNREADABLE
from transforms.scoring.measure import Scorer, measure
from transforms.scoring.score_table import Scores, score_table
from transforms.scoring.scored import STAGE, score_path, scoring_of
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table

ScoreShard = Callable[[ShardJob, RunConfig, ClipScorer, Examiner], tuple[int, Account]]


def score_shard(job: ShardJob, config: RunConfig, scorer: Scorer, examiner: Examiner) -> tuple[int, Account]:
    """Commit the scores of a shard's chunks, where they are not yet; return its order and account."""
    paths: list[str] = []
    with closing(ImageReader(job.shard, config.input)) as images:
        for chunk, samples in annotated_chunks(job, config):
            paths.append(score_path(job, config, chunk))
            if exists(paths[-1]):
                advance("samples", len(samples))
            else:
                commit_table(paths[-1], score_samples(samples, images, scoring_of(config), scorer, examiner))
    reasons = [reason for path in paths for reason in read_table(path, ["reason"])["reason"].to_pylist()]
    failed = (("failed", STAGE, UNREADABLE) for reason in reasons if reason is not None)
    return job.shard.order, account(len(reasons), failed)


def score_samples(
    samples: Sequence[Annotated],
    images: ImageReader,
    scoring: ScoreConfig,
    scorer: Scorer,
    examiner: Examiner | None,
) -> pa.Table:
    """Return the scores of some samples; a picture is in memory for as long as its batch is scored."""
    rows: list[Scores] = []
    for start in range(0, len(samples), scoring.clip.batch_size):
        batch = samples[start : start + scoring.clip.batch_size]
        pictures = [images.read(one.facts.offset, one.facts.size_bytes) for one in batch]
        rows += measure(batch, pictures, scorer, scoring, examiner)
        advance("samples", len(batch))
    return score_table(rows, scoring.fields, scoring.words.read if scoring.words else ())


@dataclass(kw_only=True, eq=False)
class ScoreShards(beam.PTransform):  # type: ignore[misc]
    """Commit the scores of every shard's samples that every recipe answered.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.

    Args:
        work: what is done with a shard: `score_shard`, or `transforms.rescore_shard.rescore_shard`.
    """

    config: RunConfig
    work: ScoreShard = score_shard

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `work`, with a checkpoint that is loaded once a worker."""
        hints = clip_hints(scoring_of(self.config).clip)
        return jobs | beam.ParDo(_Score(self.config, self.work)).with_resource_hints(**hints)


class _Score(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig, work: ScoreShard) -> None:
        self._config = config
        self._work = work

    def setup(self) -> None:
        self._scorer = ClipScorer(scoring_of(self._config).clip)
        self._examiner: Examiner | None = None

    def teardown(self) -> None:
        self._scorer.close()
        self._examiner = None

    def process(self, job: ShardJob) -> Iterator[tuple[int, Account]]:
        scoring = scoring_of(self._config)
        if self._examiner is None:
            direction = direction_path(job, self._config) if scoring.quality else None
            self._examiner = Examiner(scoring, self._scorer, direction)
        yield self._work(job, self._config, self._scorer, self._examiner)
