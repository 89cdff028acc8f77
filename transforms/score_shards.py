"""Score the samples that every recipe answered, chunk by chunk."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import apache_beam as beam

from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.resource_hints import clip_hints
from schemas.config import RunConfig
from transforms.accounts import Account, account
from transforms.annotated import Annotated, annotated_chunks
from transforms.progress import advance
from transforms.reading.images import ImageReader
from transforms.scoring.examine import Examiner
from transforms.scoring.examples import direction_path
from transforms.scoring.keep import UNREADABLE
from transforms.scoring.measure import Scorer, measure
from transforms.scoring.score_table import score_table
from transforms.scoring.scored import STAGE, score_path
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table


def score_shard(job: ShardJob, config: RunConfig, scorer: Scorer, examiner: Examiner) -> tuple[int, Account]:
    """Commit the scores of a shard's chunks, where they are not yet; return its order and account.

    A picture is in memory for as long as its batch is scored.
    """
    scoring = config.score
    assert scoring is not None
    words = scoring.words.read if scoring.words else ()
    paths: list[str] = []
    with closing(ImageReader(job.shard, config.input)) as images:
        for chunk, samples in annotated_chunks(job, config):
            paths.append(score_path(job, config, chunk))
            if not exists(paths[-1]):
                rows = []
                for batch in _batches(samples, scoring.clip.batch_size):
                    pictures = [images.read(one.facts.offset, one.facts.size_bytes) for one in batch]
                    rows += measure(batch, pictures, scorer, scoring, examiner)
                    advance("samples", len(batch))
                commit_table(paths[-1], score_table(rows, scoring.fields, words))
            else:
                advance("samples", len(samples))
    reasons = [reason for path in paths for reason in read_table(path, ["reason"])["reason"].to_pylist()]
    failed = (("failed", STAGE, UNREADABLE) for reason in reasons if reason is not None)
    return job.shard.order, account(len(reasons), failed)


def _batches(samples: Sequence[Annotated], size: int) -> Iterator[Sequence[Annotated]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


@dataclass(kw_only=True, eq=False)
class ScoreShards(beam.PTransform):  # type: ignore[misc]
    """Commit the scores of every shard's samples that every recipe answered.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `score_shard`."""
        assert self.config.score is not None
        hints = clip_hints(self.config.score.clip)
        return jobs | beam.ParDo(_Score(self.config)).with_resource_hints(**hints)


class _Score(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig) -> None:
        self._config = config

    def setup(self) -> None:
        assert self._config.score is not None
        self._scorer = ClipScorer(self._config.score.clip)
        self._examiner: Examiner | None = None

    def teardown(self) -> None:
        self._scorer.close()
        self._examiner = None

    def process(self, job: ShardJob) -> Iterator[tuple[int, Account]]:
        scoring = self._config.score
        assert scoring is not None
        if self._examiner is None:
            direction = direction_path(job, self._config) if scoring.quality else None
            self._examiner = Examiner(scoring, self._scorer, direction)
        yield score_shard(job, self._config, self._scorer, self._examiner)
