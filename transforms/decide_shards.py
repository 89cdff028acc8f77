"""Decide, from the scores, which samples are kept, and count which texts of theirs are left out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam

from schemas.config import RunConfig
from schemas.facts import Verdict
from transforms.accounts import Account, account
from transforms.scoring.judged import judged
from transforms.scoring.scored import Judged
from transforms.shard_job import ShardJob

Decided = tuple[int, Account, Counter[tuple[str, ...]]]
"""Order of a shard, what became of its samples, and of the texts of those that are kept: by ("left out",
field, why), ("asked", field) and ("mended", field)."""


def decide_shard(job: ShardJob, config: RunConfig) -> Decided:
    """Return what becomes of those of a shard's samples that every recipe answered, and of their texts."""
    verdicts = Counter[tuple[str, str, str]]()
    texts = Counter[tuple[str, ...]]()
    entered = 0
    for one in judged(job, config):
        entered += 1
        if isinstance(one, Verdict):
            verdicts[one.kind, one.stage, one.reason] += 1
        else:
            texts.update(dict(_texts(one)))
    return job.shard.order, account(entered, verdicts.elements()), texts


def _texts(sample: Judged) -> Iterator[tuple[tuple[str, ...], int]]:
    for name, whys in sample.dropped.items():
        yield from ((("left out", name, why), number) for why, number in whys.items())
    yield from ((("asked", name), number) for name, number in sample.asked.items())
    if sample.realigned is not None:
        yield from ((("mended", name), len(places)) for name, places in sample.realigned.sentences.items())


@dataclass(kw_only=True, eq=False)
class DecideShards(beam.PTransform):  # type: ignore[misc]
    """Count what the scores decide. In: PCollection of ShardJob. Out: PCollection of Decided, one a shard."""

    config: RunConfig

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[Decided]:
        """Lift `decide_shard`."""
        return jobs | beam.Map(decide_shard, config=self.config)
