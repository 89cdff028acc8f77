"""Compare the samples of all shards with each other, and commit who goes for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apache_beam as beam

from schemas.config import RunConfig
from schemas.selecting import BalanceConfig
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.publish.caption import choose_caption
from transforms.scoring.edit import written_fields
from transforms.scoring.judged import SELECTIONS, selected, selection_path
from transforms.scoring.scored import Judged, scoring_of
from transforms.selecting.balance import entries_of
from transforms.selecting.balance_samples import BalanceSamples, entries_batch
from transforms.selecting.semantic_batch import embedded_batch
from transforms.selecting.semantic_duplicates import SemanticDuplicates
from transforms.selecting.settle import Numbered
from transforms.shard_job import ShardJob
from transforms.storage import commit_table

_BATCH = 1024


@dataclass(kw_only=True, eq=False)
class SelectShards(beam.PTransform):  # type: ignore[misc]
    """Commit one selection's verdicts on every shard; those before it are committed.

    In: PCollection of ShardJob. Out: PCollection of shard orders, one a shard.

    Args:
        what: `semantic` or `balance`.
        samples: how many there are, about.
    """

    config: RunConfig
    jobs: tuple[ShardJob, ...]
    what: str
    samples: int

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[int]:
        """Read what is compared, compare, commit."""
        scoring = scoring_of(self.config)
        if self.what == "semantic":
            assert scoring.semantic is not None
            batches = jobs | beam.FlatMap(semantic_batches, config=self.config)
            decided = batches | SemanticDuplicates(config=scoring.semantic, samples=self.samples)
        else:
            assert scoring.balance is not None
            batches = jobs | beam.FlatMap(entry_batches, config=self.config)
            decided = batches | BalanceSamples(config=scoring.balance)
        return decided | beam.Map(_commit, self.jobs, self.config, self.what)


def semantic_batches(job: ShardJob, config: RunConfig) -> Iterator[Numbered]:
    """Yield a shard's samples with their embeddings, at least one batch."""

    def table(samples: list[Judged]) -> bytes:
        facts = [sample.facts for sample in samples]
        return to_ipc(
            embedded_batch(
                [one.index for one in facts],
                [one.uid for one in facts],
                [one.key for one in facts],
                [sample.scores.image for sample in samples],
            )
        )

    return _batches(job, config, "semantic", table)


def entry_batches(job: ShardJob, config: RunConfig) -> Iterator[Numbered]:
    """Yield a shard's samples with what they name, at least one batch."""
    balance = scoring_of(config).balance
    assert balance is not None

    def table(samples: list[Judged]) -> bytes:
        facts = [sample.facts for sample in samples]
        return to_ipc(
            entries_batch(
                [one.index for one in facts],
                [one.uid for one in facts],
                [one.key for one in facts],
                [_entries(sample, balance) for sample in samples],
            )
        )

    return _batches(job, config, "balance", table)


def _entries(sample: Judged, balance: BalanceConfig) -> list[str]:
    fields = written_fields(sample.annotations)
    return entries_of(fields, choose_caption(fields, sample.facts.alt_text), balance)


def _batches(
    job: ShardJob, config: RunConfig, what: str, table: Callable[[list[Judged]], bytes]
) -> Iterator[Numbered]:
    done = [other for other in SELECTIONS[: SELECTIONS.index(what)] if getattr(config.score, other)]
    yield job.shard.order, table([])
    batch: list[Judged] = []
    for one in selected(job, config, done):
        if isinstance(one, Judged):
            batch.append(one)
        if len(batch) == _BATCH:
            yield job.shard.order, table(batch)
            batch = []
    yield job.shard.order, table(batch)


def _commit(decided: Numbered, jobs: tuple[ShardJob, ...], config: RunConfig, what: str) -> int:
    order, data = decided
    commit_table(selection_path(jobs[order], config, what), from_ipc(data))
    return order
