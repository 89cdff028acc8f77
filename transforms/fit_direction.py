"""Fit the direction of quality from example pictures, once a run."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np

from lvlm_workers.clip_scorer import ClipScorer
from lvlm_workers.resource_hints import clip_hints
from recipes.hygiene import words_of
from recipes.wording.english import FUNCTION_WORDS
from schemas.config import RunConfig
from schemas.errors import RunError
from transforms.chunks import chunk_facts
from transforms.scoring.examples import direction_path, find_examples
from transforms.selecting.quality_direction import (
    Floats,
    QualityDirection,
    direction_json,
    fit_direction,
    nearest_words,
    sum_units,
)
from transforms.shard_job import ShardJob
from transforms.storage import commit_bytes, read_bytes

WORDS, NEAREST = 200, 10
_LEAST = 5
"""Samples that a word is in at the least to be looked at: the report quotes no single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A direction, how many examples could not be read, and the words nearest to its ends, with cosines."""

    direction: QualityDirection
    unreadable: int
    near_good: Sequence[tuple[str, float]]
    near_bad: Sequence[tuple[str, float]]

    def report(self) -> dict[str, Any]:
        """Return what run.json says of it."""
        near = {
            name: [[word, round(cosine, 4)] for word, cosine in words]
            for name, words in (("near_good", self.near_good), ("near_bad", self.near_bad))
        }
        counted = {"good": self.direction.good, "bad": self.direction.bad, "unreadable": self.unreadable}
        return counted | near


def fit_examples(job: ShardJob, config: RunConfig, scorer: ClipScorer) -> Fitted:
    """Return the direction from the bad examples to the good ones, a batch of pictures in memory at a time.

    Words are the commonest of the alt texts of one shard.

    Raises:
        RunError: there are no pictures to read of a kind, or nothing sets the kinds apart.
    """
    assert config.score is not None
    quality, size = config.score.quality, config.score.clip.batch_size
    assert quality is not None
    good, bad = (find_examples(patterns) for patterns in (quality.good, quality.bad))
    sums = [_sum(paths, scorer, size) for paths in (good, bad)]
    try:
        direction = fit_direction(*sums)
    except ValueError as error:
        raise RunError(f"score.quality: {error}; give other examples") from error
    unreadable = len(good) + len(bad) - direction.good - direction.bad
    fitted = Fitted(direction=direction, unreadable=unreadable, near_good=(), near_bad=())
    words = common_words(job, config)
    if not words:
        return fitted
    near_good, near_bad = nearest_words(direction, scorer.embed(words), words, NEAREST)
    return replace(fitted, near_good=near_good, near_bad=near_bad)


def common_words(job: ShardJob, config: RunConfig) -> list[str]:
    """Return the commonest words of a shard's alt texts, the commonest first."""
    counted = Counter[str]()
    for chunk in chunk_facts(job, config.chunk_samples):
        for facts in chunk:
            counted.update({word for word in words_of(facts.alt_text) if word.isalpha()} - FUNCTION_WORDS)
    common = [(-number, word) for word, number in counted.items() if number >= _LEAST]
    return [word for _, word in sorted(common)[:WORDS]]


def _sum(paths: Sequence[str], scorer: ClipScorer, size: int) -> tuple[Floats, int]:
    total, number = np.zeros(1), 0
    for start in range(0, len(paths), size):
        pictures = [read_bytes(path) for path in paths[start : start + size]]
        found = scorer.score(pictures, [()] * len(pictures))
        images = [one.image_E for one in found if one.image_E is not None]
        if images:
            summed, more = sum_units(np.stack(images))
            total, number = total + summed, number + more
    return total, number


@dataclass(kw_only=True, eq=False)
class FitDirection(beam.PTransform):  # type: ignore[misc]
    """Commit the direction of quality. In: PCollection of one ShardJob. Out: nothing."""

    config: RunConfig

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[None]:
        """Lift `fit_examples`."""
        assert self.config.score is not None
        return jobs | beam.ParDo(_Fit(self.config)).with_resource_hints(**clip_hints(self.config.score.clip))


class _Fit(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig) -> None:
        self._config = config

    def setup(self) -> None:
        assert self._config.score is not None
        self._scorer = ClipScorer(self._config.score.clip)

    def teardown(self) -> None:
        self._scorer.close()

    def process(self, job: ShardJob) -> Iterator[None]:
        fitted = fit_examples(job, self._config, self._scorer)
        told = {"direction": direction_json(fitted.direction), "report": fitted.report()}
        commit_bytes(direction_path(job, self._config), json.dumps(told, sort_keys=True).encode())
        yield None
